"""Programs are read and changed in place."""

import struct

import pytest

from condafs.demo.elf import Elf, with_search_path, without_symbols
from tests.unit.demo.made_elf import SYMBOLS_BYTES, make_elf


def parsed(content: bytes) -> Elf:
    elf = Elf.parse(content)
    assert elf
    return elf


@pytest.mark.parametrize("tag", [15, 29])
def test_needs_and_search_path_are_read(tag: int) -> None:
    elf = parsed(make_elf(runpath_tag=tag))
    assert (elf.needed, elf.search_path) == (("libx.so.1",), "/old/lib/folder")


def test_a_static_program_needs_nothing() -> None:
    assert parsed(make_elf(with_dynamic=False)).needed == ()


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01", b"\x7fELF\x02\x02"])
def test_other_files_are_not_understood(content: bytes) -> None:
    assert Elf.parse(content) is None


def test_a_shorter_search_path_takes_the_place_of_the_old_one() -> None:
    content = make_elf()
    changed = with_search_path(content, parsed(content), "$ORIGIN/../lib")
    assert len(changed) == len(content)
    assert parsed(changed).search_path == "$ORIGIN/../lib"


def test_a_longer_search_path_changes_nothing() -> None:
    content = make_elf()
    assert with_search_path(content, parsed(content), "/a/path/that/is/too/long") == content


def test_symbols_are_cut_and_the_program_stays_readable() -> None:
    content = make_elf()
    cut = without_symbols(content, parsed(content))
    assert len(cut) == len(content) - SYMBOLS_BYTES
    assert parsed(cut).needed == ("libx.so.1",)
    assert struct.unpack_from("<Q", cut, 40) == (0,)


def test_few_symbols_stay() -> None:
    content = make_elf(big_symbols=False)
    assert without_symbols(content, parsed(content)) == content
