"""How a mount begins and ends."""

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from condafs.errors import MachineError
from condafs.filesystem.mounting import mount_at, unmount
from condafs.filesystem.serve import LOOK_SECONDS, Mounting
from tests.component.tree.house import make_house, make_tree
from tests.mounted.conftest import Daemon, specification, until


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory of another daemon."""
    path = tmp_path / "other"
    path.mkdir()
    return path


async def refusal(mountpoint: Path, state: Path) -> str:
    """What serving there is refused with."""
    with pytest.raises(MachineError) as caught:
        await Mounting(make_tree(make_house(state)), mountpoint, allow_other=False).serve()
    return str(caught.value)


async def test_a_living_mount_is_left_alone(daemon: Daemon, state: Path) -> None:
    assert "another condafs serves it" in await refusal(daemon.mount, state)
    assert daemon.specs.is_dir()


async def test_what_others_mounted_is_left_alone(state: Path) -> None:
    assert "is mounted there" in await refusal(Path("/proc"), state)


async def test_a_mount_point_must_be_an_empty_directory(state: Path, tmp_path: Path) -> None:
    assert "mkdir -p" in await refusal(tmp_path / "missing", state)
    (tmp_path / "file").touch()
    assert "not a directory" in await refusal(tmp_path / "file", state)
    assert "not empty" in await refusal(tmp_path, state)


def test_a_mount_whose_daemon_was_killed_is_cleared_away(daemon: Daemon) -> None:
    daemon.write("one")
    assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
    with pytest.raises(OSError) as caught:  # noqa: PT011 - errno is looked at
        os.statvfs(daemon.mount)  # stat may still be answered from the kernel's memory
    assert caught.value.errno == errno.ENOTCONN
    daemon.restart()
    assert "one" in daemon.content()


def test_files_written_in_the_moment_of_a_crash_are_taken_at_the_next_start(daemon: Daemon) -> None:
    (daemon.specs / "foo.yaml").write_text(specification("one"))
    daemon.end(signal.SIGKILL)
    (daemon.state / "specs" / "bar.yaml").write_text(specification(name="bar"))
    daemon.restart()
    assert daemon.until_state("ready")
    assert daemon.specs.joinpath("bar.yaml").stat().st_mode & 0o777


def test_unmounting_from_outside_ends_the_daemon(daemon: Daemon) -> None:
    unmount(daemon.mount)
    assert daemon.process.wait(20) == 0
    daemon.has_ended = True
    assert mount_at(daemon.mount) is None


def test_a_directory_above_may_get_another_name(daemon: Daemon) -> None:
    above = daemon.mount.parent
    above.rename(above.with_name("moved"))
    time.sleep(2 * LOOK_SECONDS)
    assert daemon.process.poll() is None
    moved = above.with_name("moved") / daemon.mount.name
    assert os.listdir(moved) is not None
    assert daemon.end() == 0
    assert mount_at(moved) is None
    above.with_name("moved").rename(above)


def test_it_ends_while_somebody_is_inside(daemon: Daemon) -> None:
    path = daemon.write("one")
    with path.open("r+") as file:
        descriptor = os.open(daemon.mount, os.O_RDONLY)
        file.write("half a ")
        assert daemon.end() == 0
        with pytest.raises(OSError):  # noqa: PT011 - any: there is nobody to answer
            file.flush()
        os.close(descriptor)
        with pytest.raises(OSError):  # noqa: PT011 - likewise
            file.close()
    assert mount_at(daemon.mount) is None


def test_what_was_closed_before_the_end_is_submitted(daemon: Daemon) -> None:
    (daemon.specs / "foo.yaml").write_text(specification("one"))
    assert daemon.end() == 0
    assert "foo.yaml: submitted" in daemon.log.read_text()


def test_a_hanging_build_does_not_keep_it_from_ending(daemon: Daemon) -> None:
    daemon.write("one", script="hang")
    daemon.until_state("building")
    assert daemon.end() == 0


def test_memory_is_given_back_when_the_kernel_forgets(daemon: Daemon) -> None:
    for number in range(300):
        (daemon.specs / f"note{number}").touch()
    for number in range(300):
        (daemon.specs / f"note{number}").unlink()
    subprocess.run(["ls", "-la", daemon.specs], check=True, capture_output=True)
    until(lambda: daemon.count_descriptors() <= daemon.descriptors)
