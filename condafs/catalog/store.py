"""The door of the catalog: snapshots, commits, and a map that grows.

LMDB is known here, in `opening` and in `errors`, and nowhere else. It runs with its defaults: each commit is synced, so
that a crash at any moment leaves the state after some commit, and the one that was reported last is in it.

Concurrency: any thread may open snapshots. Writes happen in one thread at a time, in the order they were asked for.
The memory map is moved only while no snapshot of this process is open, which is what `Gate` watches.
"""

import logging
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, cast

import lmdb

from condafs.catalog.clean_end import note_clean_end, take_clean_end
from condafs.catalog.commits import GroupCommit, Job
from condafs.catalog.errors import translate
from condafs.catalog.events import DAEMON, Author
from condafs.catalog.files import can_grow, lock, reserve, share
from condafs.catalog.gate import Gate
from condafs.catalog.opening import INITIAL_MAP_BYTES, Opened, open_to_read, open_to_write, require_whole
from condafs.catalog.reader import Snapshot
from condafs.catalog.tables import RawTransaction
from condafs.catalog.transaction import Transaction
from condafs.errors import CatalogError, DiskFullError
from condafs.names import BuildName, EnvironmentName

logger = logging.getLogger(__name__)

T = TypeVar("T")

GATE_SECONDS = 30
"""How long a map waits to be moved. Snapshots are open for milliseconds; one for that long is a defect."""


Moved: TypeAlias = Collection[EnvironmentName | BuildName]
"""What led somewhere and leads elsewhere or nowhere now (`Transaction.moved`)."""


