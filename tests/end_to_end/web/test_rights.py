"""The server is another user than the daemon, without rights over the store; a flood and a kill are its own affair."""

import contextlib
import grp
import http.client
import itertools
import os
import pwd
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.serving import Daemon
from tests.end_to_end.web.http_server import Server

USER = "www-data"  # Debian's base-passwd has it


@pytest.fixture(scope="module")
def outsider(open_directory: Path) -> Iterator[Server]:
    """A server that runs as somebody who owns nothing but its own directory."""
    directory = open_directory / "o"
    (directory / "http").mkdir(parents=True)
    directory.chmod(0o755)
    settings = f"catalog-group: {USER}\nhttp-directory: {directory}/http\nallow-other: yes\nspecs-mode: 1777\n"
    settings += f"quotas: {{{USER}: {{environments: 2}}}}\n"
    daemon = Daemon(directory, settings)
    daemon.envs.chmod(0o755)
    uid, gid = pwd.getpwnam(USER).pw_uid, grp.getgrnam(USER).gr_gid
    os.chown(directory / "http", uid, gid)
    daemon.start()
    server = Server(daemon)
    server.start(command=[sys.executable, "-m", "tests.end_to_end.web.as_user", str(uid), str(gid)])
    yield server
    assert server.stop() == 0
    server.clear()
    assert daemon.stop() == 0
    daemon.clear()
    assert "Traceback" not in server.log.read_text()


def test_what_it_submits_is_its_own_and_the_history_says_for_whom(outsider: Server, channel_url: str) -> None:
    daemon = outsider.daemon
    outsider.submit(
        f"name: mine\nchannels: ['{channel_url}']\ndependencies: [zz-textprefix]\n",
        token=outsider.make_token("ann@lab", "editor"),
    )
    daemon.wait_until_ready("mine")
    assert (daemon.specs / "mine.yaml").owner() == USER
    history = subprocess.run(
        [sys.executable, "-m", "condafs", "history", "mine", "--mount", str(daemon.envs)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert f"ann@lab (via {USER})" in history
    assert outsider.get("/api/v1/environment/default/mine/", token="").data["owner"] == USER


def test_what_belongs_to_others_stays_theirs(outsider: Server, channel_url: str) -> None:
    daemon = outsider.daemon
    text = f"name: roots\nchannels: ['{channel_url}']\ndependencies: [zz-textprefix]\n"
    (daemon.specs / "roots.yaml").write_text(text)
    daemon.wait_until_ready("roots")
    answer = outsider.request("POST", "/api/v1/specification/", {"specification": text + "variables: {A: b}\n"})
    assert answer.status == 409
    assert "it belongs to root" in answer.document["message"]
    refused = outsider.request("DELETE", "/api/v1/environment/default/roots/")
    assert refused.status == 409
    assert (daemon.specs / "roots.yaml").read_text() == text


def test_what_the_servers_user_may_have_is_what_its_clients_may_have(outsider: Server, channel_url: str) -> None:
    daemon = outsider.daemon
    for name in ("mine", "another"):
        outsider.submit(f"name: {name}\nchannels: ['{channel_url}']\ndependencies: [zz-textprefix]\n")
    text = f"name: toomany\nchannels: ['{channel_url}']\ndependencies: [zz-textprefix]\n"
    answer = outsider.request("POST", "/api/v1/specification/", {"specification": text})
    assert (answer.status, answer.document["status"]) == (507, "error")
    assert "you have 2 of 2 environments (quota-environments)" in answer.document["message"]
    assert not (daemon.specs / "toomany.yaml").exists()
    assert [path.name for path in daemon.specs.iterdir() if path.name.startswith(".by=")] == []
    assert outsider.request("DELETE", "/api/v1/environment/default/another/").status == 200


def test_a_retired_name_of_somebody_else_is_not_taken_over(outsider: Server) -> None:
    daemon = outsider.daemon
    (daemon.specs / "roots.yaml").unlink()
    assert daemon.status("roots")["retired"] is True
    answer = outsider.request("POST", "/api/v1/specification/", {"specification": "name: roots\ndependencies: []\n"})
    assert answer.status == 409
    assert "it belongs to root" in answer.document["message"]


def test_a_flood_of_idle_and_greedy_clients_leaves_mount_and_server_alone(outsider: Server) -> None:
    host, _, port = outsider.address.partition(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(300)]
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(outsider.get("/api/v1/environment/?size=1000").status))
        for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    assert "mine.yaml" in os.listdir(outsider.daemon.envs / ".specs")
    for thread in threads:
        thread.join()
    assert answers == [200] * 50
    for connection in idle:
        connection.close()


def test_a_server_that_is_killed_in_the_middle_of_writing_loses_nothing(outsider: Server, channel_url: str) -> None:
    daemon = outsider.daemon
    text = f"name: kept\nchannels: ['{channel_url}']\ndependencies: [zz-textprefix]\n"
    outsider.submit(text)
    daemon.wait_until_ready("kept")
    before = (daemon.envs / "kept").readlink()

    def submit_many() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            for number in itertools.count():
                outsider.submit(f"{text}variables: {{N: '{number}'}}\n")

    thread = threading.Thread(target=submit_many)
    thread.start()
    daemon.wait_for("kept", lambda status: status["generations"] > 2)
    outsider.kill()
    thread.join()
    document = daemon.wait_until_ready("kept")
    assert document["generations"] >= 2
    assert (daemon.envs / before).exists()
    outsider.start(command=outsider.command)
    assert outsider.get("/api/v1/environment/default/kept/").data["state"] == "ready"
    assert outsider.submit(text)["name"] == "kept"
