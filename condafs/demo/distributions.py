"""The pure-Python distributions beside the running interpreter, as `noarch: python` packages.

A distribution qualifies when it came from a wheel for any machine and lies below site-packages as a whole, its
programs aside, and when everything that it requires here qualifies as well: what the channel offers can be installed
and works.
"""

import configparser
import csv
import io
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from email import message_from_bytes, message_from_string
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

from condafs.demo.markers import conda_dependency, conda_name, conda_version
from condafs.demo.package import Package, PackageFile

_COMPILED = (".so", ".pyd", ".dylib", ".a", ".o")
_LEFT_OUT = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""Files of a dist-info that tell how it came here, not what it is."""


def pure_packages(found: Iterable[Distribution] | None = None) -> list[Package]:
    """Every distribution on the import path that qualifies, sorted by name."""
    packages: dict[str, Package] = {}
    for distribution in distributions() if found is None else found:
        package = _package(distribution)
        if package and package.name not in packages:  # the first on the path is the one that imports find
            packages[package.name] = package
    return _complete(packages)


def bundled_pip(folders: Iterable[Path] | None = None) -> Package | None:
    """The pip from the wheel that comes with the interpreter; None when it has none (Debian without python3-venv).

    Args:
        folders: Where wheels are looked for; None for the places where interpreters keep them.
    """
    wheels = [wheel for folder in folders or _wheel_folders() for wheel in sorted(folder.glob("pip-*.whl"))]
    return _wheel_package(wheels[0]) if wheels else None


def _wheel_folders() -> list[Path]:
    folders = [Path(sysconfig.get_path("stdlib")) / "ensurepip" / "_bundled"]
    elsewhere = sysconfig.get_config_var("WHEEL_PKG_DIR")  # distributions that share one wheel among pythons
    return [Path(elsewhere), *folders] if elsewhere else folders


def _complete(packages: dict[str, Package]) -> list[Package]:
    """Those of `packages` whose dependencies are all there, again until nothing more falls out."""
    known = {"python"} | set(packages)
    kept = {
        name: package
        for name, package in packages.items()
        if all(dependency.split()[0] in known for dependency in package.depends)
    }
    return [kept[name] for name in sorted(kept)] if len(kept) == len(packages) else _complete(kept)


def _package(distribution: Distribution) -> Package | None:
    if not _is_for_any_machine(distribution.read_text("WHEEL") or ""):
        return None
    files = list(_installed_files(distribution))
    if any(not _is_portable(file.path) for file in files):
        return None
    metadata = (distribution.read_text("METADATA") or "").encode()
    return _described(metadata, distribution.read_text("entry_points.txt") or "", files)


def _is_for_any_machine(wheel: str) -> bool:
    """Whether a WHEEL file says pure and gives no platform (a program like ruff is "pure", but not for any machine)."""
    tags = message_from_string(wheel).get_all("Tag", [])
    return bool(tags) and all(tag.endswith("-none-any") for tag in tags)


def _installed_files(distribution: Distribution) -> Iterator[PackageFile]:
    """Files as RECORD lists them, below `site-packages/`; a path that leads out of it says so by its `..`."""
    for record in distribution.files or ():
        path = PurePosixPath(record)
        is_program = len(path.parts) > 1 and path.parts[-2] == "bin" and path.parts[0] == ".."
        is_bytecode = path.suffix == ".pyc"
        is_about_installation = path.parts[0].endswith(".dist-info") and path.name in _LEFT_OUT
        if is_bytecode or is_about_installation or is_program:
            continue  # programs are made again from the entry points
        source = Path(str(distribution.locate_file(record)))
        yield PackageFile(f"site-packages/{path}", source if source.is_file() else b"")


def _is_portable(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return ".." not in parts and not path.endswith(_COMPILED) and not path.endswith(".pth")


def _wheel_package(wheel: Path) -> Package | None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        info = next(name for name in names if name.endswith(".dist-info/METADATA")).rpartition("/")[0]
        files = [
            PackageFile(f"site-packages/{name}", archive.read(name))
            for name in names
            if PurePosixPath(name).name not in _LEFT_OUT
        ]
        entry_points = f"{info}/entry_points.txt"
        scripts = archive.read(entry_points).decode() if entry_points in names else ""
        return _described(archive.read(f"{info}/METADATA"), scripts, files)


def _described(metadata: bytes, entry_points: str, files: list[PackageFile]) -> Package | None:
    headers = message_from_bytes(metadata)
    if not headers["Name"] or not headers["Version"]:
        return None
    info = next(PurePosixPath(file.path).parent for file in files if ".dist-info/" in file.path)
    files.append(PackageFile(f"{info}/INSTALLER", b"conda\n"))
    files.append(_record(info, files))
    return Package(
        conda_name(headers["Name"]),
        headers["Version"].replace("-", "_"),
        tuple(replace(file, mode=0o644) for file in sorted(files, key=lambda file: file.path)),
        build="pyhd8ed1ab_0",
        depends=_dependencies(headers),
        noarch="python",
        entry_points=_programs(entry_points),
        summary=headers["Summary"] or "",
        license=headers["License-Expression"] or "",
    )


def _record(info: PurePosixPath, files: list[PackageFile]) -> PackageFile:
    """A RECORD without sums, which pip needs to list and to check what is installed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    own = f"{info}/RECORD"
    writer.writerows((path.removeprefix("site-packages/"), "", "") for path in [*(f.path for f in files), own])
    return PackageFile(own, text.getvalue().encode())


def _dependencies(headers: Message) -> tuple[str, ...]:
    python = f"python {conda_version(headers['Requires-Python'] or '>=3.8')}"
    pairs = filter(None, map(conda_dependency, headers.get_all("Requires-Dist", [])))
    return (python, *sorted({f"{name} {version}".rstrip() for name, version in pairs}))


def _programs(entry_points: str) -> tuple[str, ...]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign] # names of programs keep their case
    parser.read_string(entry_points)
    section = parser["console_scripts"] if parser.has_section("console_scripts") else {}
    return tuple(f"{name} = {target.partition('[')[0].strip()}" for name, target in sorted(section.items()))
