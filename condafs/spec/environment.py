"""conda's environment file, as people really write it.

::

    name: science                  # the file's stem when missing
    channels: [conda-forge]        # in order of priority; `nodefaults` is dropped; none: the configured default
    dependencies:                  # required, may be empty
      - python=3.12
      - pip:                       # may be there several times: one list
          - requests
    variables: {OMP_NUM_THREADS: 4}  # values as written: 4, yes and 3.10 are texts
    platforms: [linux-64]          # refused on a machine that is none of them
    exclude-newer: 2026-11-01
    image: {user: nobody}          # how a build is wrapped as a container image: `image_key`; no part of the identity
    description: anything          # ignored, like prefix

Every key of today's conda means the same here. Stricter than conda: unknown keys are refused (conda warns), because a
misspelt key loses content. Laxer: `name` may be missing, `base` and `root` are names like others.
"""

import re
import unicodedata
from dataclasses import dataclass

from condafs.errors import InvalidNameError
from condafs.names import EnvironmentName
from condafs.spec.channels import normalise_channel
from condafs.spec.dates import normalise_date
from condafs.spec.dependencies import Dependencies, read_dependencies
from condafs.spec.foreign import unknown_key
from condafs.spec.image_key import read_image
from condafs.spec.nodes import Mapping, Node, Scalar
from condafs.spec.platforms import PLATFORMS
from condafs.spec.reading import kind_of, read_text, read_words, within
from condafs.spec.source import Place, Source
from condafs.spec.specification import Specification
from condafs.spec.suggest import nearest

KEYS = ("name", "channels", "dependencies", "variables", "platforms", "exclude-newer", "image", "description", "prefix")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN_VARIABLES = frozenset({"PATH", "CONDA_PREFIX", "CONDA_SHLVL", "CONDA_DEFAULT_ENV"})
"""Activation sets them; another value would leave a shell that is in no environment."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a specification is read for.

    Attributes:
        stem: The file's name without its suffix.
        platform: This machine's conda subdir.
        max_name_bytes: Longest name that fits a prefix.
    """

    stem: str
    platform: str
    max_name_bytes: int


def read_environment(source: Source, root: Node, frame: Frame) -> Specification:
    """The specification that an environment file describes.

    Raises:
        SpecificationError: Anything in it that cannot be honoured as written.
    """
    if not isinstance(root, Mapping):
        hint = "an environment file has keys: name:, channels:, dependencies:"
        raise source.refusal(root.place, f"the file is {kind_of(root)}, not an environment file", hint)
    for key, _ in root.entries:
        if key.text not in KEYS:
            raise unknown_key(source, root, key, KEYS)
    if (dependencies := root.get("dependencies")) is None:
        hint = "write `dependencies:` and the packages below it, or `dependencies: []` for none"
        raise source.refusal(root.place, "'dependencies' is missing", hint)
    _check_platforms(source, root.get("platforms"), frame.platform)
    read = read_dependencies(source, dependencies, frame.platform)
    return _specification(source, root, frame, read)


def _specification(source: Source, root: Mapping, frame: Frame, read: Dependencies) -> Specification:
    newest = root.get("exclude-newer")
    return Specification(
        name=_name(source, root.get("name"), frame),
        platform=frame.platform,
        channels=_channels(source, root.get("channels")),
        dependencies=read.conda,
        pip=read.pip,
        variables=_variables(source, root.get("variables")),
        exclude_newer=within(source, read_text(source, newest, "'exclude-newer'"), normalise_date) if newest else "",
        image=read_image(source, root.get("image")),
    )


def name_from_stem(source: Source, frame: Frame) -> EnvironmentName:
    """The environment's name when the file gives none.

    Raises:
        SpecificationError: The file's stem cannot be a name.
    """
    return _checked_name(source, frame.stem, None, frame)


def _name(source: Source, node: Node | None, frame: Frame) -> EnvironmentName:
    if node is None:
        return name_from_stem(source, frame)
    scalar = read_text(source, node, "'name'")
    return _checked_name(source, scalar.text.strip(), scalar.place, frame)


def _checked_name(source: Source, text: str, place: Place | None, frame: Frame) -> EnvironmentName:
    hint = None if place else "write a `name:` into the file, or rename the file"
    try:
        name = EnvironmentName(unicodedata.normalize("NFC", text))
    except InvalidNameError as error:
        raise source.refusal(place, str(error), hint) from None
    length = len(name.text.encode())
    if length > frame.max_name_bytes:
        msg = (
            f"the name has {length} bytes; {frame.max_name_bytes} fit the 255 bytes of a prefix in this state directory"
        )
        raise source.refusal(place, msg, hint or "choose a shorter name")
    return name


def _channels(source: Source, node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    words = read_words(source, node, "channels", "a channel")
    channels = [within(source, scalar, normalise_channel) for scalar in words]
    return tuple(dict.fromkeys(channel for channel in channels if channel != "nodefaults"))


def _check_platforms(source: Source, node: Node | None, platform: str) -> None:
    if node is None:
        return
    words = list(read_words(source, node, "platforms", "a platform"))
    for word in words:
        if word.text not in PLATFORMS:
            near = nearest(word.text, PLATFORMS)
            msg = f"there is no platform {word.text!r}"
            raise source.refusal(word.place, msg, f"did you mean {near}?" if near else "as in linux-64")
    if words and platform not in {word.text for word in words}:
        msg = f"the environment is for {', '.join(word.text for word in words)}, and this machine is {platform}"
        raise source.refusal(words[0].place, msg, f"add {platform} if it works there")


def _variables(source: Source, node: Node | None) -> tuple[tuple[str, str], ...]:
    if node is None or (isinstance(node, Scalar) and node.is_null):
        return ()
    if not isinstance(node, Mapping):
        msg = f"'variables' is a mapping, not {kind_of(node)}"
        raise source.refusal(node.place, msg, "write each as '  KEY: value', without dash and '='")
    return tuple(
        sorted((_variable_name(source, key), _variable_value(source, key, value)) for key, value in node.entries)
    )


def _variable_name(source: Source, key: Scalar) -> str:
    if not _VARIABLE.fullmatch(key.text):
        hint = "letters, digits and '_', not beginning with a digit"
        raise source.refusal(key.place, f"{key.text!r} cannot be the name of a variable", hint)
    if key.text in _OWN_VARIABLES:
        raise source.refusal(key.place, f"{key.text} is set by activation itself", "remove it")
    return key.text


def _variable_value(source: Source, key: Scalar, value: Node) -> str:
    if not isinstance(value, Scalar):
        msg = f"the variable {key.text} is a text, not {kind_of(value)}"
        raise source.refusal(value.place, msg, "put it into quotes")
    if value.is_null:
        msg = f"the variable {key.text} has no value"
        raise source.refusal(value.place, msg, f'the empty text is {key.text}: ""')
    if "\0" in value.text:
        msg = f"the variable {key.text} has a zero byte, which no variable can have"
        raise source.refusal(value.place, msg)
    return value.text
