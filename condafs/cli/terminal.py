"""Output as people read it: colour only on a terminal, tables, sizes, times; JSON for programs.

Results go to standard output, progress and remarks to standard error. rich honours `NO_COLOR` and `TERM=dumb`.
"""

import json
import pwd
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

_UNLIMITED_COLUMNS = 10_000
"""Into a pipe nothing is cut or folded: the reader is a program, or a person with `less -S`."""

STATE_STYLES = {
    "ready": "green",
    "building": "cyan",
    "queued": "blue",
    "waiting": "yellow",
    "failed": "bold red",
    "cancelled": "magenta",
    "retired": "dim",
}


def output() -> Console:
    """Standard output; nothing in what is printed is taken for markup."""
    width = None if sys.stdout and sys.stdout.isatty() else _UNLIMITED_COLUMNS
    return Console(markup=False, highlight=False, emoji=False, width=width, soft_wrap=True)


def remarks() -> Console:
    """Standard error."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One indented JSON text on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str | Text]], right: Sequence[str] = ()) -> None:
    """Columns without lines around them; those named in `right` are numbers. Long lines are the terminal's to fold.

    rich's own tables cut or drop columns when there is little room, and take seconds for 10,000 rows.
    """
    numbers = {headings.index(heading) for heading in right}
    table = [[Text(heading, "bold") for heading in headings], *([_as_text(cell) for cell in row] for row in rows)]
    widths = [max(cell.cell_len for cell in column) for column in zip(*table, strict=True)]
    console = output()
    for row in table:
        line = Text("  ").join(
            _padded(cell, width, is_number=i in numbers)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        line.rstrip()
        if console.is_terminal:
            console.print(line)
        else:
            sys.stdout.write(f"{line.plain}\n")


def _as_text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


def _padded(cell: Text, width: int, *, is_number: bool) -> Text:
    gap = " " * (width - cell.cell_len)
    return Text.assemble(gap, cell) if is_number else Text.assemble(cell, gap)


def print_facts(facts: Iterable[tuple[str, str | Text | None]]) -> None:
    """`label  value` lines; a value that is None or empty is left out."""
    kept = [(label, value) for label, value in facts if value]
    width = max(len(label) for label, _ in kept)
    for label, value in kept:
        output().print(Text.assemble((label.ljust(width), "bold"), "  ", value))


def state_text(state: str) -> Text:
    """A build's state in its colour."""
    return Text(state, STATE_STYLES.get(state, ""))


def size_text(size_bytes: int | None) -> str:
    """`1.3 GB`: powers of 1000, as `ls --si` and most tools' download bars."""
    if size_bytes is None:
        return ""
    if abs(size_bytes) < 1000:  # noqa: PLR2004 - the base of the units
        return f"{size_bytes} B"
    amount, units = size_bytes / 1000, "kMGTP"
    while abs(amount) >= 999.5 and len(units) > 1:  # noqa: PLR2004 - what would be rounded up to 1000
        amount, units = amount / 1000, units[1:]
    return f"{amount:.{1 if abs(amount) < 9.95 else 0}f} {units[0]}B"  # noqa: PLR2004 - two significant digits


def seconds_text(seconds: float) -> str:
    """`3.2 s`, `2 min 5 s`, `4 h 10 min`, `3 days`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days


def parse_time(text: str) -> float | None:
    """Unix seconds of an RFC 3339 text; without an offset it is UTC. None when it is not a time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def time_text(text: str, now: float | None = None) -> str:
    """`3 min 2 s ago (2026-11-01 12:00)` of an RFC 3339 text; a text that is no time is shown as it is."""
    moment = parse_time(text)
    if moment is None:
        return text
    distance = (time.time() if now is None else now) - moment
    clock = datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")
    relation = f"{seconds_text(distance)} ago" if distance >= 0 else f"in {seconds_text(-distance)}"
    return f"{clock} ({relation})"


def user_text(uid: str) -> str:
    """The name of a user, or the number when nobody has it."""
    try:
        return pwd.getpwuid(int(uid)).pw_name
    except (KeyError, ValueError, OverflowError):
        return uid
