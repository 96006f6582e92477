"""What can be done to a machine: each step knows whether it is needed, and says what it is before it is taken.

A list of steps is a plan: `--dry-run` prints it, everything else takes it step by step. Steps look at the machine when
they are asked, not when they are made, because those before them change it.
"""

import contextlib
import os
import pwd
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from condafs.errors import MachineError
from condafs.prefix.removal import remove_tree


class Result(StrEnum):
    """What became of a step."""

    DONE = "done"
    UNCHANGED = "unchanged"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes:
        text: What it does, as a command to somebody: `write /etc/condafs.yaml`.
        is_needed: Whether the machine is not like that already.
        act: Does it; MachineError or OSError when it cannot be done.
    """

    text: str
    is_needed: Callable[[], bool]
    act: Callable[[], None]


def take(steps: Iterable[Step], *, is_dry: bool) -> Iterator[tuple[str, Result]]:
    """Take steps that are needed, one by one, or only look which are.

    Raises:
        MachineError: One cannot be taken; those before it have been.
    """
    for step in steps:
        yield step.text, _take_one(step, is_dry=is_dry)


def _take_one(step: Step, *, is_dry: bool) -> Result:
    try:
        if not step.is_needed():
            return Result.UNCHANGED
        if is_dry:
            return Result.PLANNED
        step.act()
    except OSError as error:  # looking may fail as well: there are dead mounts
        msg = f"cannot {step.text}: {error.strerror or error}"
        raise MachineError(msg) from None
    return Result.DONE


def write(path: Path, text: str) -> Step:
    """Write a file that root changes and everybody reads, by one rename."""

    def act() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(text, encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(path)

    return Step(f"write {path}", lambda: _content(path) != text, act)


def _content(path: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeError):
        return path.read_text(encoding="utf-8")
    return None


def remove(path: Path) -> Step:
    """Remove a file, or a directory with all that it holds."""

    def act() -> None:
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink()

    return Step(f"remove {path}", lambda: os.path.lexists(path), act)


def remove_empty(directory: Path) -> Step:
    """Remove a directory that holds nothing."""
    return Step(f"remove {directory}", lambda: directory.is_dir() and not any(directory.iterdir()), directory.rmdir)


def command(text: str, *words: str, is_needed: Callable[[], bool] = lambda: True) -> Step:
    """Run a program.

    Args:
        text: What that does.
        words: The program and its arguments.
        is_needed: Whether there is anything to do; by default there always is.
    """
    return Step(text, is_needed, lambda: run(*words))


def run(*words: str) -> None:
    """Run a program.

    Raises:
        MachineError: It is not there, or fails; what it said.
    """
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - ours
    except FileNotFoundError:
        msg = f"{words[0]} is missing on this machine"
        raise MachineError(msg) from None
    if done.returncode:
        msg = f"`{' '.join(words)}` failed: {(done.stderr or done.stdout).strip()}"
        raise MachineError(msg)


def says(*words: str) -> str:
    """What a program prints; "" when it is missing or fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - ours
    except OSError:
        return ""
    return done.stdout.strip()


def hand_over(directory: Path, user: str, group: str) -> Step:
    """Let a user, who may be yet to be made, own a directory with all that it holds. Links are not followed."""

    def is_needed() -> bool:
        return directory.is_dir() and directory.stat().st_uid != uid_of(user)

    return Step(
        f"give {directory}, with all that it holds, to {user}",
        is_needed,
        lambda: run("chown", "-RhP", f"{user}:{group}", str(directory)),
    )


def uid_of(user: str) -> int | None:
    """A user's number; None when there is no such user."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(user).pw_uid
    return None
