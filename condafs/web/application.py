"""The routes put together. `/api/…` answers in envelopes, `/v2/…` as the OCI specification says, pages as pages."""

from fastapi import FastAPI

from condafs import __version__
from condafs.web import conda_store_ui, metrics
from condafs.web.api import builds, environments, events, machine, specifications
from condafs.web.documentation import document
from condafs.web.house import House
from condafs.web.limits import Limits
from condafs.web.page import refusals as page
from condafs.web.page import router as pages
from condafs.web.refusals import Form, Refusals, envelope
from condafs.web.registry import refusals as registry
from condafs.web.registry import routes

FORMS: tuple[tuple[str, Form], ...] = (
    ("/api", envelope),
    ("/v2", registry.form),
    ("/metrics", envelope),
    ("/openapi.json", envelope),
    ("/", page.form),
)
"""How a refusal looks where."""

DESCRIPTION = """\
conda environments over HTTP: the same as in the mount. Reading may be open to everybody; writing needs a token
(`condafs token create`), as `Authorization: Bearer …`. `/api/v1` has the shape of conda-store's.
"""


def make_application(house: House) -> Limits:
    """The application that serves a house."""
    app = make_routes()
    app.state.house = house
    return Limits(app)


def make_routes() -> FastAPI:
    """All routes; the house is to be put into the application's `state`."""
    app = FastAPI(
        title="condafs",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (machine.router, environments.router, specifications.router, builds.router, events.router):
        app.include_router(router)
    app.include_router(metrics.router)
    app.include_router(routes.router)
    app.include_router(conda_store_ui.router)
    app.include_router(pages.router)
    Refusals(FORMS).register(app)
    app.add_exception_handler(registry.RegistryError, registry.answer_to)
    make = app.openapi
    app.openapi = lambda: document(app, make, is_open=app.state.house.settings.http_open)  # type: ignore[method-assign]
    return app
