"""What pip builds: code that runs at installation, with the network, and still with nothing else."""

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.builder.protocol import FailureKind, Succeeded
from tests.channel.hostile_sdist import make_sdist
from tests.end_to_end.cage.cell import Cell


def sdist(cell: Cell, *attempts: str) -> Path:
    """In a directory that everybody may read."""
    return make_sdist(cell.root / "sdists", *attempts)


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


@pytest.mark.parametrize("named", ["/etc", "{state}", "{victim}", "{link}"])
def test_what_is_named_for_others_is_read_as_far_as_everybody_may(cell: Cell, pip_channel: str, named: str) -> None:
    private = cell.victim / "private"
    link = cell.root / "link"
    link.symlink_to(cell.victim)
    source = sdist(
        cell,
        f"report('public', lambda: open('{cell.victim}/secret').read())",
        f"report('private', lambda: open('{private}').read())",
        f"report('list', lambda: os.listdir('{cell.victim}'))",
        "report('shadow', lambda: open('/etc/shadow').read())",
        f"report('packages', lambda: os.listdir('{cell.packages}'))",
    )
    private.write_text("hunter2\n")
    private.chmod(0o600)
    os.chown(private, cell.uid, cell.uid)
    place = named.format(state=cell.state, victim=cell.victim, link=link)
    lines = ("--no-index", f"--find-links file://{place}", str(source))
    request = cell.request(pip_channel, "condafs-hello", "pip", pip=lines, is_shared=True)
    outcome = cell.run(request)
    assert isinstance(outcome, Succeeded), f"{outcome}\n{cell.text}"
    done = [line for line in (Path(request.prefix) / "zz-evil").read_text().splitlines() if "DONE" in line]
    assert done == (["DONE public", "DONE list"] if named in {"{victim}", "{link}"} else [])
    is_told = f"pip may not read {place}, or not all of it: not everybody may look into" in cell.text
    assert is_told == (named in {"/etc", "{state}"} and not (cell.uid and named == "/etc"))


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
