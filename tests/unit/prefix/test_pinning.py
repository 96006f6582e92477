"""Which names are interpreters, and the line that tells them who they are."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.prefix.pinning import INTERPRETER, LIBRARY, pinning_line


@pytest.mark.parametrize(
    "name", ["python", "python3", "python3.12", "python3.13t", "pypy", "pypy3", "pypy3.10", "pypy3.10-c"]
)
def test_names_of_interpreters_are_pinned(name: str) -> None:
    assert INTERPRETER.fullmatch(name)


@pytest.mark.parametrize("name", ["python3-config", "python3.12-config", "ipython", "python-argcomplete", "pythonw3x"])
def test_names_of_other_programs_are_not(name: str) -> None:
    assert not INTERPRETER.fullmatch(name)


@pytest.mark.parametrize("name", ["python3.12", "python3.13t", "pypy3.10"])
def test_library_directories_of_all_pythons_are_known(name: str) -> None:
    assert LIBRARY.fullmatch(name)


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_the_line_is_one_ascii_import_line_whatever_the_path(text: str) -> None:
    line = pinning_line(Path("/" + text), Path("/" + text) / "bin/python3")
    assert line.isascii()
    assert line.startswith("import ")
    assert line.count("\n") == 1
    ast.parse(line)
