"""REST over a real daemon: what can be asked, changed, followed, downloaded."""

import gzip
import http.client
import json
import os
import signal
import subprocess
from pathlib import Path

from tests.end_to_end.serving import CONDAFS, Daemon
from tests.end_to_end.web.http_server import Server


def test_an_environment_is_submitted_followed_and_seen(server: Server, daemon: Daemon, channel_url: str) -> None:
    submitted = server.submit(f"name: followed\nchannels: ['{channel_url}']\ndependencies: [zz-textprefix]\n")
    text = server.get(f"/api/v1/build/{submitted['build_id']}/logs/?follow=1").body.decode()
    assert "event: log" in text
    assert text.rstrip().endswith('data: {"state": "ready", "generation": 1, "failure": ""}')
    found = server.get("/api/v1/environment/default/followed/", token="").data
    assert found["current_build_id"] == submitted["build_id"]
    assert found["current_build"]["status"] == "COMPLETED"
    names = [item["name"] for item in server.get(f"/api/v1/build/{submitted['build_id']}/packages/").data]
    assert "zz-textprefix" in names
    assert daemon.status("followed")["current"]["digest"] == submitted["digest"]


def test_a_refused_specification_says_where(server: Server) -> None:
    answer = server.request("POST", "/api/v1/specification/", {"specification": "name: foo\ndependencies: [python >=]"})
    assert answer.status == 400
    assert "environment.yaml:2:23: no version behind '>='" in answer.document["message"]
    assert "^" in answer.document["message"]


def test_writing_needs_a_token_and_a_role(server: Server, hello: str) -> None:
    viewer = server.make_token("looker", "viewer")
    path = f"/api/v1/environment/default/{hello}/"
    assert server.request("DELETE", path, token="").status == 401
    assert server.request("DELETE", path, token=server.token[:-1]).status == 401
    assert server.request("DELETE", path, token=viewer).status == 403
    editor = server.make_token("writer", "editor")
    build = server.get(path).data["current_build_id"]
    assert server.request("DELETE", f"/api/v1/build/{build}/", token=editor).status == 403
    assert server.request("DELETE", f"/api/v1/build/{build}/").status == 409, "the current build stays"


def test_names_are_rolled_back_and_forward(server: Server, daemon: Daemon, channel_url: str) -> None:
    head = f"name: turned\nchannels: ['{channel_url}']\n"
    first = server.submit(head + "dependencies: [zz-textprefix]\n")
    daemon.wait_until_ready("turned", first["digest"])
    second = server.submit(head + "dependencies: [zz-textprefix, zz-noarch-data]\n")
    daemon.wait_until_ready("turned", second["digest"])
    path = "/api/v1/environment/default/turned/"
    assert server.request("PUT", path, {"build_id": first["build_id"]}).status == 200
    assert (daemon.envs / "turned").readlink().name.startswith(first["digest"])
    history = server.get(f"{path}history/").data
    assert [(item["generation"], item["is_current"]) for item in history] == [(2, False), (1, True)]
    assert {item["behalf"] for item in history} == {"tester"}
    changes = server.get(f"{path}diff/g1/g2/").data["changes"]
    assert ("added", "zz-noarch-data") in [(item["kind"], item["name"]) for item in changes]
    assert server.request("DELETE", f"/api/v1/build/{second['build_id']}/").status == 200
    assert server.get(f"/api/v1/build/{second['build_id']}/").status in {200, 404}


