"""What pip builds: code that runs at installation, with the network, and still with nothing else."""

import http.server
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from condafs.builder.protocol import FailureKind
from tests.end_to_end.cage.cell import Cell

BACKEND = """
import os, shutil, socket, sys, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def report(what, action):
    try:
        action()
    except OSError as error:
        what = "HELD " + what + str(error)
    else:
        what = "DONE " + what
    with open(os.path.join(sys.prefix, "zz-evil"), "a") as file:
        file.write(what + "\\n")

def build_wheel(directory, config_settings=None, metadata_directory=None):
    prefix = sys.prefix
    {attempts}
    name = "zz_evil-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        info = "zz_evil-1.0.dist-info/"
        wheel.writestr("zz_evil.py", "")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: zz-evil\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def sdist(cell: Cell, *attempts: str) -> Path:
    """A source distribution whose building does these things, in a directory that everybody may read."""
    directory = cell.root / "sdists"
    directory.mkdir()
    path = directory / "zz_evil-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        metadata = "Metadata-Version: 2.1\nName: zz-evil\nVersion: 1.0\n"
        files = {
            "pyproject.toml": PROJECT,
            "backend.py": BACKEND.format(attempts="\n    ".join(attempts)),
            "PKG-INFO": metadata,
        }
        for name, text in files.items():
            header = tarfile.TarInfo(f"zz_evil-1.0/{name}")
            header.size = len(text.encode())
            tar.addfile(header, BytesIO(text.encode()))
    return path


@pytest.fixture
def pip_channel(cell: Cell, channel_path: Path) -> str:
    """The tests' channel, where the cell's user can read it."""
    if cell.uid == os.geteuid():
        return channel_path.as_uri()
    shutil.copytree(channel_path, cell.root / "pip-channel")
    return (cell.root / "pip-channel").as_uri()


@pytest.fixture
def web_server() -> Iterator[str]:
    """The address of something that answers."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"127.0.0.1 {server.server_port}"
        server.shutdown()
        thread.join()


def test_what_pip_builds_has_the_network_and_its_environment_only(
    cell: Cell, pip_channel: str, web_server: str
) -> None:
    host, port = web_server.split()
    source = sdist(
        cell,
        f"report('net', lambda: socket.create_connection(({host!r}, {port})).close())",
        f"report('victim', lambda: open('{cell.victim}/file', 'a').write('evil'))",
        f"report('secret', lambda: open('{cell.victim}/secret').read())",
        "report('shadow', lambda: open('/etc/shadow').read())",
        f"report('packages', lambda: open('{cell.packages}/new', 'w'))",
        f"report('pkgs', lambda: os.listdir('{cell.packages}/pkgs'))",
        f"report('other', lambda: open('{cell.builds}/other/file', 'a').write('evil'))",
        "report('unix', lambda: socket.socket(socket.AF_UNIX))",
        "report('kill', lambda: os.kill(1, 0))",
        "report('home', lambda: open(os.path.expanduser('~/here'), 'w'))",
        "os.system('setsid sleep 3600 >/dev/null 2>&1 &')",
    )
    lines = ("--no-index", str(source))
    prefix = cell.make(pip_channel, "condafs-hello", "pip", pip=lines)
    done = {line for line in (prefix / "zz-evil").read_text().splitlines() if "DONE" in line}
    assert done == {"DONE net", "DONE home"}


def test_a_bomb_in_a_build_of_pips_fails_it(cell: Cell, pip_channel: str) -> None:
    source = sdist(cell, "while True: os.fork()")
    failed = cell.fail(pip_channel, "condafs-hello", "pip", pip=("--no-index", str(source)), process_limit=100)
    assert failed.kind is FailureKind.PIP
    assert "build-processes" in failed.message


def test_what_a_build_leaves_in_pips_cache_is_in_no_other_build(cell: Cell, pip_channel: str) -> None:
    plant = "open(os.path.join(os.environ['PIP_CACHE_DIR'], 'planted'), 'w').close()"
    source = sdist(
        cell,
        f"exec({plant!r}) if 'planted' not in os.listdir(os.environ['PIP_CACHE_DIR']) else report('found', str)",
    )
    for dependencies in (("condafs-hello", "pip"), ("condafs-hello =1.0", "pip")):
        prefix = cell.make(pip_channel, *dependencies, pip=("--no-index", str(source)))
        assert (prefix / "lib").is_dir()
        assert not (prefix / "zz-evil").exists()
    assert not list(cell.packages.rglob("planted"))
