"""`bin/conda-unpack`: the program that writes a prefix into an unpacked archive, with the list of what it is to do."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

_LIST = "FILES = []  # [placeholder, is_binary, [path, ...]], put in when the archive is laid out\n"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A file with placeholders.

    Attributes:
        path: Below the prefix.
        placeholder: What stands where the prefix belongs.
        is_binary: Whether it stands in strings that end with NUL and must keep their length.
    """

    path: str
    placeholder: str
    is_binary: bool


def render_unpack(placeholders: Sequence[Placeholder]) -> bytes:
    """The program, in ASCII; the same for the same files.

    Args:
        placeholders: In any order.
    """
    program = files("condafs.export").joinpath("conda_unpack.py").read_text(encoding="ascii")
    grouped: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for file in placeholders:
        grouped[file.placeholder, file.is_binary].append(file.path)
    document = [[text, is_binary, sorted(paths)] for (text, is_binary), paths in sorted(grouped.items())]
    before, found, after = program.partition(_LIST)
    assert found  # noqa: S101 - the program has the line
    # JSON in a Python string: it is read in a moment, and no path can end it.
    return f"{before}FILES = json.loads({json.dumps(document, separators=(',', ':'))!a})\n{after}".encode("ascii")
