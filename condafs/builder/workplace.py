"""Where packages' programs work: what they may see of this build, and directories of theirs that go with it.

Layout of a scratch directory, one a build, below `packages/.drafts/`::

    home/       empty; HOME of a caged program
    tmp/        TMPDIR of everything
    pip/        requirements, and pip's report
    bytecode/   modules that are being compiled
    compiled/   those that were; compilers do not see them
    own/        bytecode that is for this environment alone
    pip-cache/  pip's own
"""

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from condafs.builder.cache import Cache
from condafs.builder.cage.keeper import Keeper
from condafs.builder.cage.level import Level, Reached
from condafs.builder.cage.public import look_for_public
from condafs.builder.cage.view import View, paths_in_lines, paths_in_variables, system_paths
from condafs.prefix.removal import remove_if_possible

_PIP_FILES = (".config/pip/pip.conf", ".pip/pip.conf")
"""A user's settings of pip (pip's documentation, "Configuration"): the first that is there reaches pip in its cage."""


class Workplace:
    """The surroundings of what one build runs; its scratch directory is there while it is entered.

    Args:
        prefix: The environment in the making.
        cache: The package cache.
        keeper: Starts programs.
        reached: The cage that the keeper has.
        is_shared: Whether other users than this one have environments made.
    """

    def __init__(
        self, prefix: Path, cache: Cache, keeper: Keeper, reached: Reached, *, is_shared: bool = False
    ) -> None:
        self.keeper = keeper
        self.reached = reached
        self._prefix = prefix
        self._cache = cache
        self._is_shared = is_shared
        self._scratch = cache.drafts
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._cache.make()
        self._scratch = Path(tempfile.mkdtemp(prefix="build-", dir=self._cache.drafts))
        self._stack.callback(remove_if_possible, self._scratch)
        for name in ("home", "tmp", "pip", "bytecode", "compiled"):
            (self._scratch / name).mkdir()
        os.environ["TMPDIR"] = str(self._scratch / "tmp")  # rattler's, too
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def pip(self) -> Path:
        """For requirements, and what pip says."""
        return self._scratch / "pip"

    @property
    def bytecode(self) -> Path:
        """For modules that are being compiled."""
        return self._scratch / "bytecode"

    @property
    def compiled_bytecode(self) -> Path:
        """For modules that were compiled, where no compiler can change them any more."""
        return self._scratch / "compiled"

    @property
    def own_bytecode(self) -> Path:
        """For what no other environment is to have; as the bytecode cache, and not there before it is needed."""
        return self._scratch / "own"

    @property
    def pip_cache(self) -> Path:
        """Pip's own. It believes what it finds there, and whatever it builds may write there.

        So one build's is not the next one's. Where nothing is kept from programs anyhow, it is one for all.
        """
        return self._scratch / "pip-cache" if self.is_caged else self._cache.pip

    @property
    def is_for_others(self) -> bool:
        """Whether specifications may be other people's: root and the service always build for everybody."""
        return self._is_shared or os.geteuid() == 0 or self.reached.level is Level.UNIT

    @property
    def is_caged(self) -> bool:
        """Whether anything is kept from programs."""
        return self.reached.level is not Level.NONE

    def places(self) -> dict[str, str]:
        """Variables that say where home is, and where temporary files go."""
        own = {"TMPDIR": str(self._scratch / "tmp")}
        return own | {"HOME": str(self._scratch / "home")} if self.is_caged else own

    def view_of_scripts(self) -> View:
        """Post-link scripts change the environment, and nothing else."""
        return View((self._prefix, self._scratch / "home", self._scratch / "tmp"))

    def view_of_compilers(self) -> View:
        """The environment's python reads packages, and compiles their modules in the scratch directory."""
        return View((self.bytecode,), (self._cache.extracted, self._prefix))

    def view_of_compilers_in_place(self) -> View:
        """It compiles modules that only the environment has where they are."""
        return View((self._prefix,))

    def view_of_pip(self, texts: Sequence[str]) -> View:
        """Pip talks to the network, and builds what it downloads.

        Args:
            texts: Files and directories that they name can be read, for others as far as everybody may.
        """
        self.pip_cache.mkdir(parents=True, exist_ok=True)
        own = (self._prefix, self._scratch / "home", self._scratch / "tmp", self.pip, self.pip_cache)
        named, ours = tuple(paths_in_lines(texts)), self._paths_of_settings()
        if self.is_for_others:
            return View(own, ours, named, has_network=True)
        return View(own, (*named, *ours), has_network=True)

    def hidden_from_pip(self, texts: Sequence[str]) -> dict[Path, str]:
        """What texts name and pip may not read, or not all of it, and why."""
        if not self.is_for_others or not self.is_caged:
            return {}
        readable = (*system_paths(has_network=True), *self._paths_of_settings())
        known = [Path(os.path.realpath(path)) for path in readable]
        return look_for_public(paths_in_lines(texts), known)

    def _paths_of_settings(self) -> tuple[Path, ...]:
        return tuple(paths_in_variables(self.settings_of_pip() | os.environ))

    def settings_of_pip(self) -> dict[str, str]:
        """The user's settings file, which a caged pip would not find, since home is elsewhere."""
        if not self.is_caged or "PIP_CONFIG_FILE" in os.environ:
            return {}
        home = Path(os.environ.get("HOME") or "/nonexistent")
        found = next((home / name for name in _PIP_FILES if (home / name).is_file()), None)
        return {"PIP_CONFIG_FILE": str(found)} if found else {}
