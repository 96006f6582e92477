"""conda-store's own command line client (PyPI `conda-store`) against `condafs serve`: all that it can do."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.serving import Daemon
from tests.end_to_end.web.conftest import FOREIGN
from tests.end_to_end.web.http_server import Server


class Client:
    """`conda-store` with a token."""

    def __init__(self, server: Server, directory: Path) -> None:
        self._environment = {
            **os.environ,
            # By name: it keeps no cookies of addresses that are numbers.
            "CONDA_STORE_URL": server.url.replace("127.0.0.1", "localhost"),
            "CONDA_STORE_AUTH": "token",
            "CONDA_STORE_TOKEN": server.token,
            "TMPDIR": str(directory),
            "COLUMNS": "200",
        }
        self._directory = directory

    def run(self, *arguments: str, auth: str = "token", expect: int = 0) -> str:
        environment = {**self._environment, "CONDA_STORE_AUTH": auth}
        environment |= {"CONDA_STORE_USERNAME": "x", "CONDA_STORE_PASSWORD": environment["CONDA_STORE_TOKEN"]}
        command = [FOREIGN / "conda-store/bin/conda-store", *arguments]
        outcome = subprocess.run(
            command, env=environment, cwd=self._directory, capture_output=True, text=True, check=False, timeout=120
        )
        assert outcome.returncode == expect, outcome.stdout + outcome.stderr
        return outcome.stdout + outcome.stderr


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Client:
    return Client(server, tmp_path)


def test_it_knows_who_it_is_and_makes_tokens(client: Client, server: Server) -> None:
    assert "Authenticated True" in client.run("info")
    assert "Authenticated True" in client.run("info", auth="basic")
    assert "Authenticated False" in client.run("info", auth="none")
    made = client.run("token", "--permission", "default/*:viewer", "--expiration", "60")
    data = server.get("/api/v1/permission/", token=made).data
    assert data["entity_roles"] == {"default/*": ["viewer"]}


def test_it_lists(client: Client, hello: str) -> None:
    environments = json.loads(client.run("list", "environment", "--output", "json"))
    assert hello in [item["name"] for item in environments]
    found = json.loads(client.run("list", "environment", "--package", "condafs-hello", "--output", "json"))
    assert hello in [item["name"] for item in found]
    found = json.loads(client.run("list", "environment", "--package", "zz-textprefix", "--output", "json"))
    assert hello not in [item["name"] for item in found]
    builds = json.loads(client.run("list", "build", "--status", "COMPLETED", "--output", "json"))
    assert {item["status"] for item in builds} == {"COMPLETED"}
    assert "default" in client.run("list", "namespace")


def test_it_waits_and_downloads(client: Client, hello: str, tmp_path: Path) -> None:
    client.run("wait", f"default/{hello}", "--artifact", "archive")
    for artifact, text in (("yaml", "name: hello"), ("lockfile", "condafs-hello"), ("logs", "published")):
        client.run("download", f"default/{hello}", "--artifact", artifact, "--output-filename", "got")
        assert text in (tmp_path / "got").read_text()


def test_it_runs_a_command_in_an_environment(client: Client, hello: str) -> None:
    assert "condafs-hello" in client.run("run", f"default/{hello}", "--", "condafs-hello")


def test_it_solves(client: Client, channel_url: str, tmp_path: Path) -> None:
    (tmp_path / "environment.yaml").write_text(f"channels: ['{channel_url}']\ndependencies: [zz-textprefix]\n")
    solved = json.loads(client.run("solve", "environment.yaml", "--output", "json"))
    assert "zz-textprefix" in [item["name"] for item in solved]


def test_a_failed_build_is_told(client: Client, server: Server, daemon: Daemon, channel_url: str) -> None:
    wanted = server.submit(f"name: never\nchannels: ['{channel_url}']\ndependencies: [no-such-package]\n")
    daemon.wait_for("never", lambda status: status["state"] == "failed")
    assert "failed" in client.run("wait", str(wanted["build_id"]), "--interval", "1", expect=1)
