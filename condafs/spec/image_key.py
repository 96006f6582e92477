"""The key `image:` of an environment file: how a build is wrapped as a container image.

::

    image:
      base: host                     # host, none, or the absolute path of an OCI archive; none: the setting
      labels:                        # values as written: 4, yes and 3.10 are texts
        org.opencontainers.image.version: 3.10
      entrypoint: [python, -m, app]  # run as it stands, by no shell; a single word needs no list
      user: nobody                   # name or number, with `:group` if you like; none: root
      workdir: /srv                  # absolute; none: /

A text with blanks is refused as entrypoint: a container file would hand it to a shell, which the image need not have.
"""

import json
import re
import shlex
from dataclasses import astuple

from condafs.errors import SpecificationError
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings
from condafs.spec.nodes import Mapping, Node, Scalar, Sequence
from condafs.spec.reading import MAX_CHARACTERS, kind_of, read_text
from condafs.spec.source import Source
from condafs.spec.suggest import nearest

KEYS = ("base", "labels", "entrypoint", "user", "workdir")

MAX_TOTAL_CHARACTERS = 1 << 16
"""Of all values, aliases expanded: they are stored and go into every image, and a line of aliases may be gigabytes."""

_BASES = ("host", "none")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_LAYOUT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""A label or an argument may be a text of several lines."""

_USER = re.compile(r"[^\s:]+(:[^\s:]+)?")
"""The forms that the OCI image specification has for `User` (config.md, Properties)."""

_BARE_WORD = re.compile(r"[\w./=+@%^-]*\w")
"""A word that needs no quotes in a YAML list; a hint may quote too much."""

_MEANT = {
    "cmd": "did you mean 'entrypoint'?",
    "command": "did you mean 'entrypoint'?",
    "from": "did you mean 'base'?",
    "env": "'variables:' of the file itself are in the image as well",
    "environment": "'variables:' of the file itself are in the image as well",
    "variables": "'variables:' of the file itself are in the image as well",
}
"""Words of container and compose files."""


def read_image(source: Source, node: Node | None) -> ImageSettings:
    """What the value of the key says; the default when there is none.

    Raises:
        SpecificationError: Anything in it that cannot be honoured as written.
    """
    if node is None or _is_nothing(node):
        return DEFAULT_IMAGE
    if not isinstance(node, Mapping):
        msg = f"'image' is a mapping, not {kind_of(node)}"
        raise source.refusal(node.place, msg, f"write its keys below it: {', '.join(KEYS)}")
    for key, _ in node.entries:
        if key.text not in KEYS:
            raise _unknown_key(source, key)
    settings = ImageSettings(
        base=_base(source, node.get("base")),
        labels=_labels(source, node.get("labels")),
        entrypoint=_entrypoint(source, node.get("entrypoint")),
        user=_user(source, node.get("user")),
        workdir=_workdir(source, node.get("workdir")),
    )
    _check_total(source, node, settings)
    return settings


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


def _unknown_key(source: Source, key: Scalar) -> SpecificationError:
    hint = _MEANT.get(key.text.lower())
    if not hint and (near := nearest(key.text, KEYS)):
        hint = f"did you mean {near!r}?"
    return source.refusal(key.place, f"'image' has no key {key.text!r}", hint or f"there are {', '.join(KEYS)}")


def _base(source: Source, node: Node | None) -> str:
    if node is None:
        return ""
    text = _word(source, node, "'base'")
    if text in _BASES or text.startswith("/"):
        return text
    near = nearest(text, _BASES)
    hint = f"did you mean {near}?" if near else "`skopeo copy docker://IMAGE oci-archive:/PATH` makes such a file"
    raise source.refusal(node.place, f"'base' is host, none or an absolute path, not {text!r}", hint)


def _labels(source: Source, node: Node | None) -> tuple[tuple[str, str], ...]:
    if node is None or _is_nothing(node):
        return ()
    if not isinstance(node, Mapping):
        msg = f"'labels' is a mapping, not {kind_of(node)}"
        raise source.refusal(node.place, msg, "write each as '  name: value', without dash and '='")
    return tuple(sorted((_label_name(source, key), _label_value(source, key, value)) for key, value in node.entries))


def _label_name(source: Source, key: Scalar) -> str:
    if not key.text.strip():
        raise source.refusal(key.place, "the name of a label is empty", "as in org.opencontainers.image.title")
    return _checked(source, key, "the name of a label", _CONTROL)


def _label_value(source: Source, key: Scalar, value: Node) -> str:
    what = f"the label {key.text}"
    if not isinstance(value, Scalar):
        raise source.refusal(value.place, f"{what} is a text, not {kind_of(value)}", "put it into quotes")
    if value.is_null:
        raise source.refusal(value.place, f"{what} has no value", f'the empty text is {key.text}: ""')
    return _checked(source, value, what, _CONTROL_BUT_LAYOUT)


def _entrypoint(source: Source, node: Node | None) -> tuple[str, ...]:
    if node is None or _is_nothing(node):
        return ()
    if isinstance(node, Sequence):
        return tuple(_argument(source, item, is_command=not number) for number, item in enumerate(node.items))
    if isinstance(node, Mapping):
        hint = "begin every line below it with a dash and a blank"
        raise source.refusal(node.place, "'entrypoint' is a list, not a mapping", hint)
    text = _argument(source, node, is_command=True)
    if len(text.split()) > 1:
        msg = "an entrypoint of several words is a list; no shell is there to take them apart"
        raise source.refusal(node.place, msg, f"write [{', '.join(map(_quoted, _split(text)))}]")
    return (text.strip(),)


def _argument(source: Source, item: Node, *, is_command: bool) -> str:
    what = "the command of 'entrypoint'" if is_command else "an argument of 'entrypoint'"
    if not isinstance(item, Scalar):
        raise source.refusal(item.place, f"{what} is a text, not {kind_of(item)}", "put it into quotes")
    if item.is_null or (is_command and not item.text.strip()):
        hint = f'in quotes if you mean the word: "{item.text}"' if item.text.strip() else "write it, or remove the line"
        raise source.refusal(item.place, f"{what} is empty", hint)
    return _checked(source, item, what, _CONTROL_BUT_LAYOUT)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote is not closed
        return text.split()


def _quoted(word: str) -> str:
    return word if _BARE_WORD.fullmatch(word) else json.dumps(word, ensure_ascii=False)


def _user(source: Source, node: Node | None) -> str:
    if node is None:
        return ""
    text = _word(source, node, "'user'")
    if not _USER.fullmatch(text):
        msg = f"'user' is a name or a number, with a colon before its group, not {text!r}"
        raise source.refusal(node.place, msg, "as in nobody, 1000 or 1000:100")
    return text


def _workdir(source: Source, node: Node | None) -> str:
    if node is None:
        return ""
    text = _word(source, node, "'workdir'")
    if not text.startswith("/"):
        raise source.refusal(node.place, f"'workdir' is an absolute path, not {text!r}", f"did you mean /{text}?")
    return text


def _word(source: Source, node: Node, what: str) -> str:
    return _checked(source, read_text(source, node, what), what, _CONTROL).strip()


def _checked(source: Source, scalar: Scalar, what: str, control: re.Pattern[str]) -> str:
    """The scalar's text, when it is one that an image can have."""
    if len(scalar.text) > MAX_CHARACTERS:
        msg = f"{what} has {len(scalar.text):,} characters; {MAX_CHARACTERS:,} are allowed"
        raise source.refusal(scalar.place, msg, "is a quote missing, or a '|' too many?")
    if match := control.search(scalar.text):
        raise source.refusal(scalar.place, f"{what} has the character U+{ord(match[0]):04X}", "remove it")
    return scalar.text


def _check_total(source: Source, node: Mapping, settings: ImageSettings) -> None:
    base, labels, entrypoint, user, workdir = astuple(settings)
    texts = (base, *(text for label in labels for text in label), *entrypoint, user, workdir)
    if (total := sum(map(len, texts))) > MAX_TOTAL_CHARACTERS:
        msg = f"'image' has {total:,} characters; {MAX_TOTAL_CHARACTERS:,} are allowed"
        raise source.refusal(node.place, msg, "put a file into the image instead")
