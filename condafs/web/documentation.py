"""The OpenAPI document: FastAPI's, told what it cannot know."""

from typing import Any

from fastapi import FastAPI

NEEDS_TOKEN = frozenset({"/api/v1/specification/"})
"""What is read, and needs a token all the same."""


def document(app: FastAPI, make: Any, *, is_open: bool) -> dict[str, Any]:
    """The document; made once.

    Args:
        app: Keeps it.
        make: What FastAPI makes it with.
        is_open: Whether everybody may read: then no token is needed for that, though one may be shown.
    """
    if app.openapi_schema:
        return app.openapi_schema
    found: dict[str, Any] = make()
    for path, operations in found["paths"].items():
        read = operations.get("get")
        if read and is_open and "security" in read and path not in NEEDS_TOKEN:
            read["security"] = [*read["security"], {}]
    return found
