"""That a catalog that was whole was closed in order: a note beside it, for exactly the file that was left.

Reading all of a large catalog takes a second or more (`probe`), and whoever asks the mount waits for it. After a crash,
or when anybody has touched the file since, there is no such note, or it is of another file. What goes bad on the disk
without being written is not found by it, but by the crash that reading it causes: after that, too, all of it is read.

Format of `clean`: inode, size, mtime and ctime of `data.mdb`, decimal numbers; times in ns.
"""

import os
from contextlib import suppress
from pathlib import Path

_NOTE = "clean"
_MOST_BYTES = 200


def note_clean_end(path: Path) -> None:
    """The catalog in a directory is closed, and nobody else writes to it. Without room for the note there is none."""
    with suppress(OSError):
        (path / _NOTE).write_bytes(_stamp(path))


def take_clean_end(path: Path) -> bool:
    """Whether the catalog is as it was when it was closed in order; the note is gone when this returns.

    Raises:
        OSError: The note cannot be removed.
    """
    note = path / _NOTE
    try:
        with note.open("rb") as file:
            said = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return False
    note.unlink()
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)  # or it is there again after a power cut, beside a file whose times were not written
    finally:
        os.close(fd)
    with suppress(FileNotFoundError):
        return said == _stamp(path)
    return False


def _stamp(path: Path) -> bytes:
    found = (path / "data.mdb").stat()
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}\n".encode()
