"""The registry, used by the programs that pull images: skopeo, podman, curl."""

import copy
import hashlib
import http.client
import json
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.export.test_image import RUN, needs_root, run
from tests.end_to_end.serving import Daemon
from tests.end_to_end.web.http_server import Server

PULLS = 20


@pytest.fixture
def second(server: Server, daemon: Daemon) -> Iterator[Server]:
    """Another server of the same mount, that may be killed."""
    other = Server(daemon, server.token)
    other.log = daemon.log.with_name("serve-second.log")
    other.start()
    yield other
    other.clear()


@pytest.fixture(scope="module")
def dynamic(open_directory: Path, channel_url: str) -> Iterator[Server]:
    """The server of a machine whose default channel has the tests' packages."""
    directory = open_directory / "y"
    settings = f"default-channels: ['{channel_url}']\nhttp-dynamic: yes\nhttp-directory: {directory}/http\n"
    daemon = Daemon(directory, settings)
    daemon.start()
    server = Server(daemon)
    server.start()
    yield server
    assert server.stop() == 0
    assert daemon.stop() == 0
    daemon.clear()
    assert "Traceback" not in server.log.read_text()


def pull(server: Server, reference: str, target: Path, *more: str) -> set[str]:
    """Copy an image by skopeo; the digests of its blobs, each of which is right."""
    source = f"docker://{server.address}/{reference}"
    run("skopeo", "copy", "-q", "--preserve-digests", "--src-tls-verify=false", *more, source, f"dir:{target}")
    blobs = {path.name for path in target.iterdir() if len(path.name) == 64}
    for name in blobs:
        assert hashlib.sha256((target / name).read_bytes()).hexdigest() == name
    return blobs


def dynamic_events(daemon: Daemon, package: str) -> list[Any]:
    """What happened to the environment of a path that has a package."""
    files = [path for path in daemon.specs.glob("dynamic-*.yaml") if package in path.read_text()]
    assert len(files) == 1
    events = (daemon.envs / ".history" / files[0].stem / ".events").read_text().splitlines()
    return [json.loads(line) for line in events]


def test_skopeo_pulls_what_the_mount_has(server: Server, daemon: Daemon, hello: str, tmp_path: Path) -> None:
    blobs = pull(server, hello, tmp_path / "a")
    run("skopeo", "copy", "-q", "--preserve-digests", f"oci-archive:{daemon.envs}/{hello}.oci", f"dir:{tmp_path}/b")
    assert blobs == {path.name for path in (tmp_path / "b").iterdir() if len(path.name) == 64}
    document = json.loads(run("skopeo", "inspect", "--tls-verify=false", f"docker://{server.address}/{hello}"))
    digest = (daemon.envs / hello).readlink().name[:64]
    assert document["RepoTags"] == sorted([digest[:12], "g1", "latest"])
    assert document["Labels"]["condafs.digest"] == digest
    for number, reference in enumerate(
        (f"{hello}:{digest[:7]}", f"default/{hello}:g1", f"{hello}@{document['Digest']}")
    ):
        assert pull(server, reference, tmp_path / str(number)) == blobs


@needs_root
def test_podman_pulls_and_runs(server: Server, hello: str, podman: Sequence[str]) -> None:
    image = f"{server.address}/{hello}"
    run(*podman, "pull", "-q", "--tls-verify=false", image)
    assert run(*podman, *RUN, image, "condafs-hello").startswith("hello from condafs-hello")
    python = run(*podman, *RUN, image, "python", "-c", "import sys; print(sys.prefix)")
    assert python == "/opt/env"


