"""Real processes that use builds, seen in /proc."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from condafs.garbage.processes import Look, Process, look
from condafs.names import BuildName, EnvironmentName, SpecDigest

BUILD = BuildName(SpecDigest("a" * 64), EnvironmentName("foo"))
NOBODY = 65534


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    path = tmp_path / str(BUILD)
    (path / "lib").mkdir(parents=True)
    (path / "lib" / "data").write_bytes(b"x" * 5000)
    return path


@contextmanager
def running(*command: str, **options: object) -> Iterator["subprocess.Popen[str]"]:
    """A process that says a line when it is where it should be, and stays until its input ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(list(command), **pipes | options) as process:  # type: ignore[call-overload]
        assert process.stdout
        process.stdout.readline()
        yield process
        process.stdin.close()


WAIT = "print('ready', flush=True); import sys; sys.stdin.read()"


def python(code: str, **options: object) -> "subprocess._GenericAlias":
    return running(sys.executable, "-c", f"{code}\n{WAIT}", **options)


def users(found: Look | None = None) -> set[int]:
    return {process.pid for process in (found or look()).uses.get(BUILD, ())}


def test_a_process_that_runs_from_a_build_uses_it(prefix: Path) -> None:
    program = prefix / "cat"
    program.write_bytes(Path("/bin/cat").read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program], stdin=subprocess.PIPE) as process:
        assert process.stdin
        found = look()
        assert users(found) == {process.pid}
        assert found.words()[BUILD] == [f"cat ({process.pid})"]
        process.stdin.close()
    assert users() == set()


def test_a_process_that_stands_in_a_build_uses_it(prefix: Path) -> None:
    with python("", cwd=prefix / "lib") as process:
        assert users() == {process.pid}


def test_a_process_that_has_a_file_open_uses_its_build(prefix: Path) -> None:
    with python(f"file = open({str(prefix / 'lib' / 'data')!r})") as process:
        assert users() == {process.pid}


def test_a_process_that_has_a_file_mapped_uses_its_build(prefix: Path) -> None:
    opened = f"f = open({str(prefix / 'lib' / 'data')!r}, 'rb')"
    with python(f"import mmap; {opened}; m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); f.close()") as process:
        assert users() == {process.pid}


def test_a_process_that_was_started_in_an_activated_shell_uses_its_build(prefix: Path) -> None:
    with python("", env={**os.environ, "CONDA_PREFIX": str(prefix)}) as process:
        assert users() == {process.pid}


def test_what_was_removed_under_a_process_is_used_still(prefix: Path) -> None:
    code = f"file = open({str(prefix / 'lib' / 'data')!r}); import os; os.unlink(file.name)"
    with python(code) as process:
        assert users() == {process.pid}


def test_an_export_by_the_name_of_its_build_is_a_use(tmp_path: Path) -> None:
    export = tmp_path / f"{BUILD}.tar"
    export.touch()
    with python(f"file = open({str(export)!r})") as process:
        assert users() == {process.pid}


IN_A_NAMESPACE = f"mount --bind $1 $2 && cd / && echo ready && {sys.executable} -c 'import sys; sys.stdin.read()'"


def unshare(prefix: Path, place: Path) -> "subprocess._GenericAlias":
    """Somebody who has a build at another place, as a container has: he alone sees that mount."""
    place.mkdir()
    return running("unshare", "-m", "sh", "-c", IN_A_NAMESPACE, "sh", prefix, place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_whoever_has_a_build_mounted_for_himself_uses_it(prefix: Path, tmp_path: Path) -> None:
    with unshare(prefix, tmp_path / "env"):
        assert users(), "neither its program nor its directory says so"
        assert users() <= descendants_of(os.getpid())
    assert users() == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_part_of_a_build_that_is_mounted_is_a_use_of_it(prefix: Path, tmp_path: Path) -> None:
    with unshare(prefix / "lib", tmp_path / "env"):
        assert users()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_who_has_all_builds_mounted_uses_none(prefix: Path, tmp_path: Path) -> None:
    with unshare(prefix.parent, tmp_path / "env"):
        assert users() == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_what_the_daemon_and_its_children_have_mounted_does_not_count(prefix: Path, tmp_path: Path) -> None:
    with unshare(prefix, tmp_path / "env"):
        assert users(look(partly=descendants_of(os.getpid()))) == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root")
def test_who_sees_less_of_a_namespace_does_not_hide_its_mounts(prefix: Path, tmp_path: Path) -> None:
    """mountinfo shows nothing that is outside of the root of the process."""
    place = tmp_path / "env"
    place.mkdir()
    inner = "import os, sys; os.chroot('/proc'); print('ready', flush=True); sys.stdin.read()"
    outer = f"""
import os, subprocess, sys
subprocess.run(['mount', '--bind', {str(prefix)!r}, {str(place)!r}], check=True)
if not os.fork():
    {inner}
    os._exit(0)
sys.stdin.read()
"""
    with running("unshare", "-m", sys.executable, "-c", outer):
        assert users()


def descendants_of(pid: int) -> set[int]:
    found = {pid}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        found |= descendants_of(int(child))
    return found


def test_a_process_whose_first_thread_has_ended_is_seen(prefix: Path) -> None:
    code = f"""
import ctypes, os, sys, threading
os.chdir({str(prefix)!r})
def stay():
    while open('/proc/self/stat').read().rpartition(') ')[2][0] != 'Z':
        pass
    print('ready', flush=True)
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=stay).start()
ctypes.CDLL(None).syscall({60 if os.uname().machine == "x86_64" else 93}, 0)
"""
    with running(sys.executable, "-c", code) as process:
        assert users() == {process.pid}


def test_of_who_reads_exports_only_what_he_runs_counts(prefix: Path) -> None:
    with python(f"file = open({str(prefix / 'lib' / 'data')!r})") as reader, python("", cwd=prefix) as other:
        assert users(look(partly=[reader.pid, other.pid])) == {other.pid}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_may_not_look_knows_that(tmp_path: Path) -> None:
    code = (
        "import os; from condafs.garbage.processes import look; found = look(); "
        "print(found.blind_spot(os.getuid(), is_shared=True)); print(found.blind_spot(os.getuid(), is_shared=False))"
    )
    with python(""):
        done = subprocess.run(
            [sys.executable, "-c", code],
            user=NOBODY,
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
    shared, own = done.stdout.split("\n")[:2]
    assert shared.endswith("other users")
    assert own == ""


def test_blind_is_who_cannot_see_others() -> None:
    other = Process(7, 1000, "python")
    assert Look({}, [other]).blind_spot(1001, is_shared=True) == "1 processes of 1 other users"
    assert Look({}, [other]).blind_spot(1000, is_shared=True) == ""
    assert Look({}, [other]).blind_spot(1001, is_shared=False) == ""
    assert Look({}, is_partial=True).blind_spot(1001, is_shared=True) == "processes of others (hidepid)"


def test_processes_that_come_and_go_disturb_nobody() -> None:
    with subprocess.Popen(["sh", "-c", "while :; do /bin/true; done"]) as process:
        try:
            for _ in range(20):
                look()
        finally:
            process.kill()
