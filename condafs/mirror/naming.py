"""Which environment a file describes when it does not say, and what it is called in `.specs`.

::

    ~/src/foo/environment.yml          foo           a file's name that is everybody's: its directory's instead
    ~/src/foo/environment-dev.yml      foo-dev
    ~/specs/bar.yaml                   bar
    ~/My Project/env.yml               My-Project    what no name can hold becomes a dash
"""

import re
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

from condafs.names import is_spec_file, spec_file_stem

_GENERIC = re.compile(
    r"(?:conda[-_.]?)?env(?:ironment)?(?:[-_.](?P<rest>.+))?|conda|conda-lock|conda-(?:linux|osx|win)-\w+|pixi|explicit",
    re.IGNORECASE,
)
"""Stems that tell files apart within a project, not projects. The `conda-linux-64` kind is what conda-lock renders."""

_YAML = frozenset({".yaml", ".yml"})
_TELLING_LINE = re.compile(rb"""^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?["']?dependencies["']?[ \t]*:""", re.MULTILINE)
_UNLIKELY = re.compile(r"[^\w.+-]+")


def default_name(path: Path) -> str:
    """The name of the environment when the file gives none; not always one that an environment can have."""
    stem = spec_file_stem(path.name)
    match = _GENERIC.fullmatch(stem)
    if not match:
        return _tidy(stem)
    return "-".join(filter(None, (_tidy(path.parent.name), _tidy(match["rest"] or "")))) or _tidy(stem)


def _tidy(text: str) -> str:
    return _UNLIKELY.sub("-", unicodedata.normalize("NFC", text)).lstrip(".+-").rstrip("-")


def default_file(path: Path, name: str = "") -> str:
    """A name for it in `.specs` under which it is read as what it is."""
    return f"{name or default_name(path)}{path.suffix}"


def is_same_kind(one: str, other: str) -> bool:
    """Whether files of these names are read the same way: `foo.yaml` as `environment.yml`, not as `foo.lock`."""
    suffixes = {Path(one).suffix, Path(other).suffix}
    return len(suffixes) == 1 or suffixes <= _YAML


def may_be_specification(file_name: str, patterns: tuple[str, ...] = ()) -> bool:
    """Whether a file of that name, found in a watched directory, is worth a look.

    Args:
        file_name: Its last component.
        patterns: Shell patterns, one of which it has to match; without any, YAML files are looked at. Locks and lists
            lie beside the environment file that they were made from, and would claim the same name.
    """
    if not is_spec_file(file_name):
        return False
    if patterns:
        return any(fnmatchcase(file_name, pattern) for pattern in patterns)
    return Path(file_name).suffix in _YAML


def is_certain(file_name: str) -> bool:
    """Whether the name alone says that it is an environment file: what is wrong with such a one is worth telling."""
    match = _GENERIC.fullmatch(spec_file_stem(file_name))
    return match is not None and Path(file_name).suffix in _YAML


def looks_like_environment(content: bytes) -> bool:
    """Whether a YAML file among others is an environment file: it has a line `dependencies:`."""
    return _TELLING_LINE.search(content.replace(b"\0", b"")) is not None  # zeros: UTF-16
