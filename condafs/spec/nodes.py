"""YAML as a tree of places: the one door to the YAML library for specifications.

Composed from parser events, so that what a file can cost is bounded while it is read: depth, number of nodes, and the
number of nodes that its aliases would expand to. Scalars keep the text that was written (`3.10` stays `3.10`, `on`
stays `on`): whoever reads a value decides what it is, never YAML 1.1's table of surprises.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from condafs.errors import SpecificationError
from condafs.spec.source import Place, Source

MAX_DEPTH = 24
"""An environment file needs 4 levels, a rattler lock 7."""

MAX_NODES = 100_000
"""Aliases expanded. A megabyte of lock has some 60,000."""

CHARACTERS_A_NODE = 100
"""A text counts as one more node for each so many characters: aliases of long texts are a bomb, too."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
"""Plain scalars that YAML 1.1 reads as nothing (type null)."""

_PLAIN_TAGS = frozenset(
    {None, "!"} | {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}
)
"""Tags that say what the scalar's text says anyway."""

_TEMPLATE = re.compile(r"\{\{|\{%|\$\{\{")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: 30 times as fast, the same events and places."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; `is_plain` when it stood without quotes; `is_flat` when it is on one line as it is in the file."""

    text: str
    place: Place
    is_plain: bool = False
    is_flat: bool = False

    @property
    def is_null(self) -> bool:
        """Whether nothing was written, or YAML's word for nothing."""
        return self.is_plain and self.text in _NULLS


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of the file; keys are distinct scalars, merge keys (`<<`) are resolved."""

    entries: tuple[tuple[Scalar, "Node"], ...]
    place: Place

    def get(self, key: str) -> "Node | None":
        """The value of a key, None when it is not there."""
        return next((value for name, value in self.entries if name.text == key), None)


Node = Scalar | Sequence | Mapping


def compose(source: Source) -> Node | None:
    """The document of a source, None when there is nothing but comments.

    Raises:
        SpecificationError: Not YAML, or YAML that costs too much, or that a specification has no use for (several
            documents, tags, keys twice, keys that are no text).
    """
    composer = _Composer(source)
    try:
        for event in yaml.parse(source.text, Loader=_LOADER):
            composer.take(event)
    except yaml.YAMLError as error:
        raise _not_yaml(source, error) from None
    return composer.root


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet; `weight` counts its nodes, aliases expanded."""

    event: yaml.CollectionStartEvent
    children: list[Node] = field(default_factory=list)
    weight: int = 1


