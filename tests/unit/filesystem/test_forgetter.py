"""The process that waits for the kernel in the daemon's place."""

import os
import select
import signal
import socket
import threading

from condafs.filesystem.forgetter import Forgetter, _serve


def test_it_ends_quietly_when_the_daemon_is_killed_with_an_answer_unread() -> None:
    daemon, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kernel = os.open(os.devnull, os.O_WRONLY)
    thread = threading.Thread(target=_serve, args=(kernel, line))
    with line:
        thread.start()
        daemon.send(b"forget")
        assert select.select([daemon], [], [], 10)[0] == [daemon]
        daemon.close()
        thread.join(10)
    os.close(kernel)
    assert not thread.is_alive()


def test_when_it_was_killed_another_takes_its_place() -> None:
    kernel = os.open(os.devnull, os.O_WRONLY)
    forgetter = Forgetter(kernel)
    os.close(kernel)
    try:
        for _ in range(2):
            forgetter.invalidate_inode(1)
            forgetter.invalidate_entry(1, b"foo")
            process = forgetter._process._process
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            forgetter.invalidate_entry(1, b"foo")
            forgetter.invalidate_inode(1)
            assert forgetter._process._process is not process
    finally:
        forgetter.close(10)
