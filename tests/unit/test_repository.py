"""What environments are called as images."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.repository import MAX_CHARACTERS, repository_name

DISTRIBUTION = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
REF_NAME = re.compile(r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*")


@given(st.text(max_size=300) | st.from_regex(r"\w[\w.+-]{0,30}", fullmatch=True))
def test_a_repository_fits_both_grammars(name: str) -> None:
    repository = repository_name(name)
    assert DISTRIBUTION.fullmatch(repository)
    assert REF_NAME.fullmatch(f"{repository}:latest")
    assert len(repository) <= MAX_CHARACTERS


@given(st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+){0,5}", fullmatch=True))
def test_a_name_that_fits_stays_as_it_is(name: str) -> None:
    assert len(name) > MAX_CHARACTERS or repository_name(name) == name


@given(st.text(max_size=250))
def test_a_repository_is_its_own_repository(name: str) -> None:
    assert repository_name(repository_name(name)) == repository_name(name)


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("Py3.11_Cuda+", "py3.11_cuda"),
        ("a__b..c", "a-b-c"),
        ("a--b", "a--b"),
        ("foo+bar-.", "foo-bar"),
        ("_x", "x"),
        ("_", "environment"),
        ("Müller", "muller"),
        ("日本", "u65e5-u672c"),
    ],
)
def test_repositories_can_be_read(name: str, repository: str) -> None:
    assert repository_name(name) == repository


def test_long_names_differ_also_where_they_are_cut() -> None:
    assert repository_name("a" * 250 + "b") != repository_name("a" * 250 + "c")
