"""The running interpreter as a conda package: relocatable, with its standard library and bytecode.

Works from any layout whose standard library is one directory below `sys.base_prefix`: pyenv and other source builds,
python-build-standalone (uv), Debian's and Fedora's packages, conda's own.

Left out: tests, IDLE and Tk (most of the size), what the machine's administrator added (site-packages,
`sitecustomize`, `EXTERNALLY-MANAGED`), headers and static libraries. Shared libraries that the interpreter finds by its
own search path come along and are then found relative to it; those of the system stay the system's.
"""

import os
import platform
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from condafs.demo.bytecode import unchecked_bytecode
from condafs.demo.elf import Elf, with_search_path, without_symbols
from condafs.demo.package import PLACEHOLDER, Package, PackageFile

_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo"}
)
_SKIPPED_FILES = re.compile(
    r"EXTERNALLY-MANAGED|(site|user)customize\.py|.*\.(pyc|a|o)|_tkinter\..*|_test.*\.so|_xx.*|xx.*\.so"
)
_FILES_WITH_PREFIX = ("Makefile", "_sysconfigdata", "_sysconfig_vars", "build-details.json")
"""How the names of files begin that tell where the interpreter is; the last two since 3.14."""
_DEBIAN_IS_VENV = b'sys.base_prefix != sys.prefix or hasattr(sys, "real_prefix")'
"""How Debian's `sysconfig` tells a virtual environment, with site-packages, from the system with dist-packages. An
environment of ours is of the first kind."""
_DEBIAN_CUSTOMIZE = b'''"""Adds site-packages, which this `site`, frozen into the program, adds for a venv only."""

import site
import sys

if sys.prefix == sys.base_prefix:
    site.addsitedir(f"{sys.prefix}/lib/python%d.%d/site-packages" % sys.version_info[:2])
'''


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where an interpreter keeps its parts.

    Attributes:
        executable: The program itself, links resolved.
        prefix: What its other paths are below.
        stdlib: The standard library.
        minor: `3.12`.
        version: `3.12.1`.
    """

    executable: Path
    prefix: Path
    stdlib: Path
    minor: str
    version: str


def running_interpreter() -> Interpreter:
    """The interpreter that runs this, outside of any virtual environment that it runs in."""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    program: str = getattr(sys, "_base_executable", "") or sys.executable  # the venv's own link leads there as well
    stdlib = sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix})
    return Interpreter(Path(program).resolve(), Path(sys.base_prefix), Path(stdlib), minor, platform.python_version())


def python_package(interpreter: Interpreter) -> Package:
    """The package `python`, in the layout that conda gives it."""
    files = {file.path: file for file in _all_files(interpreter)}
    return Package(
        "python",
        interpreter.version,
        tuple(files[path] for path in sorted(files)),
        build="h0_0_cpython",
        depends=("__unix",),
        summary="The interpreter that made this channel",
        license="Python-2.0",
    )


def _all_files(interpreter: Interpreter) -> Iterator[PackageFile]:
    folder = interpreter.stdlib.relative_to(interpreter.prefix).as_posix()
    name = f"bin/python{interpreter.minor}"
    binaries: list[tuple[str, Path]] = [(name, interpreter.executable)]
    yield PackageFile("bin/python3", link=f"python{interpreter.minor}")
    yield PackageFile("bin/python", link=f"python{interpreter.minor}")
    yield _script("bin/pydoc3", interpreter.minor, "import pydoc\npydoc.cli()\n")
    yield PackageFile(f"lib/python{interpreter.minor}/site-packages/README.txt", b"Third-party modules go here.\n")
    yield PackageFile(f"{folder}/lib-dynload/README.txt", b"Extension modules of the standard library.\n")
    if b"dist-packages" in (interpreter.stdlib / "site.py").read_bytes():
        yield from _compiled(PackageFile(f"{folder}/sitecustomize.py", _DEBIAN_CUSTOMIZE))
    for source in _walk(interpreter.stdlib):
        path = f"{folder}/{source.relative_to(interpreter.stdlib).as_posix()}"
        if ".so" in source.suffixes:
            binaries.append((path, source))
        elif source.suffix == ".py":
            yield from _module(path, source, interpreter)
        else:
            yield _text_file(path, source.read_bytes(), interpreter)
    yield from _binary_files(binaries, interpreter.prefix)


def _walk(stdlib: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(stdlib):
        is_config = Path(folder).name.startswith("config-")
        subfolders[:] = sorted(set(subfolders) - _SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder, name)
            if (name == "Makefile" or not is_config) and not _SKIPPED_FILES.fullmatch(name) and path.is_file():
                yield path


def _script(path: str, minor: str, text: str) -> PackageFile:
    content = f"#!{PLACEHOLDER}/bin/python{minor}\n{text}".encode()
    return PackageFile(path, content, 0o755, placeholder="text")


def _module(path: str, source: Path, interpreter: Interpreter) -> Iterator[PackageFile]:
    original = source.read_bytes()
    changed = original.replace(_DEBIAN_IS_VENV, b"True") if "sysconfig" in path else original
    file = _text_file(path, changed, interpreter)
    yield from _compiled(file, source.parent / "__pycache__" if file.content == original else None)


def _compiled(module: PackageFile, existing: Path | None = None) -> Iterator[PackageFile]:
    """A module and its bytecode; `existing` may hold bytecode of the same text."""
    yield module
    if module.placeholder:
        return  # the text changes when it is linked, so bytecode made now would be of another text
    path = PurePosixPath(module.path)
    name = f"{path.stem}.{sys.implementation.cache_tag}.pyc"
    if bytecode := unchecked_bytecode(module.read(), module.path, existing / name if existing else None):
        yield PackageFile(str(path.parent / "__pycache__" / name), bytecode)


def _text_file(path: str, content: bytes, interpreter: Interpreter) -> PackageFile:
    """A file whose mentions of the interpreter's prefix become the placeholder, where it is known to have any."""
    name = PurePosixPath(path).name
    if not name.startswith(_FILES_WITH_PREFIX):
        return PackageFile(path, content)
    prefix = re.escape(os.fsencode(interpreter.prefix))
    # `/usr` also begins paths of the system that stay where they are: only its own value and pythons' folders move.
    is_shared = interpreter.prefix == Path("/usr")
    own = rb"""(?=['"\n]|/(?:lib|lib64|include)/python|/bin['"\n])""" if is_shared else rb"(?![\w.-])"
    changed, count = re.subn(prefix + own, PLACEHOLDER.encode(), content)
    return PackageFile(path, changed, placeholder="text" if count else "")


