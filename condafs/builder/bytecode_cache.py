"""Bytecode of noarch packages, made once for each package and each python, kept beside the package cache.

Layout of `packages/bytecode/`::

    interpreters/<python's distribution>-<sha256>    tag and magic of that python: `cpython-312-cb0d0d0a`
    <distribution>-<sha256>/<tag>-<magic>-<sha256>/  one package, compiled by the python whose archive has the second
                                                    sum; appears by rename, complete
        index       JSON: [[number or why not, path of the module below site-packages], ...]; `failed`: does not
                    compile, `prefix`: the prefix is written into its source, compiled in each environment
        sums        JSON: number -> SHA-256 in hex, of the bytecode as it was made; entries of old have none
        0, 1, 2 ... bytecode

Who compiles decides what the bytecode is, and packages called python are anybody's: so an entry is for those who have
that very python. What has no sum, package or python, is nobody's in particular, and has no entry here. (Entries without
a second sum are of earlier versions; they are not used, and go with their package.) Two builders that make the same
entry at a time both finish; one rename wins.
"""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from condafs.builder.compilers import Source
from condafs.errors import UnsoundPrefixError
from condafs.prefix.beneath import Beneath, link_or_copy
from condafs.prefix.removal import remove_tree

FAILED = "failed"
HAS_PREFIX = "prefix"
_SITE_PACKAGES = "site-packages/"
_SHORT = 16
"""Hex digits of an archive's sum in names: with the distribution before them, plenty."""


def key_of(distribution: str, sha256: bytes | None) -> str:
    """What a package's directory is called."""
    return f"{distribution}-{sha256.hex()[:_SHORT]}" if sha256 else distribution


def entry_name(tag: str, distribution: str, key: str) -> str | None:
    """What an entry is called below its package's directory; None when the python that makes it has no sum.

    Args:
        tag: `<tag>-<magic>`.
        distribution: The python's.
        key: `key_of` it.
    """
    return None if key == distribution else f"{tag}{key.removeprefix(distribution)}"


@dataclass(frozen=True, slots=True)
class Module:
    """A module of a noarch package: path below site-packages, and whether the prefix is written into its source."""

    path: str
    has_prefix: bool


def read_modules(package: Path) -> list[Module]:
    """The modules of an extracted noarch package (conda's documentation, "Noarch Python packages")."""
    try:
        document = json.loads((package / "info" / "paths.json").read_bytes())
    except FileNotFoundError:  # of the days before paths.json
        listed = [(line, False) for line in (package / "info" / "files").read_text(encoding="utf-8").splitlines()]
    else:
        listed = [(entry["_path"], bool(entry.get("prefix_placeholder"))) for entry in document["paths"]]
    return [
        Module(path.removeprefix(_SITE_PACKAGES), has_prefix)
        for path, has_prefix in listed
        if path.startswith(_SITE_PACKAGES) and path.endswith(".py")
    ]


def bytecode_path(module: str, tag: str) -> str:
    """Where python looks for the bytecode of a module (PEP 3147)."""
    directory, _, name = module.rpartition("/")
    return f"{directory}/__pycache__/{name[:-3]}.{tag}.pyc" if directory else f"__pycache__/{name[:-3]}.{tag}.pyc"


