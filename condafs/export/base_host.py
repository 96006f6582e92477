"""The base called `host`: as little of this machine as programs of conda packages need.

conda packages bring everything but the C library and its loader (their `__glibc` is the machine's), so these are taken
from here, with the names that programs and library know: the loader where programs ask for it, libraries in the
directory that this loader was built to search. Which environments work in it is thereby what works here.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from condafs.errors import MachineError
from condafs.export.elf import program_interpreter
from condafs.export.member import Kind, Member, Source, whole
from condafs.export.tarball import parents

PROGRAMS = (Path(sys.executable), Path("/bin/sh"))
"""Whoever of them has a loader at a usual place says where it is."""

BUSYBOXES = (Path("/bin/busybox"), Path("/usr/bin/busybox"))

LOCALES = (Path("/usr/lib/locale/C.utf8"), Path("/usr/lib/locale/C.UTF-8"))
"""glibc 2.35 upstream, and what Debian had before."""

_LIBC = "libc.so.6"

_LIBRARIES = (
    *(_LIBC, "libm.so.6", "libmvec.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"),
    *("libresolv.so.2", "libanl.so.1", "libnss_files.so.2", "libnss_dns.so.2"),
    # Not glibc's, but taken for granted: pthread_exit(3) loads the first and aborts without it; crypt(3) was glibc's
    # when conda's system root was made; wheels of PyPI expect the others (auditwheel, manylinux-policy.json).
    *("libgcc_s.so.1", "libcrypt.so.1", "libstdc++.so.6", "libz.so.1", "libexpat.so.1"),
)

_LOADER = re.compile(r"/lib\w*/[^/]+")
"""Where ABIs have it. One elsewhere (a store of Nix, a system root in a prefix) is not what conda packages ask for."""

_DIRECTORIES = {
    **dict.fromkeys(("dev", "etc", "home", "proc", "run", "sys", "usr/bin"), 0o755),
    "root": 0o700,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
}

_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
    "etc/os-release": 'ID=condafs\nNAME=condafs\nPRETTY_NAME="condafs environment"\n',
}

_APPLET = re.compile(r"[\w.\[+-]+", re.ASCII)
_LISTING_SECONDS = 10

_INSTEAD = (
    "let images stand on something else: `base:` in the specification's `image:`, or the setting `image-base`, is none "
    "or the path of an OCI archive"
)


def host_members(
    programs: Sequence[Path] = PROGRAMS, busyboxes: Sequence[Path] = BUSYBOXES, locales: Sequence[Path] = LOCALES
) -> tuple[Member, ...]:
    """The members of the layer, sorted by path, parents included; their times are 0.

    Args:
        programs: Where to look for a loader, best first.
        busyboxes: Where a static busybox may be.
        locales: Directories, of which the first that is there is taken.

    Raises:
        MachineError: There is no glibc.
        OSError: A file cannot be looked at.
    """
    members = [Member(path, Kind.DIRECTORY, mode, 0) for path, mode in _DIRECTORIES.items()]
    members += [Member(path, Kind.FILE, 0o644, 0, (text.encode(),)) for path, text in _FILES.items()]
    members += [*_glibc(_loader(programs)), *_locale(locales), *_busybox(busyboxes)]
    return tuple(sorted([*members, *parents(members, 0)], key=lambda member: member.path))


def _loader(programs: Sequence[Path]) -> Path:
    """The path that programs name in PT_INTERP."""
    found: list[str] = []
    for program in programs:
        try:
            interpreter = program_interpreter(program)
        except (OSError, ValueError):  # a script, or not there
            continue
        if interpreter and _LOADER.fullmatch(interpreter) and "musl" not in interpreter:
            return Path(interpreter)
        found.append(f"{program} is loaded by {interpreter or 'nothing'}")
    why = f": {', '.join(found)}" if found else ""
    msg = f"this machine has no glibc for images to stand on{why}; {_INSTEAD}"
    raise MachineError(msg)


def _glibc(loader: Path) -> Iterator[Member]:
    directories = [Path(os.path.realpath(loader)).parent, *_mapped_directories()]
    home = next((directory for directory in directories if (directory / _LIBC).exists()), None)
    if home is None:
        msg = f"this machine's {_LIBC} cannot be found beside {loader}; {_INSTEAD}"
        raise MachineError(msg)
    yield _file(loader, loader, 0o755)
    for name in _LIBRARIES:
        at = next(
            (directory / name for directory in (home, *_mapped_directories()) if (directory / name).exists()), None
        )
        if at:
            yield _file(home / name, at, 0o755)


def _mapped_directories() -> list[Path]:
    """Where this process has its C library from (proc(5), maps): some distributions keep the loader elsewhere."""
    lines = Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    paths = (Path(line.split(maxsplit=5)[-1]) for line in lines)
    return list(dict.fromkeys(path.parent for path in paths if path.name.startswith(("libc.so.", "libc-2."))))


def _locale(directories: Sequence[Path]) -> Iterator[Member]:
    top = next((directory for directory in directories if directory.is_dir()), None)
    if top is None:
        return
    for path in top.rglob("*"):
        if path.is_file():
            yield _file(path, path, 0o644)


def _busybox(places: Sequence[Path]) -> Iterator[Member]:
    """A shell and the usual small programs, if that needs no more than one file."""
    for place in places:
        applets = _applets(place)
        if applets:
            yield _file(Path("/bin/busybox"), place, 0o755)
            for applet in applets - {"busybox"}:
                yield Member(f"bin/{applet}", Kind.LINK, 0o777, 0, target="busybox")
            if "env" in applets:  # what `#!/usr/bin/env` asks for
                yield Member("usr/bin/env", Kind.LINK, 0o777, 0, target="../../bin/busybox")
            return


def _applets(busybox: Path) -> set[str]:
    """What a busybox can do; nothing when it is not static, and would not run in the image."""
    try:
        if program_interpreter(busybox) is not None:
            return set()
        listing = subprocess.run(  # noqa: S603 - a program of the machine, at a fixed place
            [str(busybox), "--list"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LISTING_SECONDS,
            check=True,
            text=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return set()
    return {name for name in listing.stdout.split() if _APPLET.fullmatch(name)} - {".", ".."}


def _file(path: Path, source: Path, mode: int) -> Member:
    real = Path(os.path.realpath(source))
    found = real.stat()
    content = whole(Source(str(real), found.st_size, found.st_mtime_ns))
    return Member(str(path).lstrip("/"), Kind.FILE, mode, 0, content)
