"""Bytecode of modules that only one environment has: compiled in place, of the final files, by its own python."""

import os
from collections.abc import Iterable
from pathlib import Path

from condafs.builder.bytecode_cache import bytecode_path
from condafs.builder.compilers import Compiled, CompilerError, Compilers, Source
from condafs.builder.transcript import Transcript
from condafs.builder.workplace import Workplace
from condafs.prefix.layout import CLOBBERS


def compile_in_place(
    python: Path, site_packages: Path, modules: Iterable[str], workplace: Workplace, transcript: Transcript
) -> list[str]:
    """Compile modules of an environment; what does not compile is noted in the log and left alone.

    Args:
        python: The environment's.
        site_packages: Absolute path.
        modules: Relative to site_packages.
        workplace: Where it runs.
        transcript: Told what does not compile.

    Returns:
        Where the bytecode is, relative to site_packages; of what does not compile there is none.

    Raises:
        OSError: no room, for one.
    """
    chosen = list(modules)
    if not chosen:
        return []
    try:
        compilers = Compilers(python, workplace.keeper, workplace.view_of_compilers_in_place())
    except CompilerError as error:
        transcript.note(f"bytecode: {error}")
        return []
    results: list[Compiled] = []
    compilers.compile([_source(site_packages, module, compilers.tag) for module in chosen], results.append)
    compilers.end()
    for result in results:
        if result.error:
            raise result.error
        for path, why in result.failed:
            transcript.note(f"bytecode: {path} does not compile, {why}")
    return [bytecode_path(module, compilers.tag) for module in chosen]


def contested_modules(prefix: Path, site_packages: str) -> list[str]:
    """Modules that more than one package ships: their bytecode may be of the one that lost.

    rattler moves the losers to `__clobbers__/<package>/<path>`.

    Args:
        prefix: The environment.
        site_packages: Relative to it.

    Returns:
        Relative to site_packages.
    """
    losers = prefix / CLOBBERS
    paths = {path.relative_to(losers).parts[1:] for path in losers.rglob("*.py")}
    begin = Path(site_packages).parts
    return sorted("/".join(parts[len(begin) :]) for parts in paths if parts[: len(begin)] == begin)


def modules_without_bytecode(site_packages: Path) -> list[str]:
    """Modules that no bytecode lies beside, of whatever python: what pip brought, mostly."""
    found = []
    for directory, _, names in os.walk(site_packages):
        modules = [name for name in names if name.endswith(".py")]
        if not modules:
            continue
        cache = Path(directory, "__pycache__")
        compiled = {name.split(".")[0] for name in os.listdir(cache)} if cache.is_dir() else set()  # noqa: PTH208
        relative = os.path.relpath(directory, site_packages)
        found += [os.path.normpath(f"{relative}/{name}") for name in modules if name[:-3] not in compiled]
    return found


def _source(site_packages: Path, module: str, tag: str) -> Source:
    target = site_packages / bytecode_path(module, tag)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # a link into the bytecode cache must not be written through
    return Source(str(site_packages / module), module, str(target))
