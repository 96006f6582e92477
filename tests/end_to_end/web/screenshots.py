"""Makes the pictures of the pages that the README shows: `python -m tests.end_to_end.web.screenshots --channel URL`.

The channel has to have the packages that are named below. What is built in a minute is made to look as if it had been
built in some weeks; then a build is begun anew and held while its picture is taken. The fonts are the machine's: with
Debian's fonts-inter and fonts-jetbrains-mono the pictures look as they are meant to.
"""

import argparse
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from condafs.catalog.encoding import encode_event
from condafs.catalog.keys import sequence_key
from condafs.catalog.schema import EVENTS
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from tests.end_to_end.serving import Daemon
from tests.end_to_end.web.chromium import PHONE, Chromium, browsing
from tests.end_to_end.web.http_server import Server

PLACE = Path(__file__).parent / "screenshots"

MACHINE = Path("/srv/condafs")
"""Is shown on the pictures, and must not be there yet."""

WINDOW = (1080, 760)
HIGHER = (1080, 940)
LOWER = (1080, 560)
SCALE = 1.25

DAYS = 40

CLIMATE = "# What the climate team runs its notebooks in\nname: climate\ndependencies:\n  - "

SUBMITTED = (
    ("ann", f"{CLIMATE}python 3.12.*\n  - numpy 1.26.*\n  - pandas 2.2.0\n  - scipy\n"),
    ("ann", "name: web-api\ndependencies: [python, fastapi, uvicorn, sqlalchemy, psycopg2]\n"),
    ("ben", "name: learning\ndependencies: [python, scikit-learn, lightgbm, pandas, pyarrow]\n"),
    ("ann", f"{CLIMATE}python 3.12.*\n  - numpy 1.26.*\n  - pandas 2.2.3\n  - scipy\n"),
    ("ci", "name: docs\ndependencies: [python, sphinx, mkdocs]\n"),
    ("ci", f"{CLIMATE}python 3.12.*\n  - numpy 2.1.*\n  - pandas 2.2.3\n  - scipy\n  - matplotlib\n"),
    ("ben", "name: dask-cluster\ndependencies: [python, dask 2024.2.*, distributed]\n"),
    ("ci", "name: lint\ndependencies: [python, ruff, mypy, pre-commit]\n"),
    ("ben", "name: dashboards\ndependencies: [python, panel, bokeh, holoviews, pandas]\n"),
    ("ci", "name: web-api\ndependencies: [python, fastapi, uvicorn, sqlalchemy, psycopg2, httpx]\n"),
    ("ben", "name: dask-cluster\ndependencies: [python, dask 2026.*, distributed]\n"),
    ("ann", "name: forecasting\ndependencies: [python, statsmodels, pandas]\n"),
    ("ci", f"{CLIMATE}python 3.12.*\n  - pandas >=3\n  - scipy\n  - matplotlib\n  - xarray\n  - netcdf4\n"),
)
FAILING = "name: forecasting\ndependencies:\n  - python\n  - statsmodels\n  - pandas <2.2\n"
HELD = "name: training\ndependencies: [python, numba, scikit-image, pytables, duckdb, polars, streamlit, nltk]\n"
MISTAKEN = f"{CLIMATE}python 3.12.*\n  - pandas >=3\n  - scipy >=1.18,\n  - matplotlib\n  - xarray\n"


def main() -> None:
    """Make them all."""
    arguments = argparse.ArgumentParser(description="Makes the pictures of the pages.")
    arguments.add_argument("--channel", required=True, help="URL of a channel with the packages named here")
    channel = arguments.parse_args().channel
    PLACE.mkdir(exist_ok=True)
    MACHINE.mkdir()
    try:
        http = f"http-directory: {MACHINE}/http\nhttp-url: https://envs.example.org\n"
        daemon = Daemon(MACHINE, f"default-channels: ['{channel}']\n{http}")
        with _served(daemon, "") as server:
            token = _fill(daemon, server)
        _age(daemon.state / "catalog")
        with _served(daemon, token) as server, browsing() as browser:
            builder = _hold(daemon, server)
            try:
                _take(browser, server)
            finally:
                os.kill(builder, signal.SIGKILL)
    finally:
        shutil.rmtree(MACHINE)


