"""The HTTP server: long lists, blobs beside nginx, many who follow one log."""

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.large_catalog import fill_large_catalog
from tests.bench.mount import READY_SECONDS, BenchError, Mount, as_installed, mounted
from tests.bench.result import Result, median, percentile, spread
from tests.bench.subject import Subject

_PAGES = 400
_FOLLOWERS = 200
_PATIENCE_SECONDS = 120

_NGINX = """\
daemon off; user root; worker_processes 1; pid {directory}/pid; error_log {directory}/log;
events {{}}
http {{
    access_log off; sendfile on; client_body_temp_path {directory}/a; proxy_temp_path {directory}/b;
    fastcgi_temp_path {directory}/c; uwsgi_temp_path {directory}/d; scgi_temp_path {directory}/e;
    server {{ listen 127.0.0.1:{port}; root {directory}/root; }}
}}
"""


def measure_web(subject: Subject, scratch: Path, repeat: int) -> Iterator[Result]:
    """On a catalog of 10,000 names, then with one real environment."""
    for program in ("nginx", "curl"):
        if not shutil.which(program):
            message = f"{program} is not installed: .ci/setup bench"
            raise BenchError(message)
    directory = scratch / "web-large"
    names = fill_large_catalog(directory / "state")
    with mounted(directory) as mount, _served(mount, directory) as server:
        yield _long_list(server, names)
    directory = scratch / "web"
    with mounted(directory) as mount, _served(mount, directory) as server:
        mount.build("foo", subject.specification("web"))
        yield _blob(server, scratch, repeat)
        yield from _followers(subject, mount, server)


@dataclass(frozen=True, slots=True)
class Server:
    """A running `condafs serve`."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """A connection of one's own."""
        return http.client.HTTPConnection(self.host, self.port, timeout=_PATIENCE_SECONDS)

    def document(self, path: str, accept: str = "*/*") -> dict[str, object]:
        """One JSON answer."""
        connection = self.connect()
        connection.request("GET", path, headers={"accept": accept})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if response.status != http.HTTPStatus.OK:
            message = f"{path}: {response.status} {content[:300]!r}"
            raise BenchError(message)
        found: dict[str, object] = json.loads(content)
        return found


@contextlib.contextmanager
def _served(mount: Mount, directory: Path) -> Iterator[Server]:
    config = directory / "serve.yaml"
    config.write_text(f"http-directory: {directory}/http\n")
    arguments = ["serve", "--bind", "127.0.0.1:0", "--mount", str(mount.path), "--state", str(mount.state)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, (directory / "serve.log").open("ab") as log:
        address = f"condafs-bench-{os.getpid()}-{time.monotonic_ns()}"
        listener.bind("\0" + address)
        listener.settimeout(READY_SECONDS)
        server = subprocess.Popen(
            [sys.executable, "-m", "condafs", *arguments, "--config", str(config)],
            env=as_installed() | {"NOTIFY_SOCKET": "@" + address},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            found = re.search(r"http://([\d.]+):(\d+)", listener.recv(4096).decode())
            if not found:
                message = "the server does not say where it listens"
                raise BenchError(message)
            yield Server(found[1], int(found[2]))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(READY_SECONDS)


def _long_list(server: Server, names: list[str]) -> Result:
    connection = server.connect()
    chosen = random.Random(1)  # noqa: S311 - an order, not a secret
    seconds = []
    for _ in range(_PAGES):
        started = time.perf_counter()
        connection.request("GET", f"/api/v1/environment/?size=100&page={chosen.randint(1, len(names) // 100)}")
        content = connection.getresponse().read()
        seconds.append(time.perf_counter() - started)
    if len(json.loads(content)["data"]) != 100:
        message = "a page has not the size that was asked for"
        raise BenchError(message)
    return Result(
        f"{len(names):,} environments: one page of 100, p99",
        percentile(seconds, 99) * 1000,
        50,
        "ms",
        f"p50 {median(seconds) * 1000:.1f} ms, slowest {max(seconds) * 1000:.1f} ms, n={_PAGES}",
    )


def _blob(server: Server, scratch: Path, repeat: int) -> Result:
    manifest = server.document("/v2/foo/manifests/latest", "application/vnd.oci.image.manifest.v1+json")
    layers = manifest["layers"]
    assert isinstance(layers, list)
    layer = max(layers, key=lambda item: int(item["size"]))
    url = f"{server.url}/v2/foo/blobs/{layer['digest']}"
    directory = scratch / "nginx"
    root = directory / "root"
    root.mkdir(parents=True)
    _curl(url, root / "blob")
    ours, theirs = [], []
    with _nginx(directory) as other:
        for _ in range(repeat):
            theirs.append(_curl(f"{other}/blob"))
            ours.append(_curl(url))
    megabytes = int(layer["size"]) / 1e6
    speeds = f"{megabytes / median(ours):.0f} MB/s, nginx {megabytes / median(theirs):.0f} MB/s"
    return Result(
        "time for a blob, of nginx's for the same bytes from a file",
        median(ours) / median(theirs),
        2,
        "x",
        f"a layer of {megabytes:.0f} MB: {speeds}; {spread(ours)}, nginx {spread(theirs)}",
    )


@contextlib.contextmanager
def _nginx(directory: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = directory / "nginx.conf"
    config.write_text(_NGINX.format(directory=directory, port=port))
    process = subprocess.Popen(["nginx", "-c", str(config)])
    try:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _curl(url: str, into: Path | None = None) -> float:
    started = time.perf_counter()
    subprocess.run(["curl", "-sSf", "-o", str(into or "/dev/null"), url], check=True)
    return time.perf_counter() - started


def _followers(subject: Subject, mount: Mount, server: Server) -> Iterator[Result]:
    """Everybody follows the log of a build from before it begins to its end."""
    link = str(mount.path / "foo")
    (mount.specs / "followed.yaml").write_text(subject.specification("followed"))
    mount.status("followed")  # waits until it is taken up
    build = server.document("/api/v1/environment/default/followed/")["data"]
    assert isinstance(build, dict)
    path = f"/api/v1/build/{build['current_build_id']}/logs/?follow=1"
    texts: list[bytes] = []
    threads = [threading.Thread(target=lambda: texts.append(_follow(server, path))) for _ in range(_FOLLOWERS)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sampler", link], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as sampler:
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        answers = json.loads(sampler.communicate()[0])[0]
    lines = [sum(line.startswith(b"data: ") for line in text.splitlines()) for text in texts]
    whole = [text for text in texts if text.rstrip().endswith(b'"failure": ""}') and b"published" in text]
    yield Result(
        f"{_FOLLOWERS} followers of one log: who missed something",
        _FOLLOWERS - len(whole),
        0,
        "",
        f"{min(lines, default=0)}-{max(lines, default=0)} lines each, in {seconds:.1f} s",
    )
    yield Result(
        f"{_FOLLOWERS} followers of one log: readlink p99 meanwhile",
        percentile(answers, 99) * 1000,
        5,
        "ms",
        f"p50 {median(answers) * 1e6:.0f} us of {len(answers)}",
    )


def _follow(server: Server, path: str) -> bytes:
    connection = server.connect()
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
