"""The application, made once: that takes a fifth of a second, and there are hundreds of tests."""

from functools import cache

from fastapi import FastAPI

from condafs.web.application import make_routes
from condafs.web.house import House
from condafs.web.limits import Limits

_routes = cache(make_routes)


def application_for(house: House) -> Limits:
    """The application that serves a house; one that was made before serves this one from now on."""
    app: FastAPI = _routes()
    app.state.house = house
    app.openapi_schema = None
    return Limits(app)
