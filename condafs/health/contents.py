"""Where the content of a file of a build can come from, if not from the file.

Everything here is a guess: whoever asks compares the sum with what the build wrote down, and takes nothing else. So it
does no harm that a guess can be wrong, nor that what it is made from may be damaged, too.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from condafs.builder.bytecode_cache import key_of, read_sums
from condafs.builder.cage.apart import keeper_apart
from condafs.builder.cage.view import View
from condafs.builder.compilers import CompilerError, Compilers, Source
from condafs.export.environment import Relocatable
from condafs.export.relocation import MAX_SHEBANG, relocate, short_shebang
from condafs.health.expected import Expected
from condafs.health.packages import FetchError, Packages
from condafs.names import BuildName
from condafs.prefix import externally_managed
from condafs.prefix.activation import STATE, format_state, render_activation
from condafs.prefix.contents import format_packages
from condafs.prefix.layout import INTERPRETER_PREFIX, MANAGED_FILE, MARKER, ORIGINALS, PACKAGES, PIN_FILE, SUMS
from condafs.prefix.pinning import pinning_line
from condafs.prefix.records import PackageRecord, PathRecord, path_records
from condafs.prefix.sums import format_sums, hash_file
from condafs.spec.canonical import from_canonical

Candidate: TypeAlias = Path | bytes
"""A file whose content it could be, which may be linked; or the content."""

_BYTECODE = re.compile(r"(?:(.*)/)?__pycache__/([^/]+?)\.((?:cpython|pypy)[^/.]*)(?:\.opt-\d)?\.pyc", re.DOTALL)
_SITE_PACKAGES = re.compile(r"(lib/[^/]+/site-packages)/(.+)", re.DOTALL)
_ENTRY_POINT = """\
{shebang}
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {import_name}

if __name__ == '__main__':
	sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
	sys.exit({function}())