class Catalog:
    """The catalog of one state directory. Made by `open` or `open_read_only`; a context manager that closes it."""

    def __init__(self, path: Path, opened: Opened, lock_fd: int | None, *, is_whole: bool = False) -> None:
        self._path = path
        self._environment = opened.environment
        self._handles = opened.handles
        self._lock_fd = lock_fd
        self._is_whole = is_whole
        self._gate = Gate()
        self._on_moved: Callable[[Moved], None] | None = None
        self._commits = GroupCommit(self._commit)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        map_bytes: int = INITIAL_MAP_BYTES,
        reader_gid: int | None = None,
        is_probed: bool = False,
    ) -> Self:
        """Open for writing, as the only process that does; made when there is none.

        Args:
            path: Directory of the catalog.
            map_bytes: Of the memory map at first.
            reader_gid: Group whose users may read it.
            is_probed: Whether all of it is read first unless it was closed in order: a damaged one could crash this
                process later (see `probe`).

        Raises:
            CatalogError: Another daemon has it, it is of a newer version, damaged, or no catalog.
            DiskFullError: No room for a new one.
        """
        lock_fd = None
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock_fd = lock(path)
            is_whole = take_clean_end(path)
            if is_probed and not is_whole:
                require_whole(path)
                is_whole = True
            reserve(path / "lock.mdb")
            opened = open_to_write(path, map_bytes)
            if reader_gid is not None:
                share(path, reader_gid)
        except (lmdb.Error, OSError, CatalogError) as error:
            if lock_fd is not None:
                os.close(lock_fd)
            raise translate(error, path) from None
        return cls(path, opened, lock_fd, is_whole=is_whole)

    @classmethod
    def open_read_only(cls, path: Path) -> Self:
        """Open beside the daemon that writes. Needs write permission for `lock.mdb`, where readers register.

        A process that forks must open it after the fork.

        Raises:
            CatalogError: There is none, or it is of a newer version.
        """
        if not (path / "data.mdb").exists():
            msg = f"there is no catalog in {path}"
            raise CatalogError(msg)
        try:
            opened = open_to_read(path)
        except (lmdb.Error, OSError) as error:
            raise translate(error, path) from None
        return cls(path, opened, None)

    @property
    def path(self) -> Path:
        """Its directory."""
        return self._path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_whole &= error is None  # it may be what went wrong
        self.close()

    def close(self) -> None:
        """End; open snapshots are invalid from now on."""
        self._environment.close()
        if self._lock_fd is not None:
            if self._is_whole:
                note_clean_end(self._path)
            os.close(self._lock_fd)
            self._lock_fd = None

    def snapshot(self) -> Snapshot:
        """The catalog as it is now; a context manager, to be closed before the next await.

        Raises:
            CatalogError: LMDB cannot answer.
        """
        self._gate.enter()
        try:
            raw = self._begin()
        except BaseException:
            self._gate.leave()
            raise

        def close() -> None:
            raw.abort()
            self._gate.leave()

        return Snapshot(cast("RawTransaction", raw), self._handles, close)

    def _begin(self) -> Any:
        """A read transaction; called with the gate entered, and returns so."""
        try:
            return self._environment.begin()
        except lmdb.MapResizedError:
            self._gate.leave()
            try:
                self._move_map(0)  # the daemon's map has grown: take over its size
            finally:
                self._gate.enter()
        except lmdb.ReadersFullError:
            self._environment.reader_check()  # processes that died left their slots
        except lmdb.Error as error:
            raise translate(error, self._path) from None
        try:
            return self._environment.begin()
        except lmdb.Error as error:
            raise translate(error, self._path) from None

    def watch(self, on_moved: Callable[[Moved], None]) -> None:
        """Have what moves told in the thread of the commit, right after it and before anybody who asked for it hears.

        Args:
            on_moved: Must not write, nor wait for who does.
        """
        self._on_moved = on_moved

    async def write(self, function: Callable[[Transaction], T], author: Author = DAEMON) -> T:
        """Run a function in a write transaction, in a worker thread; returns when it is on the disk.

        Args:
            function: Changes the transaction only: it may run again. What it raises undoes that, and is raised here.
            author: Who has it done, for the journal.

        Raises:
            DiskFullError: Nothing has changed.
            CatalogError: LMDB failed; nothing has changed.
        """
        return await self._commits.write(function, author)

    async def settled(self) -> None:
        """Whoever is told what moves knows all that a snapshot shows, when it is opened before the next await."""
        await self._commits.settled()

    def write_now(self, function: Callable[[Transaction], T], author: Author = DAEMON) -> T:
        """As `write`, blocking; for programs without an event loop."""
        job = Job(function, author)
        self._commit([job])
        return job.unwrap()

    def _commit(self, jobs: Sequence[Job[Any]]) -> None:
        """One transaction for all; those that raise are left out. Every job is finished, whatever happens."""
        failed: dict[Job[Any], BaseException] = {}
        failure: CatalogError | DiskFullError | None = None
        try:
            failed = self._commit_growing(jobs)
        except (lmdb.Error, CatalogError) as error:
            failure = translate(error, self._path, is_full=not can_grow(self._path / "data.mdb"))
        if not failure:
            self._tell_moved({item for job in jobs if job not in failed for item in job.moved})
        for job in jobs:
            # One for each who asked: a traceback belongs to one of them.
            job.finish(type(failure)(str(failure)) if failure else failed.get(job))

    def _tell_moved(self, moved: Moved) -> None:
        if moved and self._on_moved:
            try:
                self._on_moved(moved)
            except Exception:
                logger.exception("%s: not everybody knows what moved", self._path)  # it is committed all the same

    def _commit_growing(self, jobs: Sequence[Job[Any]]) -> dict[Job[Any], BaseException]:
        while True:
            try:
                failed = self._try_commit(jobs)
            except lmdb.MapFullError:
                self._grow(patience_seconds=GATE_SECONDS)
            else:
                info = self._environment.info()
                if info["last_pgno"] * os.sysconf("SC_PAGE_SIZE") > info["map_size"] // 2:
                    with suppress(lmdb.Error):  # early, when nobody has to wait for it; who has to will hear of it
                        self._grow(patience_seconds=0)
                return failed

    def _try_commit(self, jobs: Sequence[Job[Any]]) -> dict[Job[Any], BaseException]:
        failed: dict[Job[Any], BaseException] = {}
        with self._environment.begin(write=True) as outer:
            for job in jobs:
                # A transaction inside the transaction, so that one function can be undone without the others.
                inner = self._environment.begin(write=True, parent=outer)
                try:
                    job.run(Transaction(cast("RawTransaction", inner), self._handles, inner.abort))
                except lmdb.Error:
                    inner.abort()
                    raise
                except Exception as error:  # noqa: BLE001 - goes to who asked, not lost
                    inner.abort()
                    failed[job] = error
                else:
                    inner.commit()
        return failed

    def _grow(self, *, patience_seconds: float) -> None:
        self._environment.reader_check()  # dead readers hold pages that could be used again
        self._move_map(2 * self._environment.info()["map_size"], patience_seconds=patience_seconds)

    def _move_map(self, size: int, *, patience_seconds: float = GATE_SECONDS) -> None:
        is_moved = self._gate.move(lambda: self._environment.set_mapsize(size), patience_seconds=patience_seconds)
        if not is_moved and patience_seconds:
            msg = f"the catalog {self._path} cannot grow: a snapshot of it has been open for {GATE_SECONDS} s"
            raise CatalogError(msg)
