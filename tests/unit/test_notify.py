import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.errors import MachineError
from condafs.notify import Notifier, take_descriptors


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


@pytest.mark.parametrize("address", ["/nonexistent/socket", "@nobody-listens-here"])
def test_what_is_to_be_kept_has_to_reach_somebody(address: str) -> None:
    with pytest.raises(MachineError, match=r"fuse cannot be kept for the next start: .* refused|No such file"):
        Notifier(address).keep("fuse", 0)
    Notifier(address).drop("fuse")
    Notifier().keep("fuse", 0)


def test_taking_removes_the_variables_so_that_children_stay_silent() -> None:
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "7", "HOME": "/"}
    assert Notifier.take(environ, 7) == Notifier("/run/x", 2.5)
    assert environ == {"HOME": "/"}


def test_another_process_watchdog_is_not_ours() -> None:
    assert Notifier.take({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "8"}, 7) == Notifier("", 0)


def test_a_kept_descriptor_reaches_the_listener_before_the_call_returns(
    listener: socket.socket, tmp_path: Path
) -> None:
    received: list[tuple[bytes, int]] = []

    def listen() -> None:
        for _ in range(2):
            message, descriptors, _, _ = socket.recv_fds(listener, 1000, 2)
            received.append((message, len(descriptors)))
            for descriptor in descriptors:
                os.close(descriptor)

    thread = threading.Thread(target=listen)
    thread.start()
    with (tmp_path / "file").open("w") as file:
        Notifier(str(tmp_path / "notify")).keep("fuse", file.fileno())
        assert received[0] == (b"FDSTORE=1\nFDNAME=fuse", 1)
    thread.join()
    assert received[1] == (b"BARRIER=1", 1)


def test_passed_descriptors_are_known_by_name_and_not_passed_on() -> None:
    program = """
import os
from condafs.notify import take_descriptors
for number in (3, 4):
    os.dup2(1, number)
environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "fuse:", "HOME": "/"}
print(take_descriptors(environ, os.getpid()), os.get_inheritable(3), environ)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "{'fuse': 3, 'unknown': 4} False {'HOME': '/'}\n"


def test_descriptors_of_another_process_are_not_ours() -> None:
    assert take_descriptors({"LISTEN_PID": "8", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "fuse"}, 7) == {}
    assert take_descriptors({}, 7) == {}
