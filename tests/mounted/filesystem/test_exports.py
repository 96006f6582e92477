"""Exports through the kernel, read by the tools that people read files with. Builds have two files here."""

import hashlib
import os
import signal
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mounted.conftest import Daemon, until


@pytest.fixture
def both(daemon: Daemon) -> Daemon:
    """Two builds of foo."""
    for content in ("one", "two"):
        daemon.write(content)
    return daemon


def read_on(fd: int) -> None:
    """To the end."""
    while os.read(fd, 4096):
        pass


def content(path: Path) -> bytes:
    return path.read_bytes()


@pytest.mark.parametrize("suffix", ["tar", "oci"])
def test_tools_read_what_is_there(both: Daemon, tmp_path: Path, suffix: str) -> None:
    path = both.mount / f"foo.{suffix}"
    expected = content(path)
    assert path.stat().st_size == len(expected)
    for command in (
        ["cp", "--sparse=always", path, tmp_path / "copy"],
        ["cp", "--sparse=never", path, tmp_path / "copy"],
        ["rsync", "-a", "--inplace", path, tmp_path / "copy"],
        ["dd", f"if={path}", f"of={tmp_path}/copy", "bs=7000", "status=none"],
    ):
        (tmp_path / "copy").unlink(missing_ok=True)
        subprocess.run(command, check=True)
        assert (tmp_path / "copy").read_bytes() == expected
    options = ["bs=512", "skip=3", "count=4", "status=none"]
    skipped = subprocess.run(["dd", f"if={path}", *options], capture_output=True, check=True)
    assert skipped.stdout == expected[3 * 512 : 7 * 512]
    sums = [subprocess.run(["sha256sum", path], capture_output=True, check=True).stdout for _ in range(2)]
    assert sums[0] == sums[1]
    assert sums[0][:64].decode() == hashlib.sha256(expected).hexdigest()
    with tarfile.open(path) as archive:
        assert len(archive.getmembers()) > 3


def test_random_reads_equal_one_sequential_read(both: Daemon) -> None:
    for suffix in ("tar", "oci"):
        path = both.mount / f"foo.{suffix}"
        expected = content(path)
        fd = os.open(path, os.O_RDONLY)

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.integers(0, len(expected) + 10), st.integers(0, 300_000), st.booleans())
        def check(offset: int, size: int, is_forgotten: bool) -> None:  # noqa: FBT001
            if is_forgotten:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)  # noqa: B023
            assert os.pread(fd, size, offset) == expected[offset : offset + size]  # noqa: B023

        check()
        os.close(fd)


def test_the_open_file_stays_the_build_that_it_was_opened_on(both: Daemon) -> None:
    path = both.mount / "foo.tar"
    before = content(both.mount / "foo@-1.tar")
    with path.open("rb") as opened:
        new = opened.read()
        (both.mount / "passing").symlink_to("foo@-1")
        (both.mount / "passing").rename(both.mount / "foo")
        opened.seek(0)
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        assert opened.read() == new
    assert content(path) == before != new


def test_a_build_that_is_deleted_while_it_is_read_is_read_to_the_end(both: Daemon) -> None:
    build = os.readlink(both.mount / "foo@-1")
    expected = content(both.mount / f"{build}.tar")
    fd = os.open(both.mount / f"{build}.tar", os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        (both.mount / build).unlink()
        assert not os.path.lexists(both.mount / f"{build}.tar")
        assert os.pread(fd, len(expected), 0) == expected
        assert (both.state / "builds" / build).exists()
    finally:
        os.close(fd)
    until(lambda: not (both.state / "builds" / build).exists(), "its files are gone")
    until(lambda: not (both.state / "exports" / build).exists(), "its index is gone")


def test_a_file_that_changed_underneath_is_an_error_and_a_line_in_the_log(both: Daemon) -> None:
    both.expects_warnings = True
    build = os.readlink(both.mount / "foo")
    content(both.mount / "foo.tar")
    file = both.state / "builds" / build / "specification"
    file.write_text("changed")
    fd = os.open(both.mount / "foo.tar", os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        with pytest.raises(OSError, match="Input/output"):
            read_on(fd)
    finally:
        os.close(fd)
    assert "specification: it was changed" in both.log.read_text()


def test_they_are_listed_with_their_sizes_and_cannot_be_changed(both: Daemon) -> None:
    names = os.listdir(both.mount / ".exports")
    builds = [os.readlink(both.mount / name)[:12] for name in ("foo", "foo@-1")]
    stems = {"foo", *(f"foo@{digest}" for digest in builds)}
    assert set(names) == {f"{stem}.{suffix}" for stem in stems for suffix in ("tar", "oci")}
    for name in names:
        path = both.mount / ".exports" / name
        assert path.stat().st_size == len(content(both.mount / name))
        assert path.stat().st_blocks == 0
    for change in (
        (both.mount / "foo.tar").unlink,
        lambda: (both.mount / "foo.tar").write_text("x"),
        lambda: (both.mount / "foo.tar").chmod(0o600),
        lambda: (both.mount / "foo.tar").rename(both.mount / "bar.tar"),
        lambda: (both.mount / ".exports/new.tar").write_text("x"),
        (both.mount / ".exports/foo.tar").unlink,
        lambda: (both.mount / "bar.tar").symlink_to("foo"),
    ):
        with pytest.raises(OSError, match=r"."):
            change()
    assert not os.path.lexists(both.mount / "nope.tar")


def test_many_readers_and_everybody_else_at_once(both: Daemon) -> None:
    expected = {suffix: content(both.mount / f"foo.{suffix}") for suffix in ("tar", "oci")}
    failures: list[str] = []

    def read(number: int) -> None:
        suffix = ("tar", "oci")[number % 2]
        for _ in range(5):
            fd = os.open(both.mount / f"foo.{suffix}", os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            if os.pread(fd, len(expected[suffix]), 0) != expected[suffix]:
                failures.append(suffix)
            os.close(fd)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        os.listdir(both.mount)
        os.readlink(both.mount / "foo@-1")
    for thread in threads:
        thread.join()
    assert failures == []


def test_after_a_kill_the_exports_are_the_same(both: Daemon) -> None:
    before = {suffix: content(both.mount / f"foo.{suffix}") for suffix in ("tar", "oci")}
    (both.state / "exports/.making-left").mkdir()
    both.end(signal.SIGKILL)
    both.restart()
    assert {suffix: content(both.mount / f"foo.{suffix}") for suffix in ("tar", "oci")} == before
    assert not (both.state / "exports/.making-left").exists()
