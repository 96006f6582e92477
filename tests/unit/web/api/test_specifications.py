"""Under which name a submitted text is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.errors import UserError
from condafs.names import is_spec_file
from condafs.web.api.specifications import SpecificationText, file_name_of


def name_of(text: str, environment_name: str = "", *, is_lockfile: bool = False) -> str:
    wanted = SpecificationText(
        specification=text, environment_name=environment_name, is_lockfile=is_lockfile, environment_description=""
    )
    return file_name_of(wanted)


def test_a_text_that_gives_a_name_needs_no_other() -> None:
    assert name_of("name: foo\ndependencies: []") == "environment.yaml"


@pytest.mark.parametrize("text", ["", "dependencies: [python]", "a: {name: foo}", "# name: foo\ndependencies: []"])
def test_a_text_without_a_name_needs_one_beside_it(text: str) -> None:
    assert name_of(text or "dependencies: []", "foo") == "foo.yaml"
    if text:
        with pytest.raises(UserError, match="gives no name"):
            name_of(text)


@pytest.mark.parametrize("text", ["name: [", "- a", "a: b: c", "\0", "{" * 100_000, "name: a\nname: b"])
def test_what_is_no_environment_file_is_refused_later_with_its_place(text: str) -> None:
    assert name_of(text) == "environment.yaml"


@pytest.mark.parametrize("text", ["@EXPLICIT\n", "# a list\n  @EXPLICIT \r\nhttps://x", "\n\n\t@EXPLICIT"])
def test_a_list_is_told_from_a_lock(text: str) -> None:
    assert name_of(text, "foo", is_lockfile=True) == "foo.txt"
    assert name_of("version: 6 # @EXPLICIT", "foo", is_lockfile=True) == "foo.lock"


@pytest.mark.parametrize("text", ["\n" * 1_000_000, " " * 1_000_000, "\n " * 500_000, "- a\n" * 250_000])
def test_a_megabyte_is_no_work(text: str) -> None:
    """It took hours when blanks were looked for over lines."""
    assert name_of(text, "foo", is_lockfile=True) == "foo.lock"
    assert name_of(text, "foo") == "foo.yaml"


@pytest.mark.parametrize("name", ["../x", "a/b", ".a", "-a", "a b", "a\n", "a\0", "x" * 200, "é"])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="can be no name"):
        name_of("dependencies: []", name)


@given(text=st.text(), name=st.text(), is_lockfile=st.booleans())
def test_whatever_is_sent_becomes_a_file_of_specs_or_a_refusal(text: str, name: str, *, is_lockfile: bool) -> None:
    try:
        found = name_of(text, name, is_lockfile=is_lockfile)
    except UserError:
        return
    assert is_spec_file(found)
    assert "/" not in found
