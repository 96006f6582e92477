"""Version expressions of match specs in one spelling: `>= 1.2 , <2 | =3` is `>=1.2,<2|3.*`.

Grammar (`,` binds tighter than `|`; blanks anywhere between parts)::

    alternatives   all { "|" all }
    all            one { "," one }
    one            "(" alternatives ")"  |  [operator] version
    operator       == != <= >= < > ~= =

What counts as equal, and is written as the right-hand side (conda's VersionSpec and rattler agree where no remark is)::

    1.2  ==1.2                    ==1.2
    =1.2  =1.2.*  1.2.*  1.2*     1.2.*
    ==1.2.*                       1.2.*     as in PEP 440; conda warns and takes 1.2 alone, which nobody means
    !=1.2*                        !=1.2.*
    >=1.2.*  <1.2.*  <=1.2.*      without the .*, which says nothing there
    ~=1.2.*                       ~=1.2
    *  =*  ==*  >=*               nothing at all
    1.2A                          1.2a      versions do not know case
    <2,>=1.2  >=1.2,>=1.2         >=1.2,<2  order and repetition do not matter

`>1.2.*` is refused: conda reads `>1.2`, rattler `>=1.2`, and people mean `>=1.3`. Leading and trailing zeros stay as
written (`2.038`, `1.20`): they are part of how versions are called, and equal ones may differ in `1.0.*`.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from condafs.errors import Position, SpecificationError

_OPERATOR = re.compile(r"[=!<>~^]+")
_WORD = re.compile(r"[\w.+!*-]+", re.ASCII)
_VERSION = re.compile(r"(?:\d+!)?[a-z0-9]+(?:[._-][a-z0-9]+)*_?(?:\+[a-z0-9]+(?:[._-][a-z0-9]+)*)?")
_ORDER = ("==", "", "~=", ">=", ">", "<=", "<", "!=")
"""How constraints that hold together are sorted: what is wanted, from, to, except. "" stands for `1.2.*`."""

REMEDIES = {
    "=>": ">=",
    "=<": "<=",
    "===": "==",
    "<>": "!=",
    "!": "!=",
    "~": "~=",
    "=!": "!=",
    "=~": "~=",
    "><": "!=",
    "=!=": "!=",
    "=>=": ">=",
    "=<=": "<=",
    ">==": ">=",
    "<==": "<=",
    "==>": ">=",
    "==<": "<=",
}
MAX_NESTING = 8
_MAX_DIGITS = 18
"""rattler keeps numbers in 64 bits."""

_LONG_NUMBER = re.compile(rf"\d{{{_MAX_DIGITS + 1}}}")


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression that was read from the beginning of a text.

    Attributes:
        text: In the one spelling; "" when any version will do.
        end: Offset in the text behind it.
        exact: `==1.2` when the expression was a single `=1.2`: with a build behind it, conda takes that for exact.
        bare: Whether it was a single version without operator.
    """

    text: str
    end: int
    exact: str = ""
    bare: bool = False


def read_version(text: str, start: int = 0) -> Reading:
    """Read a version expression as far as it goes.

    Raises:
        SpecificationError: It is none; the position is within the text (line 1).
    """
    reader = _Reader(text, start)
    rendered = _render(reader.alternatives(0))
    exact = f"=={reader.fuzzy}" if reader.is_single and reader.fuzzy else ""
    return Reading(rendered, reader.offset, exact, bare=reader.is_single and reader.bare)


def refuse_at(text: str, offset: int, message: str, hint: str | None = None) -> SpecificationError:
    """A refusal that points into a text of one line."""
    return SpecificationError(message, Position(1, offset + 1, text), hint)


_Term: TypeAlias = "str | _Alternatives"
_Alternatives: TypeAlias = "frozenset[frozenset[_Term]]"
"""Any of the groups, all of a group's terms; an empty group is any version. A term in brackets has several groups."""

_ANYTHING: _Alternatives = frozenset({frozenset()})