def test_archives_are_gzip_files_that_can_be_taken_up_again(server: Server, hello: str, tmp_path: Path) -> None:
    build = server.get(f"/api/v1/environment/default/{hello}/").data["current_build_id"]
    path = f"/api/v1/build/{build}/archive/"
    whole = server.get(path)
    size = int(whole.headers["content-length"])
    assert len(whole.body) == size
    content = gzip.decompress(whole.body)
    assert content == server.get(f"{path}?format=tar").body
    half = size // 2
    rest = server.get(path, headers={"range": f"bytes={half}-", "if-range": whole.headers["etag"]})
    assert rest.status == 206
    assert whole.body[:half] + rest.body == whole.body
    assert server.get(path, headers={"range": f"bytes={size}-"}).status == 416
    assert server.get(path, headers={"if-none-match": whole.headers["etag"]}).status == 304
    (tmp_path / "e").mkdir()
    subprocess.run(["tar", "xz", "-C", tmp_path / "e"], input=whole.body, check=True)
    subprocess.run([tmp_path / "e/bin/conda-unpack"], check=True)
    said = subprocess.run([tmp_path / "e/bin/condafs-hello"], check=True, capture_output=True, text=True).stdout
    assert said


def test_what_has_not_changed_is_not_sent_again(server: Server, hello: str) -> None:
    first = server.get(f"/api/v1/environment/default/{hello}/")
    again = server.get(f"/api/v1/environment/default/{hello}/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_specifications_are_solved_without_being_built(server: Server, channel_url: str, daemon: Daemon) -> None:
    answer = server.get(f"/api/v1/specification/?channel={channel_url}&conda=condafs-hello")
    assert answer.status == 200, answer.body
    assert "python" in [item["name"] for item in answer.document["solve"]]
    assert "solve" not in [path.name for path in (daemon.envs / ".status").iterdir()]
    nothing = server.get(f"/api/v1/specification/?channel={channel_url}&conda=no-such-package")
    assert nothing.status == 400
    assert "no-such-package" in nothing.document["message"]


def test_what_happens_is_told_as_it_happens(server: Server, daemon: Daemon, channel_url: str) -> None:
    host, _, port = server.address.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", "/api/v1/events/")
    stream = connection.getresponse()
    wanted = server.submit(f"name: told\nchannels: ['{channel_url}']\ndependencies: [zz-textprefix]\n")
    kinds, last = [], ""
    while "moved" not in kinds:
        line = stream.readline().decode().strip()
        kinds += [line.removeprefix("event: ")] if line.startswith("event: ") else []
        last = line.removeprefix("id: ") if line.startswith("id: ") else last
        if line.startswith("data: "):
            assert json.loads(line.removeprefix("data: "))["digest"] == wanted["digest"]
    assert kinds == ["submitted", "started", "published", "moved"]
    connection.close()
    connection.request("GET", "/api/v1/events/", headers={"last-event-id": str(int(last) - 1)})
    again = connection.getresponse()
    assert f"id: {last}\n".encode() in [again.readline() for _ in range(6)]
    connection.close()


def test_the_numbers_are_told(server: Server, hello: str) -> None:
    text = server.get("/metrics", token="").body.decode()
    for name in (
        "environments",
        "builds",
        "queue_length",
        "build_retries_total",
        "export_bytes_total",
        "disk_free_bytes",
    ):
        assert f"# TYPE condafs_{name} " in text
    assert f'\ncondafs_builds{{state="ready"}} {len(server.get("/api/v1/build/?status=COMPLETED").data)}\n' in text


def test_a_daemon_that_stands_still_is_not_waited_for(server: Server, daemon: Daemon, hello: str) -> None:
    assert daemon.process
    os.kill(daemon.process.pid, signal.SIGSTOP)
    try:
        assert server.get(f"/api/v1/environment/default/{hello}/").status == 200, "the catalog knows"
        refused = server.request("POST", "/api/v1/specification/", {"specification": "name: x\ndependencies: []\n"})
    finally:
        os.kill(daemon.process.pid, signal.SIGCONT)
    assert refused.status == 503
    assert refused.headers["retry-after"]
    assert "did not answer" in refused.document["message"]


def test_a_token_that_is_revoked_is_worth_nothing_at_once(server: Server, hello: str) -> None:
    token = server.make_token("brief", "viewer")
    assert server.get(f"/api/v1/environment/default/{hello}/", token=token).status == 200
    command = [*CONDAFS, "token", "revoke", "brief", "--config", str(server.daemon.config)]
    subprocess.run(command, check=True)
    assert server.get(f"/api/v1/environment/default/{hello}/", token=token).status == 401
