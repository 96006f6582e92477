"""Links that the kernel remembers: it answers for the daemon, and never with what was."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mounted.conftest import Daemon, specification, until


@contextmanager
def stopped(daemon: Daemon) -> Iterator[None]:
    """A daemon that answers nothing."""
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        daemon.process.send_signal(signal.SIGCONT)


@contextmanager
def hammered(*paths: Path) -> Iterator[list[OSError]]:
    """Links that are walked through all the time, so that the kernel always remembers them; and what went wrong."""
    stop = threading.Event()
    errors: list[OSError] = []

    def walk(path: Path) -> None:
        while not stop.is_set():
            try:
                path.stat()
            except OSError as error:
                errors.append(error)

    threads = [threading.Thread(target=walk, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    try:
        yield errors
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def builds(daemon: Daemon) -> list[str]:
    """Names of two builds of foo, the second of which is current."""
    found = []
    for word in ("one", "two"):
        daemon.write(word)
        found.append(os.readlink(daemon.mount / "foo"))
    return found


def test_a_walk_through_a_name_asks_the_daemon_nothing(daemon: Daemon, builds: list[str]) -> None:
    assert "two" in daemon.content()
    with stopped(daemon):
        for _ in range(3):
            assert "two" in daemon.content()
            assert os.readlink(daemon.mount / "foo") == builds[1]


def test_who_moved_a_name_sees_where_it_leads_now(daemon: Daemon, builds: list[str]) -> None:
    link, passing = daemon.mount / "foo", daemon.mount / "passing"
    with hammered(link / "specification", link / "specification") as errors:
        for number in range(200):
            build = builds[number % 2]
            passing.symlink_to(build)
            passing.rename(link)
            assert os.readlink(link) == build
            assert ("one", "two")[number % 2] in daemon.content()
    assert errors == []


def test_who_saw_a_build_published_elsewhere_sees_it_under_its_name(daemon: Daemon) -> None:
    daemon.write("first")
    link = daemon.mount / "foo"
    with hammered(link / "specification", link / "specification") as errors:
        for number in range(20):
            before = len(daemon.generations())
            (daemon.specs / "foo.yaml").write_text(specification(f"n{number}"))
            until(lambda: len(daemon.generations()) > before, "published")  # noqa: B023
            newest = max(daemon.generations(), key=lambda name: int(name.partition("-")[0]))
            assert os.readlink(link) == os.path.basename(os.readlink(daemon.mount / ".history/foo" / newest))
    assert errors == []


def test_references_follow_the_name(daemon: Daemon, builds: list[str]) -> None:
    daemon.write("three")
    before = daemon.mount / "foo@-1"
    assert os.readlink(before) == builds[1]
    (daemon.mount / "passing").symlink_to(builds[1])
    (daemon.mount / "passing").rename(daemon.mount / "foo")
    assert os.readlink(before) == builds[0]
    for digits in (4, 12, 40):
        assert os.readlink(daemon.mount / f"foo@{builds[0][:digits]}") == builds[0]


@pytest.mark.parametrize("digits", [8, 12, 64])
def test_a_deleted_build_is_gone_under_all_its_names(daemon: Daemon, builds: list[str], digits: int) -> None:
    names = [daemon.mount / builds[0], *(daemon.mount / f"foo@{builds[0][:n]}" for n in (8, 12, 64))]
    for name in names:
        assert (name / "specification").exists()
    (daemon.mount / f"foo@{builds[0][:digits]}").unlink()
    for name in names:
        with pytest.raises(FileNotFoundError):
            os.readlink(name)
        assert not name.exists()


def test_a_retired_name_that_comes_back_leads_to_the_new_build(daemon: Daemon, builds: list[str]) -> None:
    # A descriptor of the link itself: the kernel keeps the inode, and with it what it remembers.
    descriptor = os.open(daemon.mount / "foo", os.O_PATH | os.O_NOFOLLOW)
    try:
        (daemon.specs / "foo.yaml").unlink()
        assert not os.path.lexists(daemon.mount / "foo")
        daemon.write("three")
        assert "three" in daemon.content()
        assert os.readlink("", dir_fd=descriptor) == os.readlink(daemon.mount / "foo") not in builds
    finally:
        os.close(descriptor)


def test_removing_a_file_is_seen_at_once_through_what_the_kernel_remembers(daemon: Daemon, builds: list[str]) -> None:
    for _ in range(5):
        assert os.readlink(daemon.mount / "foo") == builds[1]
        (daemon.specs / "foo.yaml").unlink()
        assert not os.path.lexists(daemon.mount / "foo")
        daemon.write("two")
