"""Fixtures that tests of every tier share."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.channel.faulty_server import FaultyServer, serving
from tests.channel.made import channel_with_edge_cases

pytest_plugins = ["tests.deep", "tests.workers"]

hypothesis.settings.register_profile("condafs", deadline=None, max_examples=50)  # how long something takes is no test
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000)  # --hypothesis-profile=thorough
hypothesis.settings.load_profile("condafs")


@pytest.fixture(scope="session")
def channel_path() -> Path:
    """The directory of the tests' channel, which nobody writes to; `tests.channel.made` lists what is in it."""
    return channel_with_edge_cases()


@pytest.fixture(scope="session")
def channel_url(channel_path: Path) -> str:
    """The same channel as a `file://` URL."""
    return channel_path.as_uri()


@pytest.fixture
def http_channel(channel_path: Path) -> Iterator[FaultyServer]:
    """The same channel over HTTP, which fails when it is told to: `http_channel.fail(Fault.ERROR, times=2)`."""
    with serving(channel_path) as server:
        yield server


@pytest.fixture
def http_channel_url(http_channel: FaultyServer) -> str:
    """The URL of `http_channel`."""
    return http_channel.url