@dataclass(slots=True)
class _Composer:
    source: Source
    root: Node | None = None
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        """Go on by one event."""
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    msg = "a second document begins here; a specification is one"
                    raise self.source.refusal(_place(event), msg, "write one file for each environment")
            case yaml.AliasEvent():
                self._add(*self._resolve(event))
            case yaml.ScalarEvent():
                self._check_tag(event)
                self._add(self._scalar(event), 1 + len(event.value) // CHARACTERS_A_NODE, event.anchor)
            case yaml.CollectionStartEvent():
                self._check_tag(event)
                if len(self.stack) >= MAX_DEPTH:
                    raise self.source.refusal(_place(event), f"nested more than {MAX_DEPTH} levels deep")
                self.stack.append(_Open(event))
            case yaml.CollectionEndEvent():
                opened = self.stack.pop()
                self._add(self._collection(opened), opened.weight, opened.event.anchor)

    def _add(self, node: Node, weight: int, anchor: str | None = None) -> None:
        if anchor:
            self.anchors[anchor] = (node, weight)
        if not self.stack:
            self.root = None if isinstance(node, Scalar) and node.is_null else node
            return
        parent = self.stack[-1]
        parent.children.append(node)
        parent.weight += weight
        if sum(opened.weight for opened in self.stack) > MAX_NODES:
            msg = f"more than {MAX_NODES:,} values, or too long ones, aliases expanded"
            raise self.source.refusal(node.place, msg, "write out what the aliases stand for")

    def _resolve(self, event: yaml.AliasEvent) -> tuple[Node, int]:
        if found := self.anchors.get(event.anchor or ""):
            return found
        inside = any(opened.event.anchor == event.anchor for opened in self.stack)
        problem = "contains itself" if inside else "is not defined before this line"
        hint = None if inside else f'a value that begins with * needs quotes: "*{event.anchor}"'
        raise self.source.refusal(_place(event), f"the alias *{event.anchor} {problem}", hint)

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag and event.tag not in _PLAIN_TAGS:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            msg = f"the tag {tag} has no place in a specification"
            raise self.source.refusal(_place(event), msg, "remove it and keep the value (as text in quotes)")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        place = _place(event)
        start = place.column - 1 + (0 if not event.style else 1)
        is_flat = self.source.line(place.line).startswith(event.value, start)
        return Scalar(event.value, place, is_plain=bool(event.implicit[0]), is_flat=is_flat)

    def _collection(self, opened: _Open) -> Node:
        place = _place(opened.event)
        if isinstance(opened.event, yaml.SequenceStartEvent):
            return Sequence(tuple(opened.children), place)
        pairs = zip(opened.children[::2], opened.children[1::2], strict=True)
        return Mapping(tuple(self._entries(pairs, place)), place)

    def _entries(self, pairs: Iterator[tuple[Node, Node]], place: Place) -> Iterator[tuple[Scalar, Node]]:
        seen: dict[str, Scalar] = {}
        merged: list[tuple[Scalar, Node]] = []
        for key, value in pairs:
            if not isinstance(key, Scalar):
                raise self._odd_key(key, place)
            if key.is_plain and key.text == "<<":
                merged += self._merged(key, value)
                continue
            if first := seen.get(key.text):
                msg = f"the key {key.text!r} is there twice; the first is in line {first.place.line}"
                raise self.source.refusal(key.place, msg, "keep one of them, with the content of both")
            seen[key.text] = key
            yield key, value
        for key, value in merged:  # what the mapping itself says is stronger (yaml.org/type/merge)
            if seen.setdefault(key.text, key) is key:
                yield key, value

    def _merged(self, key: Scalar, value: Node) -> Iterator[tuple[Scalar, Node]]:
        sources = value.items if isinstance(value, Sequence) else (value,)
        for source in sources:
            if not isinstance(source, Mapping):
                msg = "<< merges mappings, and this is none"
                raise self.source.refusal(key.place, msg)
            yield from source.entries

    def _odd_key(self, key: Node, place: Place) -> SpecificationError:
        if _TEMPLATE.search(self.source.line(place.line)):
            return template_refusal(self.source, place)
        return self.source.refusal(key.place, "a key is a word, not a list or a mapping", "put the value into quotes")


def template_refusal(source: Source, place: Place) -> SpecificationError:
    """The refusal of Jinja and its relatives, at the first of them from that place on."""
    match = _TEMPLATE.search(source.line(place.line))
    where = Place(place.line, match.start() + 1) if match else place
    return source.refusal(
        where, "this is a template, not yet an environment file", "render it first; condafs fills nothing in"
    )


def has_template(text: str) -> bool:
    """Whether a text has what templates are filled in at."""
    return _TEMPLATE.search(text) is not None


def _place_of(mark: Any) -> Place | None:
    return Place(mark.line + 1, mark.column + 1) if mark else None


def _place(event: yaml.Event) -> Place:
    return _place_of(event.start_mark) or Place(1, 1)


_HINTS = (
    ("mapping values are not allowed", "a ':' inside a value needs quotes; keys of one level begin in one column"),
    ("block scalar", 'a value that begins with > or | needs quotes, as in ">=1.2"'),
    ("cannot start any token", "a value that begins with @, ` or % needs quotes"),
    ("alphabetic or numeric", "a value that begins with * or & needs quotes"),
    ("could not find expected ':'", "every key needs a ':' after it, every list item '- ' before it"),
    ("unexpected end of stream", "a quote is not closed"),
    ("'-' indicator", "the dashes of one list begin in one column"),
    ("expected <block end>", "what belongs together begins in one column"),
    ("did not find expected key", "what belongs together begins in one column"),
    ("',' or '", "a bracket is not closed, or a comma is missing"),
    ("escape", "in double quotes a backslash begins an escape; use single quotes"),
)
"""Words of the YAML library's complaint (libyaml's and PyYAML's own) -> what has usually happened."""


def _not_yaml(source: Source, error: yaml.YAMLError) -> SpecificationError:
    if not isinstance(error, yaml.MarkedYAMLError):
        return source.refusal(None, "this is not YAML")
    place = _place_of(error.problem_mark) or _place_of(error.context_mark) or Place(1, 1)
    problem = (error.problem or "").partition(", but found")[0].replace("\t", "tab")
    if tab := _tab_before(source, place):
        return source.refusal(tab, "a tab in the indentation", "YAML is indented with blanks only")
    if _TEMPLATE.search(source.line(place.line)):
        return template_refusal(source, place)
    if "end of stream" in problem or "could not find" in problem:  # found at the end of what has begun there
        place = _place_of(error.context_mark) or place
    complaint = f"{problem} {error.context or ''}"
    hint = next((hint for words, hint in _HINTS if words in complaint), None)
    return source.refusal(place, f"this is not YAML: {problem}", hint)


def _tab_before(source: Source, place: Place) -> Place | None:
    """A tab among the blanks that the line, or the one before it, begins with."""
    for number in (place.line, place.line - 1):
        line = source.line(number)
        indentation = line[: len(line) - len(line.lstrip(" \t"))]
        if "\t" in indentation:
            return Place(number, indentation.index("\t") + 1)
    return None
