"""Keys sort as what they stand for does, and can be read back."""

import string

from hypothesis import given
from hypothesis import strategies as st

from condafs.catalog import keys
from condafs.names import EnvironmentName

WORD = string.ascii_letters + string.digits + "_é"
names = st.builds(
    EnvironmentName,
    st.builds(str.__add__, st.sampled_from(WORD), st.text(WORD + "+-", max_size=40)).filter(
        lambda text: len(text) < 60
    ),
)
sizes = st.integers(0, 2**62)


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_sequences_sort_as_their_keys(sequences: list[int]) -> None:
    assert sorted(map(keys.sequence_key, sequences)) == [keys.sequence_key(s) for s in sorted(sequences)]


@given(names, sizes, names, sizes)
def test_keys_of_events_sort_by_number_within_a_name(
    name: EnvironmentName, number: int, other_name: EnvironmentName, other_number: int
) -> None:
    key, other = keys.event_key(name.text, number), keys.event_key(other_name.text, other_number)
    assert keys.key_sequence(key) == number
    assert (key < keys.event_key(name.text, other_number)) == (number < other_number)
    assert other.startswith(keys.events_key(name.text)) == (name == other_name)


def test_a_file_name_that_is_no_utf_8_is_a_key() -> None:
    assert keys.key_text(keys.text_key("a\udcff.yaml")) == "a\udcff.yaml"


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_user_keys_sort_as_users_do(one: int, other: int) -> None:
    assert (keys.user_key(one) < keys.user_key(other)) == (one < other)


def test_the_key_of_an_event_has_the_bytes_that_the_schema_says() -> None:
    assert keys.event_key("foo", 9) == b"foo\0" + bytes(7) + b"\x09"
