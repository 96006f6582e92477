"""Names of files in a header, which holds Latin-1 at most."""

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from condafs.names import NAME
from condafs.web.disposition import disposition


def test_a_plain_name_stands_as_it_is() -> None:
    assert disposition("inline", "foo.yaml") == 'inline; filename="foo.yaml"'


@given(st.from_regex(NAME, fullmatch=True))
def test_any_name_of_an_environment_fits_and_is_found_again(name: str) -> None:
    header = disposition("attachment", f"{name}.yaml")
    assert header.isascii()
    assert header.isprintable()
    assert unquote(header.rpartition("''")[2]) == f"{name}.yaml" or f'filename="{name}.yaml"' in header
