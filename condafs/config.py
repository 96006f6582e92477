"""Settings: what a machine's administrator or a user decides, read once, handed down as a value.

File format: YAML, keys as the fields below with dashes; unknown keys and wrong types are errors that name the key and
the place. Nothing below the daemon reads a file or the environment for settings::

    state: /srv/condafs           # a path: absolute, or from ~
    jobs: 4                       # a whole number
    build-memory-bytes: 8G        # a size: bytes, or K, M, G, T (powers of 1024)
    build-wall-seconds: 2h        # a duration: seconds, or parts with ms, s, m, h, d (`1h30m`)
    default-channels: [bioconda, conda-forge]
    allow-other: yes              # yes or no
    specs-mode: 3775              # permission bits, octal
"""

import difflib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from condafs.errors import NotFoundError, Position, SpecificationError, UserError


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be decided; the defaults suit one person's machine.

    Attributes:
        state: Directory of catalog, specs, builds, packages, logs.
        jobs: Builds at a time.
        attempts: Tries of a build that fails for a passing reason, the first included.
        backoff_initial_seconds, backoff_cap_seconds: First wait, doubled each time, up to the cap; jitter is added.
        build_wall_seconds, build_memory_bytes: Limits of one build; 0 for none.
        default_channels: For specifications that name none.
        channel_alias: URL that plain channel names are below.
        allow_other: Whether other users see the mount; None: when running as root.
        specs_mode: Permission bits of `.specs`, `.logs` and the root.
    """

    state: Path
    jobs: int = field(default_factory=_cores)
    attempts: int = 5
    backoff_initial_seconds: float = 5
    backoff_cap_seconds: float = 600
    build_wall_seconds: float = 4 * 3600
    build_memory_bytes: int = 0
    default_channels: tuple[str, ...] = ("conda-forge",)
    channel_alias: str = "https://conda.anaconda.org"
    allow_other: bool | None = None
    specs_mode: int = 0o1777

    @property
    def catalog(self) -> Path:
        """LMDB."""
        return self.state / "catalog"

    @property
    def specs(self) -> Path:
        """The files of `.specs`, byte for byte."""
        return self.state / "specs"

    @property
    def builds(self) -> Path:
        """Sealed prefixes."""
        return self.state / "builds"

    @property
    def packages(self) -> Path:
        """Package, repodata and bytecode cache."""
        return self.state / "packages"

    @property
    def logs(self) -> Path:
        """One log a build."""
        return self.state / "logs"


def default_state() -> Path:
    """`/var/lib/condafs` for root, `$XDG_DATA_HOME/condafs` (`~/.local/share/condafs`) for everybody else."""
    if os.geteuid() == 0:
        return Path("/var/lib/condafs")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "condafs"


def machine_platform() -> str:
    """Conda's word for this machine, as `linux-64` or `linux-aarch64` (conda's `subdir`)."""
    machine = os.uname().machine
    return f"linux-{ {'x86_64': '64', 'i686': '32'}.get(machine, machine) }"


def default_settings_file() -> Path:
    """`/etc/condafs.yaml` for root, `$XDG_CONFIG_HOME/condafs.yaml` (`~/.config/condafs.yaml`) for everybody else."""
    if os.geteuid() == 0:
        return Path("/etc/condafs.yaml")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "condafs.yaml"


def load_settings(path: Path | None = None, state: Path | None = None) -> Settings:
    """Read the settings file.

    Args:
        path: The file; None: `default_settings_file()`, which need not exist.
        state: State directory that is stronger than the file's.

    Raises:
        NotFoundError: A file that was asked for is not there.
        UserError: The file cannot be read or is refused; the text has line, column and caret.
    """
    source = path or default_settings_file()
    defaults = Settings(state=default_state())
    try:
        text = source.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if path:
            msg = f"there is no settings file {path}"
            raise NotFoundError(msg) from None
        settings = defaults
    except (OSError, UnicodeError) as error:
        msg = f"cannot read the settings file {source}: {error}"
        raise UserError(msg) from None
    else:
        try:
            settings = parse_settings(text, defaults)
        except SpecificationError as error:
            raise UserError(error.render(str(source)).rstrip()) from None
    return replace(settings, state=Path(os.path.abspath(state))) if state else settings  # noqa: PTH100 - links stay


def parse_settings(text: str, defaults: Settings) -> Settings:
    """The settings that a text describes; what it leaves out is as in `defaults`.

    Raises:
        SpecificationError: Not YAML, an unknown or repeated key, a value of the wrong type or out of range.
    """
    values: dict[str, Any] = {}
    for key, node in _entries(text):
        field_name = _field_of(key, text)
        if field_name in values:
            msg = f"the key `{key.value}` stands here a second time"
            raise _refusal(msg, key, text)
        try:
            values[field_name] = _READERS[field_name](node)
        except ValueError as error:
            msg = f"`{key.value}` {error}"
            raise _refusal(msg, node, text) from None
    settings = replace(defaults, **values)
    if settings.backoff_cap_seconds < settings.backoff_initial_seconds:
        msg = "`backoff-cap-seconds` is shorter than `backoff-initial-seconds`"
        raise SpecificationError(msg)
    return settings


def _entries(text: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        msg = f"this is not YAML: {error.problem}"
        raise SpecificationError(msg, _position(mark, text)) from None
    except yaml.YAMLError as error:
        msg = f"this is not YAML: {error}"
        raise SpecificationError(msg) from None
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return []
    if not isinstance(root, yaml.MappingNode):
        msg = "settings are `key: value` lines"
        raise _refusal(msg, root, text)
    for key, _ in root.value:
        if not isinstance(key, yaml.ScalarNode):
            msg = "a key must be a plain word"
            raise _refusal(msg, key, text)
    return list(root.value)


def _field_of(key: yaml.ScalarNode, text: str) -> str:
    known = {name.replace("_", "-"): name for name in _READERS}
    if key.value in known:
        return known[key.value]
    near = difflib.get_close_matches(key.value.replace("_", "-").lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(known)}"
    msg = f"there is no setting `{key.value}`"
    raise _refusal(msg, key, text, hint)


def _refusal(message: str, node: yaml.Node, text: str, hint: str | None = None) -> SpecificationError:
    return SpecificationError(message, _position(node.start_mark, text), hint)


def _position(mark: yaml.Mark | None, text: str) -> Position | None:
    if mark is None:
        return None
    lines = text.splitlines() or [""]
    line = min(mark.line, len(lines) - 1)
    return Position(line + 1, mark.column + 1, lines[line])


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


def _path(node: yaml.Node) -> Path:
    path = Path(_scalar(node)).expanduser()
    if not path.is_absolute():
        msg = f"is an absolute path, not {str(path)!r}"
        raise ValueError(msg)
    return path


def _count(node: yaml.Node) -> int:
    text = _scalar(node)
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < 1:
        msg = f"is a whole number from 1, not {text!r}"
        raise ValueError(msg)
    return int(text)


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


def _words(node: yaml.Node) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        msg = "is a list, as in [bioconda, conda-forge]"
        raise ValueError(msg)
    return tuple(_scalar(item) for item in node.value)


def _url(node: yaml.Node) -> str:
    text = _scalar(node)
    if not re.match(r"[a-z][a-z0-9+.-]*://", text):
        msg = f"is a URL with its scheme (https://…, file://…), not {text!r}"
        raise ValueError(msg)
    return text.rstrip("/")


_READERS: dict[str, Callable[[yaml.Node], Any]] = {
    "state": _path,
    "jobs": _count,
    "attempts": _count,
    "backoff_initial_seconds": lambda node: parse_duration(_scalar(node)),
    "backoff_cap_seconds": lambda node: parse_duration(_scalar(node)),
    "build_wall_seconds": lambda node: parse_duration(_scalar(node)),
    "build_memory_bytes": lambda node: parse_size(_scalar(node)),
    "default_channels": _words,
    "channel_alias": _url,
    "allow_other": _truth,
    "specs_mode": _mode,
}
