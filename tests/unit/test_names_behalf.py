"""On whose behalf: labels in temporary names, which people and other programs may make up, too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.errors import InvalidNameError
from condafs.names import behalf_name, behalf_of, is_label, is_spec_file

labels = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}", fullmatch=True)


@given(labels)
def test_a_label_is_found_in_the_name_that_is_made_of_it(label: str) -> None:
    name = behalf_name(label)
    assert is_label(label)
    assert behalf_of(name) == label
    assert behalf_name(label) != name
    assert not is_spec_file(name)
    assert "/" not in name


@given(st.text())
def test_any_text_is_a_label_or_refused(text: str) -> None:
    if is_label(text):
        assert behalf_of(behalf_name(text)) == text
        return
    with pytest.raises(InvalidNameError, match="cannot be a label"):
        behalf_name(text)


@given(st.text() | st.from_regex(r"\.by=.*=[0-9a-f]*", fullmatch=True))
def test_what_is_read_out_of_any_name_is_a_label_or_nothing(name: str) -> None:
    found = behalf_of(name)
    assert not found or is_label(found)


@pytest.mark.parametrize(
    "text", ["", ".", "-a", "_a", "a b", "a/b", "a=b", "a\n", "a\0", "é", "a" * 65, "=000000", "a=000000=000000"]
)
def test_what_could_be_taken_for_another_label_is_none(text: str) -> None:
    assert not is_label(text)


@pytest.mark.parametrize("name", ["", ".by=ci=", ".by=ci=xyz", ".by=ci=00000", "by=ci=000000", ".by=ci=000000\n"])
def test_names_that_only_look_alike_say_nothing(name: str) -> None:
    assert behalf_of(name) == ""