def test_twenty_pull_at_once(server: Server, hello: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(PULLS) as pool:
        found = list(pool.map(lambda number: pull(server, hello, tmp_path / str(number)), range(PULLS)))
    assert all(blobs == found[0] for blobs in found)


def test_a_download_goes_on_after_the_server_was_killed(second: Server, hello: str, tmp_path: Path) -> None:
    manifest = second.get(f"/v2/{hello}/manifests/latest").document
    layer = max(manifest["layers"], key=lambda item: int(item["size"]))
    path, size = f"/v2/{hello}/blobs/{layer['digest']}", int(layer["size"])
    host, _, port = second.address.partition(":")
    connection = http.client.HTTPConnection(host, int(port))
    connection.request("GET", path)
    part = connection.getresponse().read(size // 3)
    assert second.process
    second.process.kill()
    second.process.wait()
    connection.close()
    (tmp_path / "layer").write_bytes(part)
    second.start()
    run("curl", "-sS", "--fail", "-C", "-", "-o", tmp_path / "layer", second.url + path)
    assert f"sha256:{hashlib.sha256((tmp_path / 'layer').read_bytes()).hexdigest()}" == layer["digest"]
    assert pull(second, hello, tmp_path / "whole")


def test_a_pull_is_of_one_image_although_its_document_changes(server: Server, daemon: Daemon, channel_url: str) -> None:
    text = f"name: worn\nchannels: ['{channel_url}']\ndependencies: [zz-noarch-data]\nimage: {{base: none}}\n"
    server.submit(text)
    daemon.wait_until_ready("worn")
    before = server.get("/v2/worn/manifests/latest")
    server.submit(text.replace("none", "none, labels: {colour: blue}"))
    after = server.get("/v2/worn/manifests/latest")
    digests = [answer.headers["docker-content-digest"] for answer in (before, after)]
    assert digests[0] != digests[1]
    for answer, digest in zip((before, after), digests, strict=True):
        assert server.get(f"/v2/worn/manifests/{digest}").body == answer.body
        config = answer.document["config"]["digest"]
        assert f"sha256:{hashlib.sha256(server.get(f'/v2/worn/blobs/{config}').body).hexdigest()}" == config


def test_packages_are_built_once_for_ten_who_pull_them(dynamic: Server, tmp_path: Path) -> None:
    paths = ["condafs-dynamic/condafs-hello.eq.1.0/python", "condafs-dynamic/python/python/condafs-hello.eq.1.0"]
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda number: pull(dynamic, paths[number % 2], tmp_path / str(number)), range(10)))
    assert all(blobs == found[0] for blobs in found)
    events = dynamic_events(dynamic.daemon, "condafs-hello")
    assert [event["kind"] for event in events] == ["submitted", "started", "published", "moved"]
    assert events[0]["behalf"] == "dynamic"
    assert dynamic.request("HEAD", f"/v2/{paths[0]}/manifests/latest", token="").status == 200


def test_packages_that_do_not_go_together_are_refused_in_the_solvers_words(dynamic: Server) -> None:
    source = f"docker://{dynamic.address}/condafs-dynamic/no-such-package.ge.3"
    ended = subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", source], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert "No candidates were found for no-such-package" in ended.stderr


@needs_root
def test_podman_runs_packages_by_their_names(dynamic: Server, podman: Sequence[str]) -> None:
    image = f"{dynamic.address}/condafs-dynamic/condafs-hello.eq.1.0"
    run(*podman, "pull", "-q", "--tls-verify=false", image)
    assert run(*podman, *RUN, image, "condafs-hello") == "hello from condafs-hello 1.0"


def test_a_closed_registry_takes_tokens_as_passwords(
    server: Server, daemon: Daemon, hello: str, tmp_path: Path
) -> None:
    closed = copy.copy(daemon)
    closed.config = daemon.config.with_name("closed.yaml")
    closed.config.write_text(daemon.config.read_text() + "http-open: no\n")
    closed.log = daemon.log.with_name("closed.log")
    other = Server(closed, server.token)
    other.log = closed.log.with_name("serve-closed.log")
    other.start()
    try:
        source = f"docker://{other.address}/{hello}"
        refused = subprocess.run(
            ["skopeo", "inspect", "--tls-verify=false", source], capture_output=True, text=True, check=False
        )
        assert "unauthorized" in refused.stderr.lower()
        assert pull(other, hello, tmp_path / "a", f"--src-creds=whoever:{other.make_token('puller', 'viewer')}")
        assert other.stop() == 0
    finally:
        other.clear()