class Draft:
    """An entry in the making, in a directory of its own.

    Compilers are other people's programs, and may put anything there. So it is carried out of their sight first, and
    what is looked at, completed and published is one open directory.

    Args:
        package: Extracted.
        entry: Where it will be.
        drafts: Where it is made.
        compiled: Where it is completed; no compiler may change that.
    """

    def __init__(self, package: Path, entry: Path, drafts: Path, compiled: Path) -> None:
        self._package = package
        self._entry = entry
        for directory in (drafts, compiled):
            directory.mkdir(parents=True, exist_ok=True)
        self._directory = tempfile.mkdtemp(dir=drafts)
        self._compiled = compiled / Path(self._directory).name
        self._modules = read_modules(package)
        self._root = f"{package}/{_SITE_PACKAGES}"

    def sources(self) -> list[Source]:
        """What has to be compiled."""
        return [
            Source(self._root + module.path, module.path, f"{self._directory}/{number}")
            for number, module in enumerate(self._modules)
            if not module.has_prefix
        ]

    def publish(self, failed: Iterable[str]) -> None:
        """Write the index and rename the entry into place.

        Args:
            failed: Paths of sources that do not compile.

        Raises:
            UnsoundPrefixError: The compilers left something else than what they were asked for.
        """
        missing = {path.removeprefix(self._root) for path in failed}
        index = [
            (HAS_PREFIX if module.has_prefix else FAILED if module.path in missing else number, module.path)
            for number, module in enumerate(self._modules)
        ]
        numbers = [str(number) for number, _ in index if isinstance(number, int)]
        try:
            os.rename(self._directory, self._compiled)  # noqa: PTH104
            fd = os.open(self._compiled, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            self._refuse("its directory is gone")
        try:
            if strange := sorted(set(os.listdir(fd)) ^ set(numbers)):  # noqa: PTH208 - of a descriptor
                self._refuse(f"{strange[0]!r} is missing, or is too much")
            sums = {number: self._hash(number, fd) for number in numbers}
            _write(fd, "index", json.dumps(index))
            _write(fd, "sums", json.dumps(sums))
            os.fchmod(fd, 0o755)  # mkdtemp makes it private
        finally:
            os.close(fd)
        self._entry.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(self._compiled, self._entry)  # noqa: PTH104
        except OSError:
            remove_tree(self._compiled)
            if not self._entry.is_dir():
                raise

    def _hash(self, name: str, directory: int) -> str:
        # Not blocking: opening a pipe would wait for somebody who writes to it.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, dir_fd=directory)
        except OSError as error:
            self._refuse(f"{name!r} cannot be opened: {error.strerror}")
        with os.fdopen(fd, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                self._refuse(f"{name!r} is no file")
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _refuse(self, why: str) -> NoReturn:
        msg = f"the python of this environment did not make the bytecode of {self._package.name} as asked: {why}"
        raise UnsoundPrefixError(msg) from None


def _write(directory: int, name: str, text: str) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=directory)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)


@dataclass(frozen=True, slots=True)
class Linked:
    """What became of a package's bytecode.

    Attributes:
        in_place: Modules that have to be compiled in place.
        sums: Path below the prefix -> SHA-256 of what was linked, "" where the cache does not know it.
    """

    in_place: list[str]
    sums: dict[str, str]


def link_entry(entry: Path, prefix: Path, site_packages: str, tag: str) -> Linked:
    """Link the bytecode of a package into an environment; what is there already stays.

    Args:
        entry: Complete.
        prefix: The environment; the package itself is linked.
        site_packages: Of its python, relative to it.
        tag: Of its python.

    Raises:
        UnsoundPrefixError: A package leads elsewhere on the way to a module.
    """
    linked = Linked([], {})
    wanted: dict[str, list[tuple[str, str]]] = {}
    for state, module in json.loads((entry / "index").read_bytes()):
        if state == HAS_PREFIX:
            linked.in_place.append(module)
        if isinstance(state, int):
            directory, _, name = bytecode_path(module, tag).rpartition("/")
            wanted.setdefault(directory, []).append((str(state), name))
    known = read_sums(entry)
    source = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with Beneath(prefix, site_packages) as place:
            for directory, files in wanted.items():
                fd = place.open(directory)
                for number, name in files:
                    if link_or_copy(source, number, fd, name):
                        linked.sums[f"{site_packages}/{directory}/{name}"] = known.get(number, "")
    finally:
        os.close(source)
    return linked


def read_sums(entry: Path) -> dict[str, str]:
    """Number -> SHA-256 of the bytecode of an entry."""
    try:
        sums: dict[str, str] = json.loads((entry / "sums").read_bytes())
    except FileNotFoundError:
        return {}
    return sums


def read_tag(cache: Path, python: str) -> str | None:
    """`<tag>-<magic>` of a python that compiled before."""
    with contextlib.suppress(FileNotFoundError):
        return (cache / "interpreters" / python).read_text()
    return None


def write_tag(cache: Path, python: str, tag: str) -> None:
    """Remember it; one rename, so that nobody reads half of it."""
    directory = cache / "interpreters"
    directory.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=".making-", dir=directory)
    with os.fdopen(fd, "w") as file:
        file.write(tag)
    Path(name).replace(directory / python)