class _Reader:
    """Recursive descent; `fuzzy` and `bare` describe the constraint read last."""

    def __init__(self, text: str, offset: int) -> None:
        self.text = text
        self.offset = offset
        self.fuzzy = ""
        self.bare = False
        self.parts = 0

    @property
    def is_single(self) -> bool:
        """Whether one constraint was read, without brackets."""
        return self.parts == 1

    def alternatives(self, depth: int) -> _Alternatives:
        groups = set(self._all(depth))
        while self._skip("|"):
            groups |= self._all(depth)
        return _ANYTHING if frozenset() in groups else frozenset(groups)

    def _all(self, depth: int) -> _Alternatives:
        sides = [self._one(depth)]
        while self._skip(","):
            sides.append(self._one(depth))
        return _together(sides)

    def _one(self, depth: int) -> _Alternatives:
        self.parts += 1
        if not self._skip("("):
            self._blanks()
            constraint = self._constraint()
            return _ANYTHING if constraint == "*" else frozenset({frozenset({constraint})})
        self.parts += 1
        if depth == MAX_NESTING:
            raise refuse_at(self.text, self.offset - 1, "too many brackets within brackets")
        inner = self.alternatives(depth + 1)
        if not self._skip(")"):
            raise refuse_at(self.text, self.offset, "a bracket is not closed", "put a ')' here")
        return inner

    def _constraint(self) -> str:
        start = self.offset
        match = _OPERATOR.match(self.text, start)
        operator = match[0] if match else ""
        self.offset += len(operator)
        self._blanks()
        if operator not in ("", "=", *_ORDER):
            raise _bad_operator(self.text, start, operator)
        word = _WORD.match(self.text, self.offset)
        if not word:
            raise _no_version(self.text, start, self.offset, operator)
        self.offset = word.end()
        self.fuzzy, self.bare = "", not operator
        return self._spelled(operator, word)

    def _spelled(self, operator: str, word: re.Match[str]) -> str:
        version, stars = _without_star(word[0].lower())
        if not version and stars:
            if operator in ("", "=", "==", ">="):
                return "*"
            raise refuse_at(self.text, word.start(), f"'{operator}*' is satisfied by no version")
        if problem := _problem(version):
            raise refuse_at(self.text, word.start(), f"{word[0]!r} is no version: {problem}", _version_hint(version))
        if operator == ">" and stars:
            hint = f"write >={version} for that version and later ones; >{version} leaves out {version} itself"
            raise refuse_at(self.text, word.start(), f"'>{word[0]}' is read in different ways by conda and mamba", hint)
        if operator == "=" and not stars:
            self.fuzzy = version
        if operator in ("=", "==", "") and (stars or operator == "="):
            return f"{version}.*"
        if operator == "!=" and stars:
            return f"!={version}.*"
        return f"{operator or '=='}{version}"

    def _blanks(self) -> None:
        while self.offset < len(self.text) and self.text[self.offset] in " \t\n":
            self.offset += 1

    def _skip(self, character: str) -> bool:
        ahead = self.offset
        while ahead < len(self.text) and self.text[ahead] in " \t\n":
            ahead += 1
        if self.text[ahead : ahead + 1] != character:
            return False
        self.offset = ahead + 1
        return True


def _together(sides: list[_Alternatives]) -> _Alternatives:
    """All expressions hold: one group, in which an expression of several groups is a term of its own."""
    if len(sides) == 1:
        return sides[0]
    terms: set[_Term] = set()
    for side in sides:
        if len(side) == 1:
            terms |= next(iter(side))
        else:
            terms.add(side)
    only = next(iter(terms)) if len(terms) == 1 else ""
    # Twice the same, or beside `*`: no brackets, or the result would be another when it is read again.
    return only if isinstance(only, frozenset) else frozenset({frozenset(terms)})


def _render(alternatives: _Alternatives) -> str:
    return "|".join(sorted((_render_group(group) for group in alternatives), key=_rank))


def _render_group(group: frozenset[_Term]) -> str:
    texts = (term if isinstance(term, str) else f"({_render(term)})" for term in group)
    return ",".join(sorted(texts, key=_rank))


def _rank(text: str) -> tuple[int, str]:
    if text.startswith("("):
        return len(_ORDER), text
    match = _OPERATOR.match(text)
    return _ORDER.index(match[0] if match else ""), text


def _without_star(word: str) -> tuple[str, bool]:
    """`1.2.*`, `1.2.*.*` and `1.2*` without their stars, and whether there were any."""
    end = len(word)
    while word[:end].endswith("*"):
        end -= 2 if word[:end].endswith(".*") else 1
    return word[:end], end < len(word)


def _problem(version: str) -> str:
    """Why a lower-case text is no version (conda's VersionOrder), "" when it is one."""
    problems = (
        (not version, "it is empty"),
        ("*" in version, "a '*' can only stand at the end"),
        (version.endswith("."), "it ends with a dot"),
        ("-" in version and "_" in version, "it has both '-' and '_'"),
        (bool(_LONG_NUMBER.search(version)), f"it has a number of more than {_MAX_DIGITS} digits"),
        (not _VERSION.fullmatch(version), "its parts are joined by single dots, underscores or dashes"),
    )
    return next((problem for is_so, problem in problems if is_so), "")


def _version_hint(version: str) -> str | None:
    if version.endswith("."):
        return f"remove the dot, or write {version}* for all versions that begin so"
    return None


def _bad_operator(text: str, start: int, operator: str) -> SpecificationError:
    if operator == "^":
        hint: str | None = "conda has no '^': write the limits, as in >=1.2,<2"
    elif remedy := REMEDIES.get(operator):
        hint = f"write {remedy}"
    else:
        hint = "the operators are == != <= >= < > ~= ="
    return refuse_at(text, start, f"there is no operator {operator!r}", hint)


def _no_version(text: str, start: int, offset: int, operator: str) -> SpecificationError:
    rest = text[offset:].strip()
    if operator and not rest:
        return refuse_at(text, start, f"no version behind {operator!r}", f"remove {operator!r} or write the version")
    if not rest:
        return refuse_at(
            text, offset, "a version is missing at the end", "remove what stands before it, or write the version"
        )
    return refuse_at(text, offset, f"{rest[:1]!r} where a version should be", "as in numpy >=1.2,<2")
