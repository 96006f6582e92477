"""The settings file: found, read, refused with its place.

Format: YAML, keys as the fields of `Settings` with dashes; unknown keys and wrong types are errors that name the key
and the place::

    state: /srv/condafs           # a path: absolute, or from ~
    jobs: 4                       # a whole number
    build-memory-bytes: 8G        # a size: bytes, or K, M, G, T (powers of 1024)
    build-processes: 1000         # 0: no limit
    sandbox: bubblewrap           # auto, none, landlock, bubblewrap or unit: the least that builds are made in
    build-wall-seconds: 2h        # a duration: seconds, or parts with ms, s, m, h, d (`1h30m`)
    default-channels: [bioconda, conda-forge]
    allow-other: yes              # yes or no
    specs-mode: 3775              # permission bits, octal
    specs-group: condafs          # whose members may write
    quota-bytes: 20G              # for each user; quota-environments and quota-builds-per-day are numbers
    quotas: {ann: {environments: none}, "@students": {environments: 3, bytes: 5G}}
    image-base: none              # host, none, or a path
    gc-keep-days: 90              # a number of days
    catalog-group: condafs-http   # who may read the catalog: the HTTP server's group
    builder-socket: /run/condafs-build/socket  # builders are started behind it, as another user
    http-bind: [127.0.0.1:8080, "unix:/run/condafs-http/socket"]
    http-open: no                 # reading needs a token, too
    watch: [/srv/specs]           # a path, or several
"""

import difflib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from condafs.config.settings import Settings, default_settings_file, default_state
from condafs.config.values import READERS
from condafs.errors import NotFoundError, Position, SpecificationError, UserError


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
            values[field_name] = READERS[field_name](node)
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
    known = {name.replace("_", "-"): name for name in READERS}
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
