"""Reading specifications as the tests of this room do: linux-64, names of up to 40 bytes."""

import pytest

from condafs.errors import SpecificationError
from condafs.spec import Specification, parse

MAX_NAME_BYTES = 40


def read(text: str | bytes, file_name: str = "foo.yaml") -> Specification:
    """The specification that a file describes; a file that describes none fails the test."""
    specification = read_any(text, file_name)
    assert specification is not None
    return specification


def read_any(text: str | bytes, file_name: str = "foo.yaml") -> Specification | None:
    content = text if isinstance(text, bytes) else text.encode()
    return parse(content, file_name, "linux-64", MAX_NAME_BYTES)


def refusal(text: str | bytes, file_name: str = "foo.yaml") -> SpecificationError:
    with pytest.raises(SpecificationError) as caught:
        read_any(text, file_name)
    return caught.value


def assert_refused(text: str, place: str, message: str, hint: str | None = None, file_name: str = "foo.yaml") -> None:
    """The rendered refusal: message at `line:column`, that line of the text, a caret under the column, the hint."""
    number, column = map(int, place.split(":"))
    expected = [
        f"{file_name}:{place}: {message}",
        f"{number:>5} | {text.splitlines()[number - 1]}",
        "      | " + " " * (column - 1) + "^",
    ]
    if hint is not None:
        expected.append(f"help: {hint}")
    assert refusal(text, file_name).render(file_name) == "\n".join(expected) + "\n"
