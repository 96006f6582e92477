"""Activation: a shell session that stays on one build until it says `deactivate`.

`bin/activate` (sourced by sh, bash, zsh) and `bin/activate.fish` name the sealed prefix, not where they were sourced
from: dash could not tell them, and a session must not move when the name does. The order is conda's
(conda/activate.py): variables first, those of `etc/conda/env_vars.d/*.json` by file name, then the specification's
own; then `etc/conda/activate.d/*`; leaving runs `deactivate.d` backwards before anything is restored.

What conda does not do: CONDA_PREFIX is the sealed prefix, so JUPYTER_PREFER_ENV_PATH=1 keeps Jupyter on the
environment's own kernels, and PYTHONHOME is unset, because it would undo the pinning.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from condafs.errors import UserError
from condafs.names import EnvironmentName
from condafs.prefix import fish_shell, posix_shell
from condafs.prefix.shell_session import HEADER, Session

POSIX_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
SHELLS = (*sorted(POSIX_SHELLS), "fish")

STATE = "conda-meta/state"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(
    {
        "PATH",
        "PS1",
        "CONDA_PREFIX",
        "CONDA_SHLVL",
        "CONDA_DEFAULT_ENV",
        "CONDA_PROMPT_MODIFIER",
        "JUPYTER_PREFER_ENV_PATH",
    }
)
"""Activation sets these itself; a value of somebody else's would leave the shell in two environments at once."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    file_name: str
    suffix: str


_POSIX = _Dialect("activate", ".sh")
_FISH = _Dialect("activate.fish", ".fish")
_LANGUAGES = ((_POSIX, posix_shell.render), (_FISH, fish_shell.render))


def write_activation(prefix: Path, name: EnvironmentName, variables: Mapping[str, str]) -> None:
    """Write `bin/activate` and `bin/activate.fish` unless packages bring them, and `conda-meta/state`.

    Args:
        prefix: Absolute path that the environment keeps; all packages are linked.
        name: What the prompt shows.
        variables: Of the specification.
    """
    for dialect, render in _LANGUAGES:
        path = prefix / "bin" / dialect.file_name
        if path.is_symlink() or (path.exists() and not _is_ours(path)):
            continue
        _write(path, render(_session(prefix, name, variables, dialect)))
    if variables:
        # conda's own place for them: `conda run -p`, `conda activate` and rattler read it as well.
        _write(prefix / STATE, format_state(variables))


def format_state(variables: Mapping[str, str]) -> str:
    """`conda-meta/state`."""
    return json.dumps({"version": 1, "env_vars": dict(variables)})


def render_activation(prefix: Path, name: EnvironmentName, variables: Mapping[str, str], shell: str) -> str:
    """The same as text, for `eval "$(condafs activate foo)"`.

    Args:
        prefix: The sealed prefix.
        name: What the prompt shows.
        variables: Of the specification; `read_variables` has those of a build.
        shell: One of `SHELLS`.

    Raises:
        UserError: when it is another shell.
    """
    if shell in POSIX_SHELLS:
        return posix_shell.render(_session(prefix, name, variables, _POSIX))
    if shell == "fish":
        return fish_shell.render(_session(prefix, name, variables, _FISH))
    msg = f"no activation for the shell {shell!r}: {', '.join(SHELLS)} are supported"
    raise UserError(msg)


def activation_elsewhere(prefix: Path, name: EnvironmentName, place: Path) -> dict[str, str]:
    """The scripts that `write_activation` wrote, as they would be if the prefix were elsewhere.

    Args:
        prefix: The sealed prefix.
        name: What the prompt shows.
        place: Absolute path that is written into them.

    Returns:
        Path below the prefix -> text; without those that packages bring.
    """
    variables = read_variables(prefix)
    return {
        f"bin/{dialect.file_name}": render(_session(prefix, name, variables, dialect, place))
        for dialect, render in _LANGUAGES
        if (path := prefix / "bin" / dialect.file_name).is_file() and not path.is_symlink() and _is_ours(path)
    }


def read_variables(prefix: Path) -> dict[str, str]:
    """The variables of the specification that a build was made from."""
    return _read_variables(prefix / STATE, "env_vars")


def environment_variables(prefix: Path, variables: Mapping[str, str], place: Path | None = None) -> dict[str, str]:
    """What activation sets for the packages and the specification, in order; a later one replaces an earlier.

    Names that no shell can set, values with NUL and what activation sets itself are left out. Where a package's value
    has the prefix written into it, `place` stands there, if given.
    """
    merged: dict[str, str] = {}
    for path in sorted((prefix / "etc/conda/env_vars.d").glob("*.json")):
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(prefix)):
            continue  # what a link makes of another file is for nobody to read here
        found = _read_variables(path)
        merged |= {name: value.replace(str(prefix), str(place or prefix)) for name, value in found.items()}
    merged |= variables
    return {
        name: value
        for name, value in merged.items()
        if _VARIABLE.fullmatch(name) and name not in _RESERVED and "\0" not in value
    }


def _session(
    prefix: Path, name: EnvironmentName, variables: Mapping[str, str], dialect: _Dialect, place: Path | None = None
) -> Session:
    """What activation does for a prefix, or would if that were at another place."""
    seen = place or prefix

    def scripts(directory: str) -> list[str]:
        found = (prefix / "etc/conda" / directory).glob(f"*{dialect.suffix}")
        return sorted(str(seen / path.relative_to(prefix)) for path in found)

    return Session(
        prefix=str(seen),
        name=name.text,
        variables=environment_variables(prefix, variables, place),
        activate_scripts=tuple(scripts("activate.d")),
        deactivate_scripts=tuple(reversed(scripts("deactivate.d"))),
    )


def _read_variables(path: Path, key: str | None = None) -> dict[str, str]:
    """Strings of a JSON object; a file that is none is a package's mistake and no reason to have no environment."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    variables = document.get(key) if key and isinstance(document, dict) else document
    if not isinstance(variables, dict):
        return {}
    return {name: value for name, value in variables.items() if isinstance(value, str)}


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().startswith(HEADER.encode())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # it may be a hard link into the package cache
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
