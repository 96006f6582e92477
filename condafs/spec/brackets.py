"""The brackets of a match spec: `[version='>=1',build='py*']`."""

import re
from collections.abc import Callable
from functools import partial

from condafs.errors import SpecificationError
from condafs.spec.build_string import normalise_build
from condafs.spec.channels import normalise_channel
from condafs.spec.platforms import SUBDIRS
from condafs.spec.suggest import nearest
from condafs.spec.version import read_version, refuse_at

HASH_LENGTHS = {"md5": 32, "sha256": 64}
"""Hex digits of the sums that packages are known by."""

_TEXT_KEYS = ("license", "license_family", "track_features", "url")
_KNOWN = ("version", "build", "build_number", "channel", "subdir", "fn", *HASH_LENGTHS, *_TEXT_KEYS)
_ITEM = re.compile(r"\s*([\w-]+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^\s,'\"\[\]]+))\s*")
_BUILD_NUMBER = re.compile(r"(==|=|!=|<=|>=|<|>|)\s*(\d{1,18})")


def split_brackets(text: str) -> tuple[str, dict[str, tuple[str, int]]]:
    """The text before `[key=value,…]`, and the keys with their values and the offsets of those."""
    if not text.endswith("]"):
        if "[" in text:
            offset = text.index("[")
            raise refuse_at(
                text, offset, "a '[' without its ']' at the end", "as in numpy[version='>=1.2',build='py*']"
            )
        return text, {}
    start = text.index("[") if "[" in text else len(text) - 1
    body, offset, keys = text[:start], start + 1, dict[str, tuple[str, int]]()
    while offset < len(text) - 1:
        match = _ITEM.match(text, offset, len(text) - 1)
        if not match:
            raise _bad_bracket(text, start, offset)
        group = next(number for number in (2, 3, 4) if match[number] is not None)
        if match[1] not in _KNOWN:
            raise _unknown_key(match[1], text, match.start(1))
        if match[1] in keys:
            raise refuse_at(text, match.start(1), f"{match[1]!r} is there twice", "keep one of them")
        keys[match[1]] = (match[group], match.start(group))
        offset = match.end()
        if text[offset] not in ",]":
            raise _bad_bracket(text, start, offset)
        offset += 1
    return body, keys


def _bad_bracket(text: str, start: int, offset: int) -> SpecificationError:
    inside = text[start + 1 : -1]
    if re.fullmatch(r"[\w\s,.-]*", inside):
        hint = f"write the line below 'pip:', or name the packages that [{inside}] stands for"
        return refuse_at(text, start, f"[{inside}] is an extra of pip; conda packages have none", hint)
    return refuse_at(text, offset, "no key=value within the brackets", "as in numpy[version='>=1.2',build='py*']")


def normalise_key(key: str, value: str, text: str, offset: int) -> str:
    """The one spelling of a key's value; "" when it says nothing.

    Args:
        key: The word before `=`.
        value: What stands behind it, quotes removed.
        text: The text that they are in.
        offset: Where the value begins there.

    Raises:
        SpecificationError: A value that the key cannot have; the position is within the text.
    """
    if reader := _READERS.get(key):
        return reader(value, text, offset)
    if not value.strip() or re.search(r"[\"'\[\]\\]", value):
        raise refuse_at(text, offset, f"{value!r} cannot be a {key}", "remove the key")
    return value.strip()


def normalise_hash(kind: str, value: str, text: str, offset: int) -> str:
    """The hex digits of an md5 or sha256 in lower case.

    Raises:
        SpecificationError: Other characters or another number of them; the position is within the text.
    """
    length = HASH_LENGTHS[kind]
    if not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", value):
        raise refuse_at(text, offset, f"an {kind} has {length} hex digits, not {value!r}", "copy it again")
    return value.lower()


def _version(value: str, text: str, offset: int) -> str:
    reading = read_version(text[: offset + len(value)], offset)
    if rest := text[reading.end : offset + len(value)].strip():
        raise refuse_at(text, reading.end, f"{rest!r} behind a version", "constraints are joined by a comma")
    return reading.text


def _channel(value: str, text: str, offset: int) -> str:
    try:
        return normalise_channel(value)
    except SpecificationError as error:
        raise refuse_at(text, offset, error.message, error.hint) from None


def _build_number(value: str, text: str, offset: int) -> str:
    match = _BUILD_NUMBER.fullmatch(value.strip())
    if not match:
        raise refuse_at(text, offset, f"{value!r} cannot be a build number", "as in [build_number='>=1']")
    return ("" if match[1] in ("=", "==") else match[1]) + str(int(match[2]))


def _subdir(value: str, text: str, offset: int) -> str:
    if value.strip() not in SUBDIRS:
        near = nearest(value, SUBDIRS)
        raise refuse_at(text, offset, f"there is no platform {value!r}", f"did you mean {near}?" if near else None)
    return value.strip()


def _unknown_key(key: str, text: str, offset: int) -> SpecificationError:
    near = nearest(key, _KNOWN)
    known = f"did you mean {near!r}?" if near else f"there are {', '.join(_KNOWN)}"
    return refuse_at(text, offset, f"a match spec has no {key!r}", known)


_READERS: dict[str, Callable[[str, str, int], str]] = {
    "version": _version,
    "build": lambda value, text, offset: normalise_build(value.strip(), text, offset),
    "build_number": _build_number,
    "channel": _channel,
    "subdir": _subdir,
    "md5": partial(normalise_hash, "md5"),
    "sha256": partial(normalise_hash, "sha256"),
}
"""Keys whose values have a spelling of their own."""
