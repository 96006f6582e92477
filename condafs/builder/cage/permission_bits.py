"""chmod, done for a caged program by its warden: on what is its own only, and never on what others share.

Files of an environment are hard links into the package cache. Their owner could give itself the write bits back and
then change the cache, and every environment made from it, in place. So a shared file is replaced by a copy that has the
bits, as a filesystem that copies on writing would do; set-id bits are left out.

What is looked at and what is changed are the same open file, so nothing that is moved meanwhile makes a difference.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

_AT_FDCWD = -100
_AT_SYMLINK_NOFOLLOW = 0x100
_LONGEST_PATH = 4096
_BITS = 0o1777
_COPY_BYTES = 1 << 24
_OWN_PROCESS = re.compile(r"/+(?:proc/+(?:self|thread-self)(?=/)|dev(?=/+fd/))")
"""What means another process here than there, at the beginning of a path."""


def change_mode(
    pid: int, call: str, arguments: Sequence[int], writable: Sequence[Path], is_waiting: Callable[[], bool]
) -> int:
    """Do what a system call asks for.

    Args:
        pid: The thread that makes it, and waits.
        call: `chmod`, `fchmod`, `fchmodat` or `fchmodat2`.
        arguments: Of the call.
        writable: Directories whose content it may change, without links; their own bits stay as they are.
        is_waiting: Whether it still waits.

    Returns:
        0 or the errno for it.
    """
    try:
        file = _open(pid, call, arguments)
    except OSError as error:
        return error.errno or errno.EIO
    except OverflowError:  # an address that no memory has
        return errno.EFAULT
    try:
        mode = arguments[2 if call.startswith("fchmodat") else 1] & _BITS
        return _change(file, mode, writable) if is_waiting() else errno.ESRCH
    except OSError as error:
        return error.errno or errno.EIO
    finally:
        os.close(file)


def _open(pid: int, call: str, arguments: Sequence[int]) -> int:
    """What the call is about, as a descriptor that only says which file it is."""
    if call == "fchmod":
        return os.open(f"/proc/{pid}/fd/{_signed(arguments[0])}", os.O_PATH | os.O_CLOEXEC)
    directory, where = (_AT_FDCWD, arguments[0]) if call == "chmod" else (_signed(arguments[0]), arguments[1])
    path = _of_process(pid, _read_text(pid, where))
    base = "cwd" if directory == _AT_FDCWD else f"fd/{directory}"
    is_followed = not (call == "fchmodat2" and arguments[3] & _AT_SYMLINK_NOFOLLOW)
    if not path:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    whole = path if path.startswith("/") else f"/proc/{pid}/{base}/{path}"
    return os.open(whole, os.O_PATH | os.O_CLOEXEC | (0 if is_followed else os.O_NOFOLLOW))


def _of_process(pid: int, path: str) -> str:
    """A path as that process means it."""
    found = _OWN_PROCESS.match(path)
    return f"/proc/{pid}{path[found.end() :]}" if found else path


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _read_text(pid: int, address: int) -> str:
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # To the end of a page first: the one after it may not be there.
        page = 4096 - address % 4096
        text = os.pread(memory, page, address)
        if b"\0" not in text:
            text += os.pread(memory, _LONGEST_PATH, address + page)
    finally:
        os.close(memory)
    found, end, _ = text.partition(b"\0")
    if not end or len(found) >= _LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    return os.fsdecode(found)


def _change(file: int, mode: int, writable: Sequence[Path]) -> int:
    status = os.fstat(file)
    if stat.S_ISLNK(status.st_mode):
        return errno.EOPNOTSUPP
    place = Path(os.readlink(f"/proc/self/fd/{file}"))  # noqa: PTH115 - of a descriptor
    if place in writable or stat.S_IMODE(status.st_mode) == mode:
        return 0
    # A file that lost its name here may have another one in the package cache.
    if status.st_nlink and not (any(place.is_relative_to(top) for top in writable) and _is_at(place, status)):
        return errno.EPERM
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        return _replace_by_copy(file, status, place, mode)
    os.chmod(f"/proc/self/fd/{file}", mode)  # noqa: PTH101 - of a descriptor; fchmod refuses one that only names
    return 0


def _is_at(place: Path, status: os.stat_result) -> bool:
    try:
        here = os.lstat(place)
    except OSError:
        return False
    return (here.st_dev, here.st_ino) == (status.st_dev, status.st_ino)


def _replace_by_copy(file: int, status: os.stat_result, place: Path, mode: int) -> int:
    directory = os.open(place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    draft = f".condafs-{secrets.token_hex(8)}"
    try:
        if os.readlink(f"/proc/self/fd/{directory}") != str(place.parent):  # noqa: PTH115
            return errno.EBUSY  # moved meanwhile
        try:
            _copy(file, status, directory, draft, mode)
            os.rename(draft, place.name, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=directory)
            raise
    finally:
        os.close(directory)
    return 0


def _copy(file: int, status: os.stat_result, directory: int, name: str, mode: int) -> None:
    source = os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
    target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        while os.sendfile(target, source, None, _COPY_BYTES):
            pass
        os.fchmod(target, mode)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.close(source)
        os.close(target)
