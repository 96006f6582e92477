"""The process that waits for the kernel in the daemon's place."""

import os
import select
import socket
import threading

from condafs.filesystem.forgetter import _serve


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
