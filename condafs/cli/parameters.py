"""What several commands take: the mount, a name, a wish for JSON; and how the shell completes names."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter
from cyclopts.completion import CompletionContext

from condafs.client.mountpoint import find_mount
from condafs.errors import CondafsError, UserError

ValueT = TypeVar("ValueT")

_GENERATION_LINK = re.compile(r"(\d+)-([0-9a-f]+)")


def mount_of(context: CompletionContext) -> Path:
    """The mount of the command that is being completed."""
    typed = context.get("mount")
    return find_mount(Path(typed.raw) if typed and typed.raw else None)


def complete_names(context: CompletionContext) -> Iterator[str]:
    """The environments of the mount; the shell filters them by what was typed."""
    try:
        yield from sorted(entry.name for entry in (mount_of(context) / ".status").iterdir())
    except (CondafsError, OSError):
        return


def complete_references(context: CompletionContext) -> Iterator[str]:
    """Names; after `foo@` the builds of foo."""
    name, separator, _ = context.incomplete.partition("@")
    if not separator:
        yield from complete_names(context)
        return
    try:
        for entry in sorted((mount_of(context) / ".history" / name).iterdir()):
            yield f"{name}@{entry.name.partition('-')[2]}"
    except (CondafsError, OSError):
        return


def complete_generations(context: CompletionContext) -> Iterator[tuple[str, str]]:
    """The generations of the environment named before, each with its digest."""
    name = context["name"].raw
    try:
        for entry in (mount_of(context) / ".history" / str(name)).iterdir():
            if match := _GENERATION_LINK.fullmatch(entry.name):
                yield match[1], match[2]
    except (CondafsError, OSError):
        return


def value_of(option: str, parse: Callable[[str], ValueT], text: str) -> ValueT:
    """What was given to an option.

    Args:
        option: As it is typed, `--days`.
        parse: Reads it, or raises a ValueError whose text goes on from the option: `is a size such as 8G`.
        text: As it was typed.

    Raises:
        UserError: It cannot be read.
    """
    try:
        return parse(text)
    except ValueError as error:
        msg = f"{option} {error}"
        raise UserError(msg) from None


MountOption = Annotated[
    Path | None,
    Parameter(name="--mount", env_var="CONDAFS_MOUNT", help="The mount that is meant, when there are several."),
]
NameArgument = Annotated[str, Parameter(completer=complete_names, help="Name of an environment.")]
ReferenceArgument = Annotated[
    str, Parameter(completer=complete_references, help="foo, foo@-1, foo@3f2a9c1d77e0, or the full name of a build.")
]
JsonOption = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for programs.")]


def separate_command(arguments: Sequence[str]) -> list[str]:
    """Put `--` before the command of `condafs run NAME CMD …`, so that no option of CMD is taken for one of ours."""
    words = list(arguments)
    position, is_name_seen = 1, False
    while words[:1] == ["run"] and position < len(words):
        word = words[position]
        if word == "--mount":
            position += 2
        elif word.startswith("--mount="):
            position += 1
        elif word.startswith("-"):
            break  # `--` stands there already; or --help, or something to complain about
        elif is_name_seen:
            return [*words[:position], "--", *words[position:]]
        else:
            is_name_seen, position = True, position + 1
    return words
