"""Values out of YAML nodes, with refusals that say what was expected instead."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from condafs.errors import SpecificationError
from condafs.spec.nodes import Mapping, Node, Scalar, Sequence, has_template, template_refusal
from condafs.spec.source import Place, Source

T = TypeVar("T")

MAX_CHARACTERS = 4096
"""Of one value: a requirement with the sums of thirty wheels. The longest match specs in use have some 200."""


def kind_of(node: Node) -> str:
    """What a node is, in words."""
    match node:
        case Scalar(is_plain=True) if node.is_null:
            return "nothing"
        case Scalar():
            return "a text"
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"


def read_text(source: Source, node: Node, what: str) -> Scalar:
    """The node as a scalar with something in it.

    Raises:
        SpecificationError: A list, a mapping, nothing, or a template to be filled in.
    """
    if not isinstance(node, Scalar):
        msg = f"{what} is a text, not {kind_of(node)}"
        raise source.refusal(node.place, msg)
    if node.is_null or not node.text.strip():
        hint = f'in quotes if you mean the word: "{node.text}"' if node.text.strip() else "write it, or remove the line"
        raise source.refusal(node.place, f"{what} is empty", hint)
    if len(node.text) > MAX_CHARACTERS:
        msg = f"{what} has {len(node.text):,} characters; {MAX_CHARACTERS:,} are allowed"
        raise source.refusal(node.place, msg, "is a quote missing, or a '|' too many?")
    if has_template(node.text):
        raise template_refusal(source, node.place)
    return node


def read_list(source: Source, node: Node, key: str) -> tuple[Node, ...]:
    """The items of a list; none when nothing stands behind the key.

    Raises:
        SpecificationError: A text or a mapping, with the list that was probably meant.
    """
    match node:
        case Sequence():
            return node.items
        case Scalar() if node.is_null:
            return ()
        case Scalar():
            text = " ".join(node.text.split())[:60]
            hint = "put a blank behind each dash" if text.startswith("-") else f"write it in a line below: '  - {text}'"
        case Mapping():
            hint = "begin every line below it with a dash and a blank"
    raise source.refusal(node.place, f"{key!r} is a list, not {kind_of(node)}", hint)


def read_words(source: Source, node: Node, key: str, what: str) -> Iterator[Scalar]:
    """The items of a list of texts."""
    for item in read_list(source, node, key):
        yield read_text(source, item, what)


def within(source: Source, scalar: Scalar, read: Callable[[str], T]) -> T:
    """Read a scalar's text; a refusal that points into the text is made to point into the file.

    Raises:
        SpecificationError: What `read` raised, at its place.
    """
    try:
        return read(scalar.text)
    except SpecificationError as error:
        place = scalar.place
        if error.position and scalar.is_flat:
            quote_width = 0 if scalar.is_plain else _quote_width(source, place)
            place = Place(place.line, place.column + quote_width + error.position.column - 1)
        raise source.refusal(place, error.message, error.hint) from None


def _quote_width(source: Source, place: Place) -> int:
    return int(source.line(place.line)[place.column - 1 : place.column] in ("'", '"'))
