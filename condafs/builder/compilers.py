"""Compiler processes: the environment's own python, once for each core, fed with pieces of work by a thread each."""

import contextlib
import functools
import json
import os
import queue
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from condafs.builder import compile_worker
from condafs.builder.cage.inmate import Order
from condafs.builder.cage.keeper import Keeper
from condafs.builder.cage.view import View

PIECE_FILES = 40
"""Files that a compiler takes at a time: few enough that all end together."""

_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",  # constant sets keep one order: the same bytes always
    # glibc gives the memory of each syntax tree back and asks for it again for the next one, unless it is told not to
    # (mallopt(3)); that is a sixth of the time (measured), and compilers stay below 40 MB either way.
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
    # Fewer page faults and no look-ups of symbols while compiling: two hundredths each (measured on 2,500 modules).
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "LD_BIND_NOW": "1",
}

# They become parts of paths, and a python is whatever calls itself so.
_TAG = re.compile(r"\w+(-\w+)*", re.ASCII)
_MAGIC = re.compile(r"[0-9a-f]{8}")

_WORKER = Path(compile_worker.__file__).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Source:
    """One module: where it is, what tracebacks call it, where its bytecode goes."""

    path: str
    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a piece: how many files, which of them do not compile and why, or what stopped it."""

    count: int
    failed: tuple[tuple[str, str], ...] = ()
    error: Exception | None = None


OnDone = Callable[[Compiled], None]


class CompilerError(Exception):
    """That python cannot compile: it does not start, or it died."""


class Compilers:
    """Compiler processes of one python, and the queue before them; a second one starts when there is work for two.

    Args:
        python: Executable of the environment, or of the package cache.
        keeper: Starts them.
        view: What they may see.

    Raises:
        CompilerError: when it does not run.
    """

    def __init__(self, python: Path, keeper: Keeper, view: View) -> None:
        self._start = functools.partial(_Compiler, python, keeper, view)
        self._count = len(os.sched_getaffinity(0))
        self._pieces: queue.SimpleQueue[tuple[list[Source], OnDone] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._first = self._start()
        self.tag: str = self._first.greeting["tag"]
        self.magic: str = self._first.greeting["magic"]

    def compile(self, sources: Sequence[Source], on_done: OnDone) -> None:
        """Queue modules.

        Args:
            sources: Modules.
            on_done: Called in a thread for each piece, with what became of it.
        """
        for begin in range(0, len(sources), PIECE_FILES):
            self._pieces.put((list(sources[begin : begin + PIECE_FILES]), on_done))
            if len(self._threads) < self._count:
                compiler = None if self._threads else self._first
                thread = threading.Thread(target=self._work, args=(compiler,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def end(self) -> None:
        """Finish what is queued, then end all processes."""
        for _ in self._threads:
            self._pieces.put(None)
        for thread in self._threads:
            thread.join()
        if not self._threads:
            self._first.end()

    def _work(self, compiler: "_Compiler | None") -> None:
        while piece := self._pieces.get():
            sources, on_done = piece
            try:
                compiler = compiler or self._start()
                result = compiler.compile(sources)
            except (CompilerError, OSError) as error:
                if compiler:
                    compiler.end()
                compiler = None
                result = Compiled(len(sources), error=error)
            on_done(result)
        if compiler:
            compiler.end()


class _Compiler:
    """One process."""

    def __init__(self, python: Path, keeper: Keeper, view: View) -> None:
        self._python = python
        # No site, no user directory, no variables: only the language itself is needed, and the package cache
        # holds python without the libraries that its extension modules want.
        command = (str(python), "-S", "-s", "-B", "-c", _WORKER)
        order = Order(command, _ENVIRONMENT, Path("/"), view)
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        nothing = os.open(os.devnull, os.O_WRONLY)
        self._requests = os.fdopen(ours_in, "w", encoding="utf-8")
        self._answers = os.fdopen(ours_out, encoding="utf-8")
        try:
            self._running = keeper.start(order, (theirs_in, theirs_out, nothing))
        except OSError as error:
            self._close()
            raise CompilerError(str(error)) from None
        finally:
            for fd in (theirs_in, theirs_out, nothing):
                os.close(fd)
        self.greeting = self._read()
        if not (_TAG.fullmatch(self.greeting["tag"]) and _MAGIC.fullmatch(self.greeting["magic"])):
            self._fail("it says of itself what no python says")

    def compile(self, sources: Sequence[Source]) -> Compiled:
        try:
            self._requests.write(json.dumps({"files": [[s.path, s.name, s.target] for s in sources]}) + "\n")
            self._requests.flush()
        except BrokenPipeError:
            pass  # reading says what happened to it
        answer = self._read()
        if answer["errno"] is not None:
            raise OSError(answer["errno"], answer["why"])
        return Compiled(len(sources), tuple((source, why) for source, why in answer["failed"]))

    def end(self) -> None:
        self._close()
        self._running.wait()

    def _close(self) -> None:
        self._answers.close()
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()

    def _read(self) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(self._answers.readline())
        except ValueError:
            self._fail()
        return document

    def _fail(self, why: str = "") -> NoReturn:
        self._running.kill()
        self._close()
        status = self._running.wait().status
        msg = f"{self._python} cannot compile ({why or f'it ended with {status}'})"
        raise CompilerError(msg) from None
