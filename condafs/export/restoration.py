"""From a sealed prefix to the environment as its packages made it: all that condafs and linking did is taken back.

What is taken back, so that an export is the same whatever prefix the build was made in, and works in any other:

- pinned interpreters are the packages' files and links again, and the pin and its like are left out;
- files that the prefix was written into are the packages' originals, with the placeholder inside;
- what linking generates (entry points, times, `conda-meta`) holds neither this prefix nor this moment.

What no package has (pip's files, what post-link scripts made) belongs to the environment itself, and so does what such
a script changed. Where this prefix is written into it, a placeholder takes its place.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from condafs.export.environment import NOBODY, Content, Environment, Item, Relocatable, package_time, record_path
from condafs.export.generated import PLACEHOLDER, entry_point, history, is_long_shebang, wheel_record
from condafs.export.member import Kind, Source
from condafs.names import EnvironmentName
from condafs.prefix.activation import activation_elsewhere
from condafs.prefix.inventory import inventory_rows
from condafs.prefix.layout import CLOBBERS, INTERPRETER_PREFIX, ORIGINALS, is_added
from condafs.prefix.pinning import INTERPRETER
from condafs.prefix.records import PathRecord, path_records, read_records
from condafs.prefix.walk import Row

_BYTECODE = re.compile(r"(?:(.*)/)?__pycache__/([^/]+?)\.[^/.]+(?:\.opt-[^/.]+)?\.pyc")
"""PEP 3147: `<directory>/__pycache__/<module>.<tag>.pyc`, with the level of optimisation before the end (PEP 488)."""

_WHEEL_RECORD = re.compile(r"(lib/[^/]+/site-packages)/[^/]+\.dist-info/RECORD")

_SCANNED_AT_ONCE = 1 << 24
"""Bytes of a file that are looked through for the prefix at a time."""


def read_environment(prefix: Path, name: EnvironmentName) -> Environment:
    """Read a sealed prefix; no file is opened that a package has, but for entry points.

    Args:
        prefix: Sealed.
        name: Of the environment.

    Raises:
        ValueError: The inventory is damaged.
        OSError: Something is missing.
    """
    return _Reading(prefix, name).environment()


@dataclass(slots=True)
class _Owned:
    """A path that a package has."""

    number: int
    path: PathRecord


class _Reading:
    """One pass over the inventory.

    Args:
        prefix, name: As in `read_environment`.
    """

    def __init__(self, prefix: Path, name: EnvironmentName) -> None:
        self._prefix = prefix
        self._written = os.fsencode(prefix)
        self._records = read_records(prefix)
        self._created = max(map(package_time, self._records), default=0)
        self._rows = {row.path: row for row in inventory_rows(prefix)}
        self._owned = {
            path["_path"]: _Owned(number, path)
            for number in reversed(range(len(self._records)))  # of two that list a path, the first was linked
            for path in path_records(self._records[number])
        }
        self._meta = {record_path(record): number for number, record in enumerate(self._records)}
        self._linked_ns = [self._rows[path].mtime_ns for path in self._meta]
        self._activation = activation_elsewhere(prefix, name, Path(PLACEHOLDER))

    def environment(self) -> Environment:
        """What was read."""
        parents = {path.rpartition("/")[0] for path in self._rows}
        items = [
            item
            for row in self._rows.values()
            if not is_added(row.path) and row.path not in self._meta and row.path not in parents
            for item in self._items(row)
        ]
        return Environment(self._prefix, self._records, sorted(items, key=lambda item: item.path), self._created)

    def _items(self, row: Row) -> Iterator[Item]:
        owned = self._owned.get(row.path)
        if row.kind == "d":
            if row.path.split("/")[0] != CLOBBERS:  # rattler leaves empty ones there, now and then
                yield Item(row.path, Kind.DIRECTORY, NOBODY, self._created)
        elif row.kind == "l":
            yield self._link(row, owned)
        elif owned and not self._is_changed(row, owned):
            yield self._package_file(row, owned)
        elif row.path.endswith(".pyc"):
            yield from self._bytecode(row)
        else:
            yield self._own_file(row)

    def _is_changed(self, row: Row, owned: _Owned) -> bool:
        """Whether a script wrote to a package's file: its size differs, or it was written after it was linked."""
        if owned.path.get("path_type") == "unix_python_entry_point":
            return False
        size = owned.path.get("size_in_bytes")
        is_linked = not owned.path.get("prefix_placeholder")
        return size not in (None, row.size_bytes) or (is_linked and row.mtime_ns > self._linked_ns[owned.number])

    # What packages have

    def _package_file(self, row: Row, owned: _Owned) -> Item:
        if owned.path.get("prefix_placeholder"):
            return self._original(row, owned)
        if owned.path.get("path_type") == "unix_python_entry_point":
            content = Relocatable(entry_point(self._read(row)), PLACEHOLDER, is_binary=False)
            moment = package_time(self._records[owned.number])
            return Item(row.path, Kind.FILE, owned.number, moment, is_executable=True, content=content)
        return self._linked(row, owned, _source(row))

    def _linked(self, row: Row, owned: _Owned, source: Source, *, is_executable: bool = False) -> Item:
        return Item(
            row.path,
            Kind.FILE,
            owned.number,
            _seconds(source.mtime_ns),
            is_executable or row.kind == "x",
            source,
            original_path=owned.path.get("original_path") or "",
        )

    def _original(self, row: Row, owned: _Owned) -> Item:
        place = f"{ORIGINALS}/{row.path}"
        found = os.lstat(self._prefix / place)
        content = Relocatable(
            Source(place, found.st_size, found.st_mtime_ns),
            owned.path["prefix_placeholder"],
            owned.path.get("file_mode") == "binary",
        )
        return Item(
            row.path,
            Kind.FILE,
            owned.number,
            _seconds(found.st_mtime_ns),
            bool(found.st_mode & 0o111),
            content,
            original_path=owned.path.get("original_path") or "",
        )

    def _link(self, row: Row, owned: _Owned | None) -> Item:
        directory, _, name = row.path.rpartition("/")
        number = owned.number if owned else NOBODY
        moment = _seconds(row.mtime_ns) if owned else self._created
        original = (owned.path.get("original_path") if owned else "") or ""
        inside = f"{self._prefix}/"
        if not row.target.startswith(inside):
            return Item(row.path, Kind.LINK, number, moment, target=row.target, original_path=original)
        target = row.target.removeprefix(inside)
        if directory == "bin" and INTERPRETER.fullmatch(name):
            return self._interpreter(row, owned, target)
        return Item(row.path, Kind.LINK, number, moment, target=os.path.relpath(target, directory or "."))

    def _interpreter(self, row: Row, owned: _Owned | None, target: str) -> Item:
        """What pinning made a link of: the executable, or a link of the package's own."""
        number = owned.number if owned else NOBODY
        final = self._rows[target]
        if owned and owned.path.get("path_type") != "softlink":
            if owned.path.get("prefix_placeholder"):
                return self._original(row, owned)
            if final.path.startswith(f"bin/{INTERPRETER_PREFIX}"):
                return self._linked(row, owned, _source(final), is_executable=True)
        moment = package_time(self._records[number]) if owned else self._created
        return Item(row.path, Kind.LINK, number, moment, target=self._unpinned(row, final))

    def _unpinned(self, row: Row, final: Row) -> str:
        """Where the package's own link leads; sealing keeps it with the originals."""
        try:
            return os.readlink(self._prefix / ORIGINALS / row.path)  # noqa: PTH115 - any text may be a target
        except OSError:
            return final.path.rpartition("/")[2].removeprefix(INTERPRETER_PREFIX)

    def _bytecode(self, row: Row) -> Iterator[Item]:
        """Bytecode that was made here belongs to who has the module; none of a module with a prefix in it."""
        match = _BYTECODE.fullmatch(row.path)
        module = "/".join(filter(None, (match[1], f"{match[2]}.py"))) if match else ""
        owned, source = self._owned.get(module), self._rows.get(module)
        if owned and source and not owned.path.get("prefix_placeholder") and not self._is_changed(source, owned):
            yield Item(row.path, Kind.FILE, owned.number, _seconds(source.mtime_ns), content=_source(row))
        elif not self._has_prefix(row):
            yield self._own(row, _source(row))

    # What nobody has

    def _own_file(self, row: Row) -> Item:
        if script := self._activation.get(row.path):
            return self._own(row, Relocatable(os.fsencode(script), PLACEHOLDER, is_binary=False))
        if row.path == "conda-meta/history":
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self._created))
            return self._own(row, history(self._read(row), moment))
        if match := _WHEEL_RECORD.fullmatch(row.path):
            return self._own(row, wheel_record(self._read(row), self._scripts, match[1]))
        if row.path == "conda-meta/condafs.lock" or not self._has_prefix(row):
            return self._own(row, _source(row))
        content = self._read(row)
        if b"\0" in content:
            # A placeholder longer than what was written there would not fit: the built prefix itself is one.
            return self._own(row, Relocatable(_source(row), str(self._prefix), is_binary=True))
        if is_long_shebang(content):
            content = entry_point(content)
        text = content.replace(self._written, PLACEHOLDER.encode())
        return self._own(row, Relocatable(text, PLACEHOLDER, is_binary=False))

    def _own(self, row: Row, content: Content) -> Item:
        return Item(row.path, Kind.FILE, NOBODY, self._created, row.kind == "x", content)

    @cached_property
    def _scripts(self) -> frozenset[str]:
        """What no package has below `bin` and names the prefix: pip's scripts."""
        own = (row for path, row in self._rows.items() if path.startswith("bin/") and path not in self._owned)
        return frozenset(row.path for row in own if row.kind in "fx" and self._has_prefix(row))

    def _read(self, row: Row) -> bytes:
        return (self._prefix / row.path).read_bytes()

    def _has_prefix(self, row: Row) -> bool:
        overlap = len(self._written) - 1
        with (self._prefix / row.path).open("rb") as file:
            tail = b""
            while part := file.read(_SCANNED_AT_ONCE):
                if self._written in tail + part:
                    return True
                tail = part[-overlap:]
        return False


def _source(row: Row) -> Source:
    return Source(row.path, row.size_bytes, row.mtime_ns)


def _seconds(mtime_ns: int) -> int:
    """Whole seconds, none before 1970: tar headers have no sign."""
    return max(0, mtime_ns // 10**9)
