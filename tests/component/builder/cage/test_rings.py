"""The rings, each closed in a process of its own; what is missing on older kernels, as far as a newer one can tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from condafs.builder.cage import landlock
from condafs.builder.cage.level import Level
from condafs.builder.cage.probe import find_level
from condafs.builder.cage.rings import reached_within

BEGIN = """
import os, sys
from pathlib import Path
from condafs.builder.cage import landlock, rings
place = Path(sys.argv[1])
def attempt(what, *arguments):
    try:
        what(*arguments)
    except OSError as error:
        print(error.errno)
    else:
        print("done")
"""


def run(script: str, place: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, str(place)], check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.split()


def test_the_outer_ring_lets_everything_be_read_and_one_place_be_changed(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "file").write_text("kept")
    script = """
rings.close_outer_ring([place / "own"])
attempt((place / "own/new").write_text, "x")
attempt((place / "file").read_text)
attempt((place / "file").write_text, "x")
attempt(os.link, place / "file", place / "own/taken")
attempt(os.rename, place / "own/new", place / "new")
attempt(os.kill, os.getppid(), 0)
"""
    assert run(script, tmp_path) == ["done", "done", "13", "18", "13", "1"]


def test_hard_links_go_from_one_writable_place_to_another(tmp_path: Path) -> None:
    script = """
for name in ("a", "b"):
    (place / name).mkdir()
(place / "a/file").touch()
rings.close_outer_ring([place / "a", place / "b"])
attempt(os.link, place / "a/file", place / "b/file")
"""
    assert run(script, tmp_path) == ["done"]


def test_the_first_landlock_confines_what_packages_bring_and_not_the_builder(tmp_path: Path) -> None:
    script = """
landlock.landlock_abi = rings.landlock_abi = lambda: 1
print(*rings.reached_within(rings.Level.LANDLOCK, is_root=False).lacks, sep=";", end="\\n")
"""
    assert "itself" in run(script, tmp_path)
    script = """
landlock.landlock_abi = rings.landlock_abi = lambda: 1
rings.close_outer_ring([place])
attempt(Path(place.parent, "elsewhere").write_text, "x")
rings.gain_nothing_by_execution()
landlock.enforce(landlock.make_ruleset([Path("/usr"), Path("/lib"), Path("/lib64")], [place]))
attempt(Path(place.parent, "elsewhere").write_text, "x")
attempt((place / "own").write_text, "x")
"""
    inner = tmp_path / "inner"
    inner.mkdir()
    assert run(script, inner) == ["done", "13", "done"]


def test_without_landlock_there_is_no_level_whatever_stands_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("condafs.builder.cage.rings.landlock_abi", lambda: 0)
    reached = reached_within(Level.UNIT)
    assert reached.level is Level.NONE
    assert "Landlock" in reached.text


def test_without_a_filter_there_is_no_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("condafs.builder.cage.rings.can_listen", lambda: False)
    assert reached_within(Level.LANDLOCK).level is Level.NONE


@pytest.mark.parametrize("outer", [Level.LANDLOCK, Level.UNIT])
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, outer: Level) -> None:
    monkeypatch.setattr("condafs.builder.cage.rings.landlock_abi", lambda: 2)
    text = reached_within(outer, is_root=False).text
    assert "truncated" in text
    assert "signalled" in text
    assert not reached_within(Level.BUBBLEWRAP, is_root=False).lacks


def test_what_this_machine_can_do_is_found_out_by_doing_it(tmp_path: Path) -> None:
    assert landlock.landlock_abi() > 0
    assert find_level("auto", tmp_path / "nowhere").level is Level.BUBBLEWRAP
    assert find_level("none", tmp_path / "nowhere").level is Level.NONE
    assert find_level("unit", tmp_path / "nowhere", in_unit=True).level is Level.UNIT


def test_without_bubblewrap_it_is_landlock_and_the_reason_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condafs.builder.cage.bubblewrap.PROGRAM", "no-such-program")
    reached = find_level("auto", tmp_path)
    assert reached.level is Level.LANDLOCK
    assert "bubblewrap is not installed" in reached.lacks


def test_nothing_is_left_of_a_probe(tmp_path: Path) -> None:
    for name in ("builds", "packages"):
        (tmp_path / name).mkdir()
    find_level("auto", tmp_path)
    assert sorted(os.listdir(tmp_path / "packages")) == []
