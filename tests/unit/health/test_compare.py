"""What should be there beside what is there, as values."""

from dataclasses import replace

import pytest

from condafs.health.compare import compare
from condafs.health.expected import NOT_KNOWN
from condafs.health.found import Found
from condafs.health.problem import Damage
from condafs.prefix.inventory import Entry

ENTRIES = {
    entry.path: entry
    for entry in (
        Entry(".", "d", 0, NOT_KNOWN, mode=NOT_KNOWN),
        Entry("lib", "d", 0, 5, mode=0o555),
        Entry("lib/file", "f", 10, 6, "ab" * 32, mode=0o444),
        Entry("lib/program", "x", 10, 6, "cd" * 32, mode=0o555),
        Entry("lib/link", "l", 4, 7, target="file"),
    )
}
FOUND = {
    ".": Found("d", 4096, 99, 0o555, "", (0, 1, 0, 0)),
    "lib": Found("d", 4096, 5, 0o555, "", (0, 2, 0, 0)),
    "lib/file": Found("f", 10, 6, 0o444, "", (0, 3, 0, 10)),
    "lib/program": Found("f", 10, 6, 0o555, "", (0, 4, 0, 10)),
    "lib/link": Found("l", 4, 7, 0o777, "file", (0, 5, 0, 4)),
}


def problems(found: dict[str, Found], *, is_whole: bool = True) -> set[tuple[str, Damage]]:
    return {(problem.path, problem.damage) for problem in compare(ENTRIES, found, is_whole=is_whole)}


def test_what_is_as_it_was_has_no_problems() -> None:
    assert problems(FOUND) == set()


@pytest.mark.parametrize(
    ("path", "change", "damage"),
    [
        ("lib/file", {"size_bytes": 11}, Damage.CHANGED),
        ("lib/file", {"mode": 0o644}, Damage.MODE),
        ("lib/program", {"mode": 0o4555}, Damage.MODE),
        ("lib/file", {"mtime_ns": 7}, Damage.TIME),
        ("lib/file", {"kind": "l", "target": "program"}, Damage.KIND),
        ("lib/file", {"kind": "o"}, Damage.KIND),
        ("lib/link", {"target": "/etc/passwd"}, Damage.TARGET),
        ("lib", {"mode": 0o755}, Damage.MODE),
        ("lib", {"mtime_ns": 6}, Damage.TIME),
        (".", {"mode": 0o755}, Damage.MODE),
    ],
)
def test_each_thing_that_can_be_wrong_is_told(path: str, change: dict[str, object], damage: Damage) -> None:
    changed = replace(FOUND[path], **change)  # type: ignore[arg-type]
    assert problems({**FOUND, path: changed}) == {(path, damage)}


def test_what_is_below_a_missing_directory_is_not_told_again() -> None:
    assert problems({".": FOUND["."]}) == {("lib", Damage.MISSING)}


def test_what_is_below_an_extra_directory_is_not_told_again() -> None:
    found = {**FOUND, "more": FOUND["lib"], "more/file": FOUND["lib/file"]}
    assert problems(found) == {("more", Damage.EXTRA)}


def test_the_time_of_a_directory_that_lost_or_got_something_is_not_told() -> None:
    touched = {**FOUND, "lib": replace(FOUND["lib"], mtime_ns=50)}
    assert problems({**touched, "lib/x": FOUND["lib/file"]}) == {("lib/x", Damage.EXTRA)}
    del touched["lib/link"]
    assert problems(touched) == {("lib/link", Damage.MISSING)}


def test_without_the_inventory_nothing_is_extra() -> None:
    assert problems({**FOUND, "lib/x": FOUND["lib/file"]}, is_whole=False) == set()
