"""A container registry on loopback: Debian's docker-registry, with its storage in a directory."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONFIGURATION = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {storage}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""
_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Registry:
    """One that listens."""

    address: str
    storage: Path

    def blobs(self) -> set[str]:
        """Digests of all that is stored."""
        return {path.parent.name for path in self.storage.glob("docker/registry/v2/blobs/sha256/*/*/data")}

    def manifest(self, repository: str, tag: str = "latest") -> dict[str, object]:
        """What a client gets."""
        with closing(http.client.HTTPConnection(self.address)) as connection:
            accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
            connection.request("GET", f"/v2/{repository}/manifests/{tag}", headers=accept)
            document: dict[str, object] = json.loads(connection.getresponse().read())
        return document


@contextmanager
def serving(directory: Path) -> Iterator[Registry]:
    """Serve from a directory until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    storage, configuration = directory / "storage", directory / "registry.yml"
    configuration.write_text(_CONFIGURATION.format(storage=storage, port=port))
    process = subprocess.Popen(["docker-registry", "serve", configuration], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)  # it says nothing when it is ready
        yield Registry(f"127.0.0.1:{port}", storage)
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
