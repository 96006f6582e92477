"""The warden: a process between the builder and what packages bring.

It starts such programs in their cage, answers for them what their filter asks about, and ends whatever they leave
behind. It is a process of its own because a program's calls wait for it: the builder, whose threads share one lock,
could not start something and answer for it at the same time. It is forked while the builder has one thread; it has one.

Messages of the builder come over a SOCK_SEQPACKET socket, all of them descriptors; the first is a file with JSON::

    {"ring": [directory, ...], "processes": 4096,   once, before the others: nothing else is changed from now on, and
     "memory_bytes": 0, "file_bytes": 0}            nothing uses more
    {"number": 0, "arguments": ..., ...}            an `Order`, with standard input, output, error and a pipe, which
                                                    gets {"status": 0, "notes": []} when it and all below it has ended
    {"end": 0}                                      kill that one

A pipe that closes without that: the warden was killed.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from condafs.builder.cage.descriptors import close_all_but, receive
from condafs.builder.cage.inmate import CANNOT_START, Cage, End, Order, become
from condafs.builder.cage.listener import Listener, Question
from condafs.builder.cage.permission_bits import change_mode
from condafs.builder.cage.rings import close_outer_ring
from condafs.builder.cage.syscall_numbers import number_of
from condafs.builder.limits import limit_files, limit_memory
from condafs.builder.offspring import adopt_orphans, children_of, descendants_of

MOST_DESCRIPTORS = 5
_STARTING = ("fork", "vfork", "clone")
_CHANGING_MODES = ("chmod", "fchmod", "fchmodat", "fchmodat2")


@dataclass(slots=True)
class _Inmate:
    """A program that runs. `ended` is a descriptor that is readable when it has ended."""

    pid: int
    number: int
    order: Order
    ended: int
    report: int
    listener_fd: int
    listener: Listener
    notes: list[str] = field(default_factory=list)


def fork_warden() -> socket.socket:
    """Fork one; this process must have one thread. It ends when the socket that is returned is closed everywhere."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        if os.fork() == 0:
            serve_as_warden(theirs)
    return ours


def _leave_builder(control: int) -> None:
    """Keep nothing of the builder's open: the daemon waits for the end of its pipe."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    close_all_but(0, 1, 2, control)
    adopt_orphans()


def serve_as_warden(control: socket.socket) -> NoReturn:
    """Be one, until the other end of the socket is closed."""
    try:
        _leave_builder(control.fileno())
        _Warden(control).run()
    finally:
        os._exit(1)


class _Warden:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._take_order)
        self._inmates: dict[int, _Inmate] = {}
        self._calls = {number_of(name): name for name in (*_STARTING, *_CHANGING_MODES)}
        self._most_processes = 0
        self._counted = self._begun = 0

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fd in self._selector.get_map():  # not ended by one before it
                    key.data()

    def _take_order(self) -> None:
        message, descriptors = receive(self._control, 1, MOST_DESCRIPTORS)
        if not message:
            self._end_strangers(everybody=True)
            os._exit(0)
        with os.fdopen(descriptors[0], "rb") as file:
            file.seek(0)
            document: dict[str, Any] = json.load(file)
        if "ring" in document:
            limit_memory(document["memory_bytes"])
            limit_files(document["file_bytes"])
            close_outer_ring(map(Path, document["ring"]))
            self._most_processes = document["processes"]
        elif "end" in document:
            for inmate in self._inmates.values():
                if inmate.number == document["end"]:
                    os.kill(inmate.pid, signal.SIGKILL)
        else:
            self._start(document["number"], Order.decode(document), descriptors[1:4], descriptors[4])

    def _start(self, number: int, order: Order, streams: list[int], report: int) -> None:
        try:
            cage = Cage.of(order.view)
        except OSError as error:  # an earlier program may have removed what this one is to write to
            os.write(streams[2], f"{order.arguments[0]} cannot be started, its cage cannot be made: {error}\n".encode())
            _tell(report, End(CANNOT_START))
            for fd in streams:
                os.close(fd)
            return
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if (pid := os.fork()) == 0:
                become(order, cage, streams, theirs)
            theirs.close()
            os.close(cage.ruleset)
            _, listeners = receive(ours, 1, 1)
        for fd in streams:
            os.close(fd)
        # Without one it ended before it was that program, and has nobody who asks.
        listener_fd = listeners[0] if listeners else os.open(os.devnull, os.O_RDONLY)
        inmate = _Inmate(pid, number, order, os.pidfd_open(pid), report, listener_fd, Listener(listener_fd))
        self._inmates[pid] = inmate
        self._selector.register(inmate.ended, selectors.EVENT_READ, lambda: self._finish(inmate))
        if listeners:
            self._selector.register(listener_fd, selectors.EVENT_READ, lambda: self._answer(inmate))

    def _answer(self, inmate: _Inmate) -> None:
        listener = inmate.listener
        question = listener.receive()
        if question is None:
            return
        call = self._calls[question.number]
        if call not in _STARTING:
            listener.answer(question, self._change_mode(inmate, question, call))
        elif self._may_start():
            listener.let_pass(question)
        else:
            inmate.notes.append(
                f"more than {self._most_processes} processes and threads (build-processes): it was ended"
            )
            self._forget(inmate.listener_fd)  # it waits for its answer until it is dead
            os.kill(inmate.pid, signal.SIGKILL)

    def _change_mode(self, inmate: _Inmate, question: Question, call: str) -> int:
        writable = [Path(os.path.realpath(path)) for path in inmate.order.view.writable]
        return change_mode(
            question.pid, call, question.arguments, writable, lambda: inmate.listener.is_waiting(question)
        )

    def _may_start(self) -> bool:
        """Whether there is room for one more. Counting takes time: it is done when there might be too many."""
        if not self._most_processes or self._counted + self._begun < self._most_processes:
            self._begun += 1
            return True
        self._counted, self._begun = _count_tasks(), 1
        return self._counted < self._most_processes

    def _finish(self, inmate: _Inmate) -> None:
        """It has ended: so does what it left, and then that is said."""
        _, status = os.waitpid(inmate.pid, 0)
        del self._inmates[inmate.pid]
        self._forget(inmate.listener_fd)
        self._end_strangers()
        self._forget(inmate.ended)
        os.close(inmate.ended)
        os.close(inmate.listener_fd)
        _tell(inmate.report, End(os.waitstatus_to_exitcode(status), tuple(inmate.notes)))

    def _forget(self, fd: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(fd)

    def _end_strangers(self, *, everybody: bool = False) -> None:
        """Kill who lost its parents, and was given to us: something that has ended left it. Waits until it is dead.

        Nobody's questions are answered meanwhile, so nobody starts anything.
        """
        while strangers := [pid for pid in children_of(os.getpid()) if everybody or pid not in self._inmates]:
            for pid in strangers:
                for below in (pid, *descendants_of(pid)):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(below, signal.SIGKILL)
                os.waitpid(pid, 0)


def _tell(report: int, end: End) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(report, "wb") as file:
        file.write(end.encode())


def _count_tasks() -> int:
    count = 0
    for pid in descendants_of(os.getpid()):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            count += len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - a number of them
    return count
