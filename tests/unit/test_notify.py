import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.notify import Notifier


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


def test_messages_reach_the_listener(listener: socket.socket, tmp_path: Path) -> None:
    notifier = Notifier(str(tmp_path / "notify"))
    notifier.ready("serving\n/envs")
    notifier.status("two builds")
    notifier.watchdog()
    notifier.stopping()
    received = [listener.recv(1000) for _ in range(4)]
    assert received == [b"READY=1\nSTATUS=serving /envs", b"STATUS=two builds", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_at_sign_means_the_abstract_namespace() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0condafs-test-notify")
        sock.settimeout(5)
        Notifier("@condafs-test-notify").ready()
        assert sock.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nonexistent/socket", "@nobody-listens-here"])
def test_nobody_listening_is_no_error(address: str) -> None:
    Notifier(address).ready()


def test_taking_removes_the_variables_so_that_children_stay_silent() -> None:
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "7", "HOME": "/"}
    assert Notifier.take(environ, 7) == Notifier("/run/x", 2.5)
    assert environ == {"HOME": "/"}


def test_another_process_watchdog_is_not_ours() -> None:
    assert Notifier.take({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "8"}, 7) == Notifier("", 0)