def _binary_files(binaries: list[tuple[str, Path]], prefix: Path) -> Iterator[PackageFile]:
    """Programs, extension modules, and the libraries that they find by themselves inside `prefix`."""
    prefix = prefix.resolve()
    seen: set[str] = set()
    while binaries:
        path, source = binaries.pop()
        if path in seen:
            continue
        seen.add(path)
        content = source.read_bytes()
        if elf := Elf.parse(content):
            origin = source.resolve().parent
            folders = [folder for folder in _search_folders(elf, origin) if folder.is_relative_to(prefix)]
            binaries += [
                (found.relative_to(prefix).as_posix(), found) for found in _libraries(elf, origin, folders, prefix)
            ]
            if folders and "$ORIGIN" not in elf.search_path:
                content = with_search_path(content, elf, _relative_search_path(path, folders, prefix))
            content = without_symbols(content, elf)
        yield PackageFile(path, content, 0o755)


def _libraries(elf: Elf, origin: Path, folders: list[Path], prefix: Path) -> Iterator[Path]:
    """Files in `prefix` that the loader takes for what is needed (ld.so(8))."""
    for name in elf.needed:
        # python-build-standalone's program names its library by a path from `$ORIGIN`, and is not searched for then.
        candidates = [_expanded(name, origin)] if "/" in name else [folder / name for folder in folders]
        yield from (path for path in candidates if path.is_relative_to(prefix) and path.is_file())


def _search_folders(elf: Elf, origin: Path) -> list[Path]:
    return [_expanded(entry, origin) for entry in elf.search_path.split(":") if entry]


def _expanded(path: str, origin: Path) -> Path:
    return Path(os.path.normpath(path.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", str(origin))))


def _relative_search_path(path: str, folders: list[Path], prefix: Path) -> str:
    here = prefix / PurePosixPath(path).parent
    return ":".join(f"$ORIGIN/{os.path.relpath(folder, here)}" for folder in folders)
