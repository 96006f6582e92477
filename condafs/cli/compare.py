"""`diff`: what differs between two builds."""

from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from condafs.cli.parameters import JsonOption, MountOption, ReferenceArgument
from condafs.cli.terminal import output, print_json, print_table, remarks
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.errors import NotFoundError
from condafs.prefix.contents import Change, InstalledPackage, compare_packages, read_packages
from condafs.wording import size_text

_MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def diff(
    before: ReferenceArgument,
    after: ReferenceArgument | None = None,
    /,
    *,
    json: JsonOption = False,
    mount: MountOption = None,
) -> None:
    """Show which packages differ between two builds.

    What was added, removed and changed on the way from the first to the second, and how much larger that made it.
    `condafs diff foo` shows what the last update of foo did. A number is a generation: `condafs diff 2 foo`.

    Args:
        before: foo, foo@-1, foo@3f2a9c1d77e0, the full name of a build, or a generation of the other environment.
        after: The same. Left out: the first one's build against the one before it.
        json: JSON for programs.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    if after is None:
        before, after = f"{before.partition('@')[0]}@-1", before
    old, new = _prefix(envs, before, after), _prefix(envs, after, before)
    changes = compare_packages(read_packages(old), read_packages(new))
    if json:
        print_json({"before": old.name, "after": new.name, "changes": [_document(change) for change in changes]})
        return
    remarks().print(f"from {_label(envs, old)}\nto   {_label(envs, new)}")
    if not changes:
        remarks().print("the same packages")
        return
    print_table(("", "PACKAGE", "BEFORE", "AFTER", "SIZE"), map(_row, changes), right=("SIZE",))
    counts = [f"{sum(change.kind == kind for change in changes)} {kind}" for kind in _MARKS]
    output().print(f"{', '.join(counts)}, {_signed(sum(change.size_bytes for change in changes))}")


def _prefix(envs: Envs, reference: str, other: str) -> Path:
    """A bare number is a generation of the environment that the other reference is about."""
    if not reference.isdecimal() or reference in envs.names():
        return envs.prefix(reference)
    if other.isdecimal():
        msg = f"{reference} and {other} are numbers: of which environment? For example: condafs diff {reference} foo"
        raise NotFoundError(msg)
    name = other.partition("@")[0]
    return envs.prefix(str(envs.generation(name, reference).build))


def _label(envs: Envs, prefix: Path) -> str:
    name = prefix.name[65:]
    number = next((item.number for item in envs.history(name) if str(item.build) == prefix.name), None)
    return f"{name}@{prefix.name[:12]}" + (f" (generation {number})" if number else "")


def _row(change: Change) -> list[str | Text]:
    mark, style = _MARKS[change.kind]
    return [
        Text(mark, style),
        Text(change.name, style),
        _version(change.before, change.after),
        _version(change.after, change.before),
        _signed(change.size_bytes),
    ]


def _version(package: InstalledPackage | None, other: InstalledPackage | None) -> str:
    """The version, with as much more as is needed to see the difference."""
    if package is None:
        return ""
    words = [package.version]
    if other and package.version == other.version:
        words.append(package.build if package.build != other.build else package.channel)
    return " ".join([*words, "(pip)"] if package.kind == "pypi" else words)


def _signed(size_bytes: int) -> str:
    return f"+{size_text(size_bytes)}" if size_bytes > 0 else size_text(size_bytes)


def _document(change: Change) -> dict[str, object]:
    return {"kind": change.kind, **asdict(change), "size_bytes": change.size_bytes}
