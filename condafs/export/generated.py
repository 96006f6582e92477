"""Files that linking and building generate, as they would be at any place and any moment."""

import csv
import io
import json
import re
from collections.abc import Collection
from typing import Any

from condafs.prefix.records import PackageRecord

PLACEHOLDER = ("/opt/condafs#prefix" + "_placehold" * 24)[:255]
"""Stands for the prefix in what condafs generates. As long as a prefix may be; `#` makes shells quote it, so that a
prefix with a blank can take its place."""

_LONG_SHEBANG = re.compile(rb"#!/bin/sh\n'''exec' \"([^\"\n]*)\" \"\$0\" \"\$@\" #'''\n")
"""What rattler writes instead of `#!` when that would be too long for the kernel."""

_PIPS_SHEBANG = re.compile(rb"#!/bin/sh\n'''exec' (\S+) \"\$0\" \"\$@\"\n' '''\n")
"""pip's way of the same (distlib)."""

_HISTORY_MOMENT = re.compile(rb"==> [0-9: -]+ <==")
_HISTORY_COMMAND = re.compile(rb"# cmd: .*")

_OF_THE_MACHINE = ("link", "extracted_package_dir", "package_tarball_full_path", "requested_spec", "requested_specs")
"""Keys of conda-meta that say how and where it was linked, and what for: another environment's differ."""


def entry_point(content: bytes) -> bytes:
    """An entry point with the placeholder in its first line."""
    if match := _LONG_SHEBANG.match(content) or _PIPS_SHEBANG.match(content):
        first, rest = match[1], content[match.end() :]
    else:
        line, _, rest = content.partition(b"\n")
        first = line.removeprefix(b"#!").strip()
    name = first.rpartition(b"/bin/")[2]
    return b"#!" + PLACEHOLDER.encode() + b"/bin/" + name + b"\n" + rest


def is_long_shebang(content: bytes) -> bool:
    """Whether a script begins with what stands for a first line that would be too long."""
    return bool(_LONG_SHEBANG.match(content) or _PIPS_SHEBANG.match(content))


def history(content: bytes, moment: str) -> bytes:
    """`conda-meta/history` with another moment, and without the name of the build.

    Args:
        content: Of one revision.
        moment: As `2026-11-26 23:00:00`.
    """
    dated = _HISTORY_MOMENT.sub(b"==> " + moment.encode() + b" <==", content, count=1)
    return _HISTORY_COMMAND.sub(b"# cmd: condafs build", dated, count=1)


def wheel_record(content: bytes, changed: Collection[str], directory: str) -> bytes:
    """A wheel's RECORD without sums and sizes of files that hold a prefix (PyPA, "Recording installed projects").

    Args:
        content: CSV of path, sum, size.
        changed: Paths below the prefix.
        directory: What paths in it are relative to, below the prefix.
    """
    rows = list(csv.reader(io.StringIO(content.decode(errors="surrogateescape"), newline="")))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for row in sorted(rows):
        is_changed = bool(row) and _resolve(directory, row[0]) in changed
        writer.writerow([row[0], "", ""] if is_changed else row)
    return text.getvalue().encode(errors="surrogateescape")


def package_document(record: PackageRecord, changed: Collection[str], *, is_apart: bool) -> bytes:
    """`conda-meta/<package>.json` as it is at any place.

    Args:
        record: As it was read.
        changed: Paths of files that a prefix is written into: what they will be is not known.
        is_apart: Whether files that lost against another package's stand where their package has them.
    """
    document: dict[str, Any] = {key: value for key, value in record.items() if key not in _OF_THE_MACHINE}
    paths = [dict(path) for path in record["paths_data"]["paths"]] if "paths_data" in record else []
    for path in paths:
        if path["_path"] in changed:
            for key in ("sha256_in_prefix", "size_in_bytes"):
                path.pop(key, None)
            if path.get("path_type") == "unix_python_entry_point":
                path.pop("sha256", None)  # of what was generated
        if is_apart and (original := path.pop("original_path", None)):
            path["_path"] = original
    if "paths_data" in record:
        paths.sort(key=lambda path: str(path["_path"]))  # rattler has them as its threads linked them
        document["paths_data"] = {**record["paths_data"], "paths": paths}
        document["files"] = [path["_path"] for path in paths]
    return json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"


def _resolve(directory: str, path: str) -> str:
    parts = directory.split("/")
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
