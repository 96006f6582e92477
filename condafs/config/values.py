"""What stands behind each key of the settings file. A reader raises ValueError with the end of a sentence."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

_SIZE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_size(text: str) -> int:
    """Bytes of `8G`, `8 GiB`, `512M`, `1048576`; ValueError when it is no size."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        msg = f"is a size such as 8G or 512M, not {text!r}"
        raise ValueError(msg)
    return int(float(match[1]) * _SIZE_UNITS[match[2].upper()])


def parse_duration(text: str) -> float:
    """Seconds of `2h`, `1h30m`, `90`, `0.5s`; ValueError when it is no duration."""
    number = r"\d+(?:\.\d+)?"
    bare = text.replace(" ", "").lower()
    if re.fullmatch(number, bare):
        return float(bare)
    if not re.fullmatch(rf"(?:{number}(?:ms|s|m|h|d))+", bare):
        msg = f"is a duration such as 90, 2h or 1h30m, not {text!r}"
        raise ValueError(msg)
    return sum(float(amount) * _SECONDS[unit] for amount, unit in re.findall(rf"({number})(ms|s|m|h|d)", bare))


def _scalar(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        msg = "takes one value, not a list or a mapping"
        raise ValueError(msg)  # noqa: TRY004 - the caller turns it into a refusal with a place
    return str(node.value)


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # the home of somebody who does not exist
        return Path(text)


def _path(node: yaml.Node) -> Path:
    path = _expanded(_scalar(node))
    if not path.is_absolute():
        msg = f"is an absolute path, not {str(path)!r}"
        raise ValueError(msg)
    return path


def _count(node: yaml.Node, least: int = 1) -> int:
    text = _scalar(node)
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
        msg = f"is a whole number from {least}, not {text!r}"
        raise ValueError(msg)
    return int(text)


def parse_days(text: str) -> float:
    """Days of `90`, `0.5`, or of a duration with its unit (`12h`); ValueError when it is neither."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text.strip()):
        return float(text)
    try:
        return parse_duration(text) / _SECONDS["d"]
    except ValueError:
        msg = f"is a number of days, or a duration such as 12h, not {text!r}"
        raise ValueError(msg) from None


def _truth(node: yaml.Node) -> bool:
    truths = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    text = _scalar(node)
    if text.lower() not in truths:
        msg = f"is yes or no, not {text!r}"
        raise ValueError(msg)
    return truths[text.lower()]


def _mode(node: yaml.Node) -> int:
    """Octal as chmod(1) reads it, however YAML would: `1777`, `01777` and `0o1777` are the same."""
    text = _scalar(node)
    match = re.fullmatch(r"(?:0o?)?([0-7]{3,4})", text)
    if not match:
        msg = f"is a mode of three or four octal digits such as 1777, not {text!r}"
        raise ValueError(msg)
    return int(match[1], 8)


def _paths(node: yaml.Node) -> tuple[Path, ...]:
    return tuple(map(_path, node.value if isinstance(node, yaml.SequenceNode) else [node]))


def _words(node: yaml.Node) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        msg = "is a list, as in [bioconda, conda-forge]"
        raise ValueError(msg)
    return tuple(_scalar(item) for item in node.value)


def _number(node: yaml.Node) -> int:
    text = _scalar(node)
    if not re.fullmatch(r"\d{1,9}", text):
        msg = f"is a whole number or none, not {text!r}"
        raise ValueError(msg)
    return int(text)


def _limit(read: Callable[[yaml.Node], int]) -> Callable[[yaml.Node], int | None]:
    """`none`, or what `read` reads."""
    return lambda node: None if isinstance(node, yaml.ScalarNode) and node.value in {"none", "null"} else read(node)


_LIMITS: dict[str, tuple[str, Callable[[yaml.Node], int | None]]] = {
    "environments": ("environments", _limit(_number)),
    "builds-per-day": ("builds_per_day", _limit(_number)),
    "bytes": ("own_bytes", _limit(lambda node: parse_size(_scalar(node)))),
}
"""Key -> field of `config.quotas.Limits`, and reader of its value."""


def _quotas(node: yaml.Node) -> dict[str, dict[str, int | None]]:
    if not isinstance(node, yaml.MappingNode):
        msg = 'is a mapping, as in {ann: {environments: 20}, "@students": {environments: 3}}'
        raise ValueError(msg)  # noqa: TRY004 - the caller turns it into a refusal with a place
    found: dict[str, dict[str, int | None]] = {}
    for key, value in node.value:
        who = _scalar(key)
        if not isinstance(value, yaml.MappingNode) or not value.value:
            msg = f"of {who} is a mapping with some of {', '.join(_LIMITS)}"
            raise ValueError(msg)
        found[who] = dict(_limit_of(who, _scalar(name), limit) for name, limit in value.value)
    return found


def _limit_of(who: str, name: str, node: yaml.Node) -> tuple[str, int | None]:
    if name not in _LIMITS:
        msg = f"of {who} has no {name!r}: there are {', '.join(_LIMITS)}"
        raise ValueError(msg)
    field, read = _LIMITS[name]
    try:
        return field, read(node)
    except ValueError as error:
        msg = f"of {who}: {name} {error}"
        raise ValueError(msg) from None


def _url(node: yaml.Node) -> str:
    text = _scalar(node)
    if not re.match(r"[a-z][a-z0-9+.-]*://", text):
        msg = f"is a URL with its scheme (https://…, file://…), not {text!r}"
        raise ValueError(msg)
    return text.rstrip("/")


SANDBOXES = ("auto", "none", "landlock", "bubblewrap", "unit")


def _sandbox(node: yaml.Node) -> str:
    text = _scalar(node)
    if text not in SANDBOXES:
        msg = f"is one of {', '.join(SANDBOXES)}, not {text!r}"
        raise ValueError(msg)
    return text


def _image_base(node: yaml.Node) -> str:
    text = _scalar(node)
    if text in ("host", "none"):
        return text
    path = _expanded(text)
    if not path.is_absolute():
        msg = f"is host, none or an absolute path, not {text!r}"
        raise ValueError(msg)
    return str(path)


def parse_address(text: str) -> str:
    """`host:port`, `[::1]:port` or `unix:/path` as it was given; ValueError when it is no place to listen at."""
    is_socket = re.fullmatch(r"unix:/.+", text)
    match = re.fullmatch(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})", text)
    if not is_socket and not (match and int(match[1]) < 1 << 16):
        msg = f"is host:port or unix:/path, not {text!r}"
        raise ValueError(msg)
    return text


def _addresses(node: yaml.Node) -> tuple[str, ...]:
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not nodes:
        msg = "is host:port or unix:/path, or a list of them"
        raise ValueError(msg)
    return tuple(parse_address(_scalar(item)) for item in nodes)


READERS: dict[str, Callable[[yaml.Node], Any]] = {
    "state": _path,
    "jobs": _count,
    "attempts": _count,
    "backoff_initial_seconds": lambda node: parse_duration(_scalar(node)),
    "backoff_cap_seconds": lambda node: parse_duration(_scalar(node)),
    "build_wall_seconds": lambda node: parse_duration(_scalar(node)),
    "build_memory_bytes": lambda node: parse_size(_scalar(node)),
    "build_processes": lambda node: _count(node, least=0),
    "build_file_bytes": lambda node: parse_size(_scalar(node)),
    "sandbox": _sandbox,
    "default_channels": _words,
    "channel_alias": _url,
    "allow_other": _truth,
    "specs_mode": _mode,
    "specs_group": _scalar,
    "quota_environments": _LIMITS["environments"][1],
    "quota_builds_per_day": _LIMITS["builds-per-day"][1],
    "quota_bytes": _LIMITS["bytes"][1],
    "quotas": _quotas,
    "image_base": _image_base,
    "gc_keep_generations": lambda node: _count(node, 0),
    "gc_keep_days": lambda node: parse_days(_scalar(node)),
    "gc_keep_packages_days": lambda node: parse_days(_scalar(node)),
    "gc_free_bytes": lambda node: parse_size(_scalar(node)),
    "gc_request": _path,
    "catalog_group": _scalar,
    "builder_socket": _path,
    "http_bind": _addresses,
    "http_url": _url,
    "http_directory": _path,
    "http_open": _truth,
    "http_ui": _path,
    "http_dynamic": _truth,
    "watch": _paths,
    "watch_retire": _truth,
}
"""Field of `Settings` -> reader of its value."""