@contextmanager
def _served(daemon: Daemon, token: str) -> Iterator[Server]:
    daemon.start()
    server = Server(daemon, token)
    server.start()
    try:
        yield server
    finally:
        server.clear()
        daemon.stop()
        daemon.clear()


def _fill(daemon: Daemon, server: Server) -> str:
    """Build all that is to be seen; the token of somebody."""
    tokens = {name: server.make_token(name, "admin") for name in ("ann", "ben", "ci")}
    for who, text in SUBMITTED:
        submitted = server.submit(text, token=tokens[who])
        daemon.wait_until_ready(submitted["name"], submitted["digest"])
    server.submit(FAILING, token=tokens["ann"])
    daemon.wait_for("forecasting", lambda document: bool(document["state"] == "failed"))
    return tokens["ann"]


def _age(place: Path) -> None:
    """Have everything happen long ago; builds take as long as they did."""
    now = time.time()
    with Catalog.open(place) as catalog:
        with catalog.snapshot() as snapshot:
            oldest = min(record.submitted for record in snapshot.builds())
        factor = DAYS * 86400 / (now - oldest)

        def stretch(moment: float) -> float:
            return now - (now - moment) * factor if moment else 0

        def write(transaction: Transaction) -> None:
            for build in list(transaction.builds()):
                finished = stretch(build.finished)
                started = finished - (build.finished - build.started)
                transaction.put_build(
                    replace(build, finished=finished, started=started, submitted=stretch(build.submitted))
                )
            for environment in list(transaction.environments()):
                transaction.put_environment(replace(environment, moved=stretch(environment.moved)))
            for event in list(transaction.events()):
                transaction._put(EVENTS, sequence_key(event.number), encode_event(replace(event, at=stretch(event.at))))

        catalog.write_now(write)


def _hold(daemon: Daemon, server: Server) -> int:
    """Begin a build, and stop its builder in the middle; the builder's process."""
    server.submit(HELD)

    def is_far_enough(document: dict[str, dict[str, object]]) -> bool:
        building = document.get("building", {})
        done, total = int(str(building.get("done", 0))), int(str(building.get("total", 0)))
        return 0 < total <= 2 * done and building.get("phase") in {"fetch", "link"}

    daemon.wait_for("training", is_far_enough)
    assert daemon.process
    found = subprocess.run(
        ["pgrep", "-P", str(daemon.process.pid), "-f", "condafs.builder"], check=True, capture_output=True, text=True
    )
    builder = int(found.stdout.split()[0])
    os.kill(builder, signal.SIGSTOP)
    return builder


def _take(browser: Chromium, server: Server) -> None:
    browser.resize(WINDOW)
    browser.go(f"{server.url}/login")
    browser.write("#password", server.token)
    browser.follow("form.login button")
    _picture(browser, server, "/", "list")
    browser.resize(HIGHER, scale=SCALE)
    browser.go(f"{server.url}/environment/climate")
    browser.run("document.querySelectorAll('.timeline > li > details')[0].open = true")
    browser.screenshot(PLACE / "environment.png")
    _picture(browser, server, "/environment/training", "building", is_dark=True)
    _picture(browser, server, "/environment/forecasting", "failed")
    _picture(browser, server, "/disk", "disk")
    browser.resize(WINDOW, scale=SCALE)
    browser.go(f"{server.url}/environment/climate/edit")
    browser.write("textarea", MISTAKEN)
    browser.follow("form.edit button.primary")
    browser.screenshot(PLACE / "editor.png")
    browser.resize(PHONE, scale=SCALE)
    browser.go(f"{server.url}/environment/climate")
    browser.screenshot(PLACE / "phone.png")


def _picture(browser: Chromium, server: Server, path: str, name: str, *, is_dark: bool = False) -> None:
    browser.resize(LOWER if is_dark else WINDOW, scale=SCALE, is_dark=is_dark)  # small text makes large files
    browser.go(server.url + path)
    if is_dark:
        browser.wait("document.querySelector('#log').textContent.length > 100")
    browser.screenshot(PLACE / f"{name}.png")


if __name__ == "__main__":
    main()