"""
"""As rattler writes them (crates/rattler/src/install/entry_point.rs)."""


class Contents:
    """The files of one build.

    Args:
        prefix: Where it is.
        expected: What it says of itself.
        packages: Of its state directory.
        bytecode: Cache of its state directory.

    Attributes:
        reasons: Why something could not be had.
    """

    def __init__(self, prefix: Path, expected: Expected, packages: Packages, bytecode: Path) -> None:
        self._prefix = prefix
        self._expected = expected
        self._packages = packages
        self._bytecode = bytecode
        self._owned: dict[str, tuple[PackageRecord, PathRecord]] = {}
        for record in reversed(expected.records):  # of two that list a path, the first was linked
            for path in path_records(record):
                self._owned[path["_path"]] = record, path
        self.reasons: list[str] = []

    def candidates(self, path: str) -> Iterator[Candidate]:
        """What the content could be, the likeliest first."""
        with suppress(OSError, ValueError):
            yield from self._generated(path)
        try:
            yield from self._of_package(path)
        except (FetchError, OSError) as error:
            self.reasons.append(str(error))
        if match := _BYTECODE.fullmatch(path):
            yield from self._compiled(path, f"{match[1]}/{match[2]}.py" if match[1] else f"{match[2]}.py", match[3])

    def _of_package(self, path: str) -> Iterator[Candidate]:
        name = path.removeprefix(f"{ORIGINALS}/").replace(f"bin/{INTERPRETER_PREFIX}", "bin/")
        if name not in self._owned:
            return
        record, item = self._owned[name]
        if item.get("path_type") == "unix_python_entry_point":
            yield from self._entry_point(record, name)
            return
        file = self._packages.find(record, item)
        placeholder = item.get("prefix_placeholder")
        if not placeholder or path.startswith(ORIGINALS):
            yield file
            return
        relocatable = Relocatable(file.read_bytes(), placeholder, is_binary=item.get("file_mode") == "binary")
        for piece in relocate(relocatable, self._prefix, str(self._prefix)):
            if isinstance(piece, bytes):
                yield piece

    def _entry_point(self, record: PackageRecord, path: str) -> Iterator[bytes]:
        document = json.loads((self._packages.directory(record) / "info" / "link.json").read_bytes())
        for line in document["noarch"].get("entry_points", ()):
            command, _, target = (part.strip() for part in line.partition("="))
            module, _, function = (part.strip() for part in target.partition(":"))
            if path == f"bin/{command}":
                for python in self._pythons():
                    first = f"#!{python}".encode()
                    shebang = (short_shebang(first) if len(first) > MAX_SHEBANG else first).decode()
                    text = _ENTRY_POINT.format(
                        shebang=shebang, module=module, import_name=function.partition(".")[0], function=function
                    )
                    yield text.encode()

    def _pythons(self) -> list[Path]:
        """Every name that an interpreter has, the longest first: `python3.12`, `python3`, `python`."""
        names = [path for path in self._expected.entries if re.fullmatch(r"bin/(?:python|pypy)[\d.]*t?", path)]
        return [self._prefix / name for name in sorted(names, key=len, reverse=True)]

    def _generated(self, path: str) -> Iterator[bytes]:
        name = path.rpartition("/")[2]
        if path == SUMS:
            yield self._sums_again()
        elif path == PACKAGES:
            yield format_packages(self._prefix, self._expected.records).encode()
        elif name == MANAGED_FILE:
            yield externally_managed.TEXT.encode()
        elif name == PIN_FILE:
            yield from (pinning_line(self._prefix, python).encode() for python in self._pythons())
        elif path == STATE:
            yield format_state(self._variables()).encode()
        elif path in ("bin/activate", "bin/activate.fish"):
            shell = "fish" if path.endswith("fish") else "sh"
            build = BuildName.parse(self._prefix.name)
            text = render_activation(self._prefix, build.name, self._variables(), shell)
            yield text.encode(errors="surrogateescape")

    def _variables(self) -> dict[str, str]:
        marker = self._expected.marker
        return dict(from_canonical(marker.specification.encode()).variables) if marker else {}

    def _sums_again(self) -> bytes:
        """The list, made anew: of the files that can still be read in it, and those that nobody else vouches for."""
        entries = self._expected.entries
        unvouched = {path for path, entry in entries.items() if entry.kind in "fx" and not entry.sha256}
        paths = (self._expected.listed & entries.keys()) | (unvouched - {MARKER, SUMS})
        return format_sums({path: hash_file(f"{self._prefix}/{path}") for path in paths})

    def _compiled(self, path: str, module: str, tag: str) -> Iterator[Candidate]:
        place = _SITE_PACKAGES.fullmatch(module)
        name = place[2] if place else module
        owned = self._owned.get(module)
        cached = list(self._cached_bytecode(owned[0], name, tag)) if owned else []
        yield from cached
        if content := self._compile(path, module, name):
            yield from (file for file in cached if _mend_bytecode(file, content))
            yield content

    def _compile(self, path: str, module: str, name: str) -> bytes:
        """The bytecode of a module, made anew by the build's own python; nothing when that cannot be had."""
        pythons = self._pythons()
        if not pythons:
            return b""
        with TemporaryDirectory(prefix="condafs-mend-") as scratch, keeper_apart([Path(scratch)]) as keeper:
            target, view = Path(scratch, "compiled"), View((Path(scratch),), (self._prefix,))
            try:
                compilers = Compilers(pythons[0], keeper, view)
            except CompilerError as error:
                self.reasons.append(f"{path}: {error}")
                return b""
            compilers.compile([Source(f"{self._prefix}/{module}", name, str(target))], lambda _: None)
            compilers.end()
            return target.read_bytes() if target.exists() else b""

    def _cached_bytecode(self, record: PackageRecord, name: str, tag: str) -> Iterator[Path]:
        digest = record.get("sha256")
        distribution = f"{record['name']}-{record['version']}-{record['build']}"
        for entry in (self._bytecode / key_of(distribution, bytes.fromhex(digest) if digest else None)).glob(
            f"{tag}-*"
        ):
            with suppress(OSError, ValueError):
                for number, module in json.loads((entry / "index").read_bytes()):
                    if module == name and isinstance(number, int):
                        yield entry / str(number)


def _mend_bytecode(file: Path, content: bytes) -> bool:
    """Put bytecode into the cache, when that has lost or damaged it and this is what it had; or it comes back."""
    entry = file.parent
    if read_sums(entry).get(file.name) != sha256(content).hexdigest():
        return False
    draft = entry / f".{file.name}"
    draft.unlink(missing_ok=True)
    draft.write_bytes(content)
    draft.chmod(0o444)
    draft.replace(file)
    return True
