"""Pinned interpreters: a process started through any name stays on the build that it started from.

Two measures, both needed:

- Every `bin/python*` becomes an absolute link to the real executable in the sealed prefix. Python follows links of its
  executable, never links of directories, before it looks for its home (cpython Modules/getpath.py, `real_executable`),
  so `/envs/foo/bin/python` finds its libraries in the build and not under a name that moves.
- A `.pth` in the build's site-packages makes `sys.executable` say the sealed path. Without it `subprocess`,
  `multiprocessing` and `venv` would go back through the name, to whatever build it means by then.

What stays unpinned: `sys.executable` under `python -S`, which reads no `.pth`, and everything under
`PYTHONHOME=/envs/foo`, which replaces the home that was found (`bin/activate` unsets it).

A crash at any line leaves working interpreters, and running it again finishes: the executable gets its second name
before the first is replaced, and each name is replaced by one rename.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from condafs.prefix.layout import INTERPRETER_PREFIX, PIN_FILE

INTERPRETER = re.compile(r"(?:python|pypy)(?:\d+(?:\.\d+)?t?)?(?:-c)?")
"""`python`, `python3`, `python3.12`, `python3.13t` (free-threaded), `pypy3.10`, `pypy3.10-c`; not `python3-config`."""

LIBRARY = re.compile(r"(?:python|pypy)\d+\.\d+t?")

_ELF = b"\x7fELF"
_FRESH_LINK = f"{INTERPRETER_PREFIX}link"


def pin_interpreters(prefix: Path) -> tuple[Path, ...]:
    """Pin every python of a prefix that is not yet sealed; what is pinned already is left as it is.

    Args:
        prefix: Absolute path that the environment keeps, exactly as it will be used.

    Returns:
        The interpreter names in `bin/` that are absolute links now, sorted; empty when there is no python.
    """
    directory = prefix / "bin"
    names = sorted(name for name in _names(directory) if INTERPRETER.fullmatch(name))
    targets = {name: target for name in names if (target := _real_name(directory, name))}
    finals = {target: _final_name(directory, target) for target in set(targets.values())}
    # A name that stays a file is a script: it finds its home by itself.
    links = [name for name, target in targets.items() if finals[target] != name]
    for name in links:
        _link(directory / name, directory / finals[targets[name]])
    if links:
        for packages, executable in _site_packages(prefix):
            _write_pin(packages / PIN_FILE, prefix, executable)
    return tuple(directory / name for name in links)


def pinning_line(prefix: Path, executable: Path) -> str:
    """The line of the `.pth`: Python that `site` executes.

    It tells the truth for processes whose home is this very prefix and leaves others alone: a venv with system
    site-packages reads it too, and so does a copy of the environment somewhere else.
    """
    # ascii(): `site` decodes .pth files by locale before Python 3.13.
    home, path = ascii(str(prefix)), ascii(str(executable))
    return f"import sys; sys.prefix == {home} and sys.__dict__.update(executable={path}, _base_executable={path})\n"


def _names(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _real_name(directory: Path, name: str) -> str:
    """The name in the same directory that `name` stands for, or "" when that is elsewhere or nowhere."""
    real = os.path.realpath(directory / name)
    inside = os.path.dirname(real) == os.path.realpath(directory)  # noqa: PTH120 - realpath gave a str
    return os.path.basename(real) if inside and os.path.isfile(real) else ""  # noqa: PTH113, PTH119


def _final_name(directory: Path, target: str) -> str:
    """The hidden second name of an executable, made if it has none yet; scripts keep their own."""
    if target.startswith(INTERPRETER_PREFIX):
        return target
    with (directory / target).open("rb") as file:
        if file.read(len(_ELF)) != _ELF:
            return target
    hidden = directory / (INTERPRETER_PREFIX + target)
    hidden.unlink(missing_ok=True)  # left by an interrupted run; it may be of an interpreter that was replaced since
    try:
        os.link(directory / target, hidden)
    except OSError:  # no hard links here, or no more of them
        shutil.copy2(directory / target, hidden)
    return hidden.name


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    fresh = path.with_name(_FRESH_LINK)
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)


def _site_packages(prefix: Path) -> Iterator[tuple[Path, Path]]:
    """Each python's own site-packages and the sealed path of its interpreter."""
    for library in sorted(_names(prefix / "lib")):
        path = prefix / "lib" / library
        packages = path / "site-packages"
        # A link such as lib/python3.1 -> python3.11 would name the same directory a second time.
        if not LIBRARY.fullmatch(library) or path.is_symlink() or not packages.is_dir():
            continue
        for name in (library, library.removesuffix("t"), "python3", "python"):
            if (prefix / "bin" / name).is_symlink():
                yield packages, prefix / "bin" / name
                break


def _write_pin(path: Path, prefix: Path, executable: Path) -> None:
    line = pinning_line(prefix, executable)
    if path.exists() and path.read_text() == line:
        return
    path.unlink(missing_ok=True)  # never through a hard link of another environment
    path.write_text(line)
