"""Which builds `condafs verify` is about: those that names stand for under a mount, or in a state directory."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount, is_answering
from condafs.config import load_settings
from condafs.errors import InvalidNameError, NotFoundError
from condafs.names import BuildName
from condafs.prefix.marker import is_finished


@dataclass(frozen=True, slots=True)
class Subject:
    """One build: its prefix, and the mount that shows it, if that is how it was found."""

    prefix: Path
    envs: Envs | None = None

    @property
    def build(self) -> BuildName:
        """Its name."""
        return BuildName.parse(self.prefix.name)

    @property
    def label(self) -> str:
        """`foo@3f2a9c1d77e0`."""
        return f"{self.build.name}@{self.build.digest.short}"

    @property
    def state(self) -> Path:
        """The state directory that it is in."""
        return self.prefix.parent.parent


def find_subjects(names: Sequence[str], mount: Path | None, state: Path | None) -> list[Subject]:
    """The builds, each once, in the order of the names; all when there are none.

    Args:
        names: References.
        mount: Where they are shown.
        state: The state directory to look into; None for what the mount leads to.

    Raises:
        NotFoundError: A name that stands for no build.
    """
    if state is None:
        envs = Envs(find_mount(mount))
        prefixes = [envs.prefix(name) for name in names] if names else _all_of(envs)
        return [Subject(prefix, envs) for prefix in dict.fromkeys(prefixes)]
    builds = load_settings(None, state).builds
    there = _finished(builds)
    found = [path for name in names for path in _chosen(there, name, builds)] if names else there
    shown = Envs(mount) if mount and is_answering(mount) else None
    return [Subject(prefix, shown if shown and _shows(shown, prefix) else None) for prefix in dict.fromkeys(found)]


def _shows(envs: Envs, prefix: Path) -> bool:
    """Whether a mount is of this build's state directory: its daemon can make it again."""
    try:
        return envs.prefix(prefix.name).samefile(prefix)
    except (NotFoundError, OSError):
        return False


def _all_of(envs: Envs) -> list[Path]:
    return [envs.prefix(str(generation.build)) for name in envs.names() for generation in envs.history(name)]


def _finished(builds: Path) -> list[Path]:
    """Every prefix that says it is complete, by name and time."""
    try:
        found = [builds / name for name in os.listdir(builds)]  # noqa: PTH208 - names, not paths
    except FileNotFoundError:
        return []
    return sorted((path for path in found if _is_build(path)), key=lambda path: (path.name[65:], path.name))


def _is_build(path: Path) -> bool:
    try:
        BuildName.parse(path.name)
    except InvalidNameError:
        return False
    return is_finished(path)


def _chosen(prefixes: Iterable[Path], name: str, builds: Path) -> list[Path]:
    wanted, _, digits = name.partition("@")
    found = [
        path for path in prefixes if name == path.name or (path.name[65:] == wanted and path.name.startswith(digits))
    ]
    if not found:
        msg = f"{name} is no build in {builds}. See: ls {builds}"
        raise NotFoundError(msg)
    return found
