"""`/docs`: the API as its OpenAPI document describes it, rendered here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from condafs.web.page.view import SHOWN, ViewOf

router = APIRouter(include_in_schema=False)

Schema = Mapping[str, Any]

ENDLESS = 20
"""Schemas may refer to themselves; ours are shallow."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a path, of a query or of a body."""

    name: str
    place: str
    kind: str
    is_required: bool
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    summary: str
    description: str
    parameters: list[Parameter]
    statuses: Mapping[str, str]
    example: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    operations: list[Operation] = field(default_factory=list)


def groups_of(document: Schema, base_url: str) -> list[Group]:
    """What an OpenAPI document describes, in its order."""
    groups: dict[str, Group] = {}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            tag = (described.get("tags") or ["other"])[0]
            group = groups.setdefault(tag, Group(tag))
            group.operations.append(_operation(document, path, method.upper(), described, base_url))
    return list(groups.values())


def _operation(document: Schema, path: str, method: str, described: Schema, base_url: str) -> Operation:
    parameters = [_parameter(document, item) for item in described.get("parameters", ())]
    body = _body(document, described)
    parameters += _fields(document, body)
    statuses = {code: str(answer.get("description", "")) for code, answer in described.get("responses", {}).items()}
    return Operation(
        method=method,
        path=path,
        summary=described.get("summary", ""),
        description=described.get("description", ""),
        parameters=parameters,
        statuses=statuses,
        example=_example(document, method, f"{base_url}{path}", body),
        anchor=f"{method.lower()}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
    )


def _resolve(document: Schema, schema: Schema) -> Schema:
    for _ in range(ENDLESS):
        reference = schema.get("$ref")
        if not reference:
            break
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return schema


def _parameter(document: Schema, item: Schema) -> Parameter:
    schema = _resolve(document, item.get("schema", {}))
    description = item.get("description") or schema.get("description", "")
    return Parameter(
        item["name"],
        item["in"],
        _kind(document, schema),
        bool(item.get("required")),
        _default(schema),
        str(description),
    )


def _body(document: Schema, described: Schema) -> Schema:
    content = described.get("requestBody", {}).get("content", {})
    return _resolve(document, content.get("application/json", {}).get("schema", {}))


def _fields(document: Schema, body: Schema) -> Iterator[Parameter]:
    required = body.get("required", ())
    for name, schema in body.get("properties", {}).items():
        description = str(schema.get("description", ""))
        yield Parameter(name, "body", _kind(document, schema), name in required, _default(schema), description)


def _kind(document: Schema, schema: Schema) -> str:
    """Its type in a few words."""
    schema = _resolve(document, schema)
    if choices := schema.get("anyOf"):
        kinds = [_kind(document, choice) for choice in choices]
        return " or ".join(kind for kind in dict.fromkeys(kinds) if kind != "null")
    if values := schema.get("enum"):
        return " | ".join(map(str, values))
    kind = str(schema.get("type", "any"))
    return f"{kind} of {_kind(document, schema['items'])}" if kind == "array" and "items" in schema else kind


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default in (None, "", []) else json.dumps(default)


def _example(document: Schema, method: str, url: str, body: Schema) -> str:
    parts = ["curl"]
    if method != "GET":
        parts += ["-X", method, "-H", '"Authorization: Bearer $CONDAFS_TOKEN"']
    if body:
        sample = {
            name: _sample(_resolve(document, schema))
            for name, schema in body.get("properties", {}).items()
            if name in body.get("required", ()) or name in {"specification", "build_id"}
        }
        parts += ["--json", f"'{json.dumps(sample)}'"]
    return " ".join([*parts, f"'{url}'" if "{" in url else url])


def _sample(schema: Schema) -> str:
    return "name: my-environment\ndependencies: [python]" if schema.get("type") == "string" else "BUILD_ID"


@router.api_route("/docs", methods=SHOWN)
async def documentation(request: Request, view: ViewOf) -> Response:
    """By subject, each with what to type."""
    document = request.app.openapi()
    groups = groups_of(document, view.base_url)
    is_open = view.house.settings.http_open
    return await view.show("docs.html", groups=groups, version=document["info"]["version"], is_open=is_open)
