"""A prefix written into content as pieces is what writing it into a file would give."""

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condafs.export.environment import Relocatable
from condafs.export.member import Source
from condafs.export.relocation import relocate

OLD, NEW = "/opt/placeholder_placeholder", "/opt/env"
numbers = itertools.count()


def relocated(root: Path, content: bytes, *, is_binary: bool) -> bytes:
    """Of a file, put together again; of bytes it has to be the same."""
    path = root / f"file-{next(numbers)}"
    path.write_bytes(content)
    found = path.stat()
    source = Source(path.name, found.st_size, found.st_mtime_ns)
    pieces = relocate(Relocatable(source, OLD, is_binary), root, NEW)
    result = b"".join(
        piece if isinstance(piece, bytes) else content[piece.offset : piece.offset + piece.length] for piece in pieces
    )
    assert relocate(Relocatable(content, OLD, is_binary), root, NEW) == (result,)
    return result


parts = st.lists(st.one_of(st.binary(max_size=20), st.just(OLD.encode()), st.just(b"\0"), st.just(b"\n")), max_size=12)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts)
def test_in_text_every_placeholder_is_replaced(tmp_path: Path, pieces: list[bytes]) -> None:
    content = b"x" + b"".join(pieces)
    assert relocated(tmp_path, content, is_binary=False) == content.replace(OLD.encode(), NEW.encode())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts)
def test_in_binaries_each_string_keeps_its_length(tmp_path: Path, pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    strings = [text.replace(OLD.encode(), NEW.encode()) for text in content.split(b"\0")]
    expected = b"\0".join(
        new + bytes(len(old) - len(new)) for new, old in zip(strings, content.split(b"\0"), strict=True)
    )
    assert relocated(tmp_path, content, is_binary=True) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"#!{OLD}/bin/python3.12 -u", f"#!{NEW}/bin/python3.12 -u"),
        ("#!/usr/bin/env python", "#!/usr/bin/env python"),
        (f"#!{OLD}/bin/perl {'x' * 130}", f"#!/usr/bin/env perl {'x' * 130}"),
        (
            f"#!{OLD}/{'d' * 120}/python",
            f"#!/bin/sh\n'''exec' \"{NEW}/{'d' * 120}/python\" \"$0\" \"$@\" #'''",
        ),
    ],
)
def test_first_lines_are_as_the_kernel_takes_them(tmp_path: Path, line: str, expected: str) -> None:
    rest = f"\nsee {OLD}\n"
    made = relocated(tmp_path, (line + rest).encode(), is_binary=False)
    assert made.decode() == expected + rest.replace(OLD, NEW)


def test_a_prefix_longer_than_a_binarys_placeholder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="longer than the 3 bytes"):
        relocate(Relocatable(b"/ab\0", "/ab", is_binary=True), tmp_path, NEW)
