"""`condafs demo`: a guided tour that prints each command before it runs it, and checks that each does what is said."""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from condafs.demo.bash import Bash, Ran, opened
from condafs.demo.stage import Stage, prepared, served
from condafs.demo.story import EMBEDDED, PUBLIC, Chapter, Step, Subject, tell_story
from condafs.errors import CondafsError

_PAUSE_SECONDS = 0.7
"""Before each command on a terminal, for the reader's eye."""
_TIMEOUT_SECONDS = 900
"""Of one command: a download of a python over a slow line."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class TourError(CondafsError):
    """A command did something else than the tour says."""


class _Voice:
    """Speaks on standard output; in colour and with pauses when that is a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._is_colourful = self._is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def say(self, text: str, style: str = "") -> None:
        """A line or more, in an ANSI style."""
        self.show(f"\x1b[{style}m{text}\x1b[0m\n" if self._is_colourful and style else f"{text}\n")

    def show(self, text: str) -> None:
        """What a command printed, as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def type(self, command: str) -> None:
        """A command at a prompt, continued as bash does."""
        if self._is_terminal:
            time.sleep(_PAUSE_SECONDS)
        first, *others = command.split("\n")
        self.say("\n".join([f"$ {first}", *(f"> {line}" for line in others)]), "1;36")


def run_tour(channel: str | None = None, mountpoint: Path | None = None) -> int:
    """Mount condafs in a temporary place, show what it does, and remove everything again.

    Args:
        channel: Name or URL of the channel to use; None for one that is made from this machine, without any network.
        mountpoint: Where to mount; None for `envs` in the temporary place. An empty directory, made when missing.

    Returns:
        0: every command did what was expected.

    Raises:
        TourError: One did not; said with what was expected.
        MachineError: The machine lacks something.
        KeyboardInterrupt: Ctrl-C or SIGTERM, after everything was removed.
    """
    voice, begun = _Voice(), time.monotonic()
    voice.say("A tour of condafs: conda environments as a filesystem.", "1")
    if channel is None:
        voice.say("It needs no network: it makes a channel from this python and what is installed beside it.")
    with _ended_by_signals(), prepared(channel, mountpoint and mountpoint.absolute()) as stage:
        for sentence in stage.missing:
            voice.say(f"(The channel has {sentence}.)")
        count = _tour(voice, stage, EMBEDDED if channel is None else PUBLIC)
    voice.say(f"\n{count} commands, each checked, in {time.monotonic() - begun:.0f} s.", "1;32")
    voice.say("The mount and everything that was made are gone again. To go on: condafs mount ~/envs --daemonize")
    return 0


def _tour(voice: _Voice, stage: Stage, subject: Subject) -> int:
    chapters = tell_story(subject, stage.shown_mount)
    voice.say(f"~ is {stage.home} for as long as it takes.\n")
    voice.type(f"condafs mount {stage.shown_mount} --state ~/state --config ~/condafs.yaml &")
    with served(stage, voice.say), opened(stage.home, stage.environ(), voice.show) as bash, _cleared_up_in_peace():
        for chapter in chapters:
            _show_chapter(voice, bash, chapter, stage)
    return 1 + sum(not step.is_hidden for chapter in chapters for step in chapter.steps)


def _show_chapter(voice: _Voice, bash: Bash, chapter: Chapter, stage: Stage) -> None:
    voice.say(f"\n{chapter.title}", "1")
    voice.say(chapter.text + "\n", "2")
    for step in chapter.steps:
        if not step.is_hidden:
            voice.type(step.command)
        ran = bash.run(step.command, _TIMEOUT_SECONDS, is_shown=not step.is_hidden)
        if problem := find_problem(step, ran):
            log = (stage.home / "daemon.log").read_text(errors="replace")
            msg = f"the tour went astray: {problem}\nThe daemon's log:\n{log}"
            raise TourError(msg)


def find_problem(step: Step, ran: Ran) -> str:
    """What a command did that was not expected of it; "" when all is as it should be."""
    if bool(ran.status) != step.fails:
        return f"`{step.command}` ended with {ran.status}, which should {'not ' if step.fails else ''}be 0"
    for pattern in step.prints:
        if not re.search(pattern, ran.output):
            return f"`{step.command}` did not print {pattern!r} but {ran.output!r}"
    for pattern in step.lacks:
        if re.search(pattern, ran.output):
            return f"`{step.command}` printed {pattern!r}: {ran.output!r}"
    return ""


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the tour as Ctrl-C does; once one of them came, nothing interrupts the clearing up."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _cleared_up_in_peace() -> Iterator[None]:
    """The innermost `with`: when it ends, signals are ignored until the outer ones have cleared up."""
    try:
        yield
    finally:
        _ignore_signals()


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
