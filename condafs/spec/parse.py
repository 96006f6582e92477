"""The door: the bytes of a file in `.specs` become a specification, or a refusal that says where and why.

Which reader is asked::

    *.txt                a line `@EXPLICIT`: a list of exact packages; without one it is a note
    *.lock               the same with `@EXPLICIT`; otherwise rattler's lock (pixi.lock)
    anything else        conda's environment file
"""

import re

from condafs.names import spec_file_stem
from condafs.spec.environment import Frame, read_environment
from condafs.spec.explicit import has_explicit_line, read_explicit
from condafs.spec.lock import check_lock, read_lock
from condafs.spec.nodes import compose
from condafs.spec.source import Source, decode
from condafs.spec.specification import Specification

_MARKER = b"@EXPLICIT"
_LIST_SUFFIXES = (".txt", ".lock")
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)
_STRANGE_BLANK = re.compile("^[ \t]*([\u00a0\u1680\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff])", re.MULTILINE)


def parse(content: bytes, file_name: str, platform: str, max_name_bytes: int) -> Specification | None:
    """Read a specification file.

    Args:
        content: Its bytes.
        file_name: Its name in `.specs`; decides about the format, and names the environment when nothing else does.
        platform: conda subdir of this machine, as `linux-64`.
        max_name_bytes: Longest environment name, in bytes, whose prefix fits the 255 bytes that packages can hold.

    Returns:
        The specification, or None for a blank file or a note (`.txt` without `@EXPLICIT`).

    Raises:
        SpecificationError: The file is refused.
    """
    frame = Frame(spec_file_stem(file_name) or file_name, platform, max_name_bytes)
    if file_name.endswith(".txt") and _MARKER not in content.replace(b"\0", b""):  # zeros: UTF-16
        return None
    source = decode(content)
    if file_name.endswith(_LIST_SUFFIXES) and has_explicit_line(source):
        return read_explicit(source, frame)
    if file_name.endswith(".txt") or not source.text.strip():
        return None
    if file_name.endswith(".lock"):
        check_lock(source)
    _check_text(source)
    root = compose(source)
    if root is None:
        return None
    return read_lock(source, root, frame) if file_name.endswith(".lock") else read_environment(source, root, frame)


def _check_text(source: Source) -> None:
    """What YAML would read, or complain about, in a way that helps nobody."""
    if match := _CONFLICT.search(source.text):
        hint = "resolve the conflict: keep one side and remove the lines of <, = and >"
        raise source.refusal(source.place_of(match.start()), "a merge conflict", hint)
    if match := _STRANGE_BLANK.search(source.text):
        name = f"U+{ord(match[1]):04X}"
        place = source.place_of(match.start(1))
        raise source.refusal(place, f"the indentation has the character {name}", "replace it by ordinary blanks")
    if has_explicit_line(source):
        place = source.place_of(source.text.index(_MARKER.decode()))
        raise source.refusal(place, "an @EXPLICIT list", "give the file a name that ends in .txt")
