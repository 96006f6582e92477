"""Names that nobody should use, and very many of those that everybody does."""

import errno
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.mounted.conftest import Daemon, specification, until

ODD = [b"\xff\xfe", b"a\nb.yaml", b"\xff.yaml", b"x" * 255, b"x" * 250 + b".yaml", b"-rf", b"*", b"\x01", b" ", b"~"]


def test_any_bytes_may_name_a_file(daemon: Daemon) -> None:
    for name in ODD:
        path = os.fsencode(daemon.specs) + b"/" + name
        Path(os.fsdecode(path)).write_bytes(b"")
        assert os.listdir(os.fsencode(daemon.specs)) == [name]
        os.rename(path, path[:-1] + b"_")
        os.unlink(path[:-1] + b"_")
        assert os.listdir(daemon.specs) == []


def test_odd_names_are_answered_with_sense(daemon: Daemon) -> None:
    daemon.write("one")
    names = [*ODD, b"foo@", b"@", b"foo@\xff", b"foo@-0", b"foo@-" + b"9" * 40, b"0" * 64 + b"-\xff", b"0" * 64 + b"-x"]
    for directory in ("", ".specs", ".status", ".logs", ".history", ".exports"):
        for name in [*names, b"x" * 256, b"x" * 3000]:
            path = os.fsencode(daemon.mount / directory) + b"/" + name
            for attempt in (os.lstat, os.unlink, os.rmdir, os.readlink, lambda p: os.rename(p, p + b"2")):
                with pytest.raises(OSError) as caught:  # noqa: PT011 - errno is looked at
                    attempt(path)
                assert caught.value.errno not in {errno.EIO, errno.ENOSYS, errno.ESTALE}, (name, attempt)


def test_what_no_filesystem_of_ours_has_is_refused(daemon: Daemon) -> None:
    for attempt in (
        lambda: os.mkfifo(daemon.specs / "pipe"),
        lambda: os.setxattr(daemon.specs, "user.x", b"1"),
        lambda: os.getxattr(daemon.mount, "user.x"),
        lambda: os.rename(daemon.specs / "a", daemon.mount / "a"),
    ):
        (daemon.specs / "a").touch()
        with pytest.raises(OSError) as caught:  # noqa: PT011 - errno is looked at
            attempt()
        assert caught.value.errno in {errno.EPERM, errno.ENOTSUP}


def test_a_thousand_files_at_once_all_become_environments(daemon: Daemon, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(1000):
        (source / f"e{number}.yaml").write_text(specification(name=f"e{number}"))
    subprocess.run(f"cp {source}/*.yaml {daemon.specs}/", shell=True, check=True, timeout=120)  # noqa: S602
    assert len(os.listdir(daemon.specs)) == 1000
    until(lambda: len(os.listdir(daemon.mount / ".status")) == 1000, "all are known")
    until(lambda: len([name for name in os.listdir(daemon.mount) if "@" in name]) == 1000, "all are built")
    assert (daemon.mount / "e999/specification").exists()


def test_a_name_is_never_missing_while_it_moves(daemon: Daemon) -> None:
    for word in ("one", "two"):
        daemon.write(word)
    stop, misses = threading.Event(), []

    def watch() -> None:
        while not stop.is_set():
            try:
                (daemon.mount / "foo/specification").read_text()
            except OSError as error:
                misses.append(error)

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    for number in range(40):
        (daemon.specs / "foo.yaml").write_text(specification("one" if number % 2 else "two"))
        if number % 5 == 0:  # as mv does it
            (daemon.specs / "foo.yaml").unlink()
            (daemon.specs / "foo.yaml").write_text(specification("one"))
    stop.set()
    for watcher in watchers:
        watcher.join()
    assert misses == []


def test_removed_names_are_forgotten_by_the_kernel_under_fire(daemon: Daemon) -> None:
    """Invalidation waits for the kernel's lock of the root; on the event loop this would hang for ever."""
    stop = threading.Event()

    def look_up() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            os.path.lexists(daemon.mount / f"missing{number % 100}")
            os.listdir(daemon.mount)

    threads = [threading.Thread(target=look_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            path = daemon.write(f"n{number}", name=f"e{number}")
            assert (daemon.mount / f"e{number}").exists()
            path.unlink()
            until(lambda: not os.path.lexists(daemon.mount / f"e{number}"), "the name is gone")  # noqa: B023
    finally:
        stop.set()
        for thread in threads:
            thread.join()
