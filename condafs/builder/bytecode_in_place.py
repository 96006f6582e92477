"""Bytecode of modules that only one environment has: compiled in place, of the final files, by its own python."""

import os
from collections.abc import Iterable
from pathlib import Path

from condafs.builder.bytecode_cache import bytecode_path
from condafs.builder.compilers import Compiled, CompilerError, Compilers, Source
from condafs.builder.interpreter import Interpreter
from condafs.builder.transcript import Transcript
from condafs.builder.workplace import Workplace
from condafs.prefix.beneath import Beneath, remove_file
from condafs.prefix.layout import CLOBBERS
from condafs.prefix.removal import list_tree


def compile_in_place(
    interpreter: Interpreter, prefix: Path, modules: Iterable[str], workplace: Workplace, transcript: Transcript
) -> list[str]:
    """Compile modules of an environment; what does not compile is noted in the log and left alone.

    Args:
        interpreter: The environment's.
        prefix: The environment.
        modules: Relative to site-packages.
        workplace: Where it runs.
        transcript: Told what does not compile.

    Returns:
        Where the bytecode is, relative to the prefix; of what does not compile there is none.

    Raises:
        OSError: no room, for one.
        UnsoundPrefixError: A package leads elsewhere on the way to a module.
    """
    chosen = list(modules)
    if not chosen:
        return []
    try:
        compilers = Compilers(prefix / interpreter.executable, workplace.keeper, workplace.view_of_compilers_in_place())
    except CompilerError as error:
        transcript.note(f"bytecode: {error}")
        return []
    results: list[Compiled] = []
    site_packages = interpreter.site_packages
    try:
        _make_room(prefix, site_packages, [bytecode_path(module, compilers.tag) for module in chosen])
        compilers.compile([_source(prefix / site_packages, module, compilers.tag) for module in chosen], results.append)
    finally:
        compilers.end()
    for result in results:
        if result.error:
            raise result.error
        for path, why in result.failed:
            transcript.note(f"bytecode: {path} does not compile, {why}")
    return [f"{site_packages}/{bytecode_path(module, compilers.tag)}" for module in chosen]


def contested_modules(prefix: Path, site_packages: str) -> list[str]:
    """Modules that more than one package ships: their bytecode may be of the one that lost.

    rattler moves the losers to `__clobbers__/<package>/<path>`.

    Args:
        prefix: The environment.
        site_packages: Relative to it.

    Returns:
        Relative to site_packages.
    """
    losers = f"{prefix / CLOBBERS}/"
    begin = f"{site_packages}/"
    found = set()
    for directory, names in list_tree(losers):
        path = directory.removeprefix(losers).partition("/")[2]
        if f"{path}/".startswith(begin):
            found |= {f"{path}/{name}".removeprefix(begin) for name in names if name.endswith(".py")}
    return sorted(found)


def modules_without_bytecode(site_packages: Path) -> list[str]:
    """Modules that no bytecode lies beside, of whatever python: what pip brought, mostly."""
    top = f"{site_packages}/"
    found = []
    for directory, names in list_tree(top):
        modules = [name for name in names if name.endswith(".py")]
        if not modules:
            continue
        cache = Path(directory, "__pycache__")
        compiled = {name.split(".")[0] for name in os.listdir(cache)} if cache.is_dir() else set()  # noqa: PTH208
        below = directory.removeprefix(top)
        found += [f"{below}/{name}" if below else name for name in modules if name[:-3] not in compiled]
    return found


def _make_room(prefix: Path, site_packages: str, targets: Iterable[str]) -> None:
    """Remove what lies where bytecode is to be: a link into the bytecode cache must not be written through."""
    with Beneath(prefix, site_packages) as place:
        for target in targets:
            directory, _, name = target.rpartition("/")
            remove_file(place.open(directory), name)


def _source(site_packages: Path, module: str, tag: str) -> Source:
    return Source(str(site_packages / module), module, str(site_packages / bytecode_path(module, tag)))
