"""Output as people read it: colour only on a terminal, tables; JSON for programs.

Results go to standard output, progress and remarks to standard error. rich honours `NO_COLOR` and `TERM=dumb`.
"""

import json
import sys
from collections.abc import Iterable, Sequence
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
