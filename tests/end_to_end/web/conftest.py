"""A daemon and its HTTP server, for tests that use them as clients do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.serving import Daemon
from tests.end_to_end.web.http_server import Server

FOREIGN = Path(__file__).parents[3] / ".venv/foreign"
"""conda-store's clients, which `.ci/setup test` fetches."""


@pytest.fixture(scope="session")
def daemon(open_directory: Path) -> Iterator[Daemon]:
    """A daemon without environments."""
    directory = open_directory / "w"
    settings = f"""
attempts: 2
backoff-initial-seconds: 1
http-directory: {directory}/http
http-dynamic: yes
http-ui: {FOREIGN}/ui/dist
"""
    daemon = Daemon(directory, settings)
    directory.chmod(0o755)
    daemon.start()
    yield daemon
    assert daemon.stop() == 0
    daemon.clear()


@pytest.fixture(scope="session")
def server(daemon: Daemon) -> Iterator[Server]:
    """Its server. The log holds no mistake of ours at the end."""
    server = Server(daemon)
    server.start()
    yield server
    assert server.stop() == 0
    server.clear()
    text = server.log.read_text()
    assert "Traceback" not in text, text


@pytest.fixture(scope="session")
def hello(server: Server, daemon: Daemon, channel_url: str) -> str:
    """An environment that is built, by its name."""
    server.submit(f"name: hello\nchannels: ['{channel_url}']\ndependencies: [python, condafs-hello]\n")
    daemon.wait_until_ready("hello")
    return "hello"
