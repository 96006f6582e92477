"""What lines for pip may name."""

import os
from pathlib import Path

import pytest

from condafs.builder.cache import Cache
from condafs.builder.cage.keeper import NoKeeper
from condafs.builder.cage.level import Level, Reached
from condafs.builder.cage.view import paths_in_lines
from condafs.builder.workplace import Workplace

LINES = ["-f file:///srv/a", "--find-links=/srv/b", "x @ file://localhost/srv/c.whl#sha256=0", "-f /srv/a", "six==1.16"]


def test_paths_are_found_in_lines_each_once() -> None:
    assert paths_in_lines(LINES) == [Path("/srv/a"), Path("/srv/b"), Path("/srv/c.whl")]


def workplace(level: Level, packages: Path, *, is_shared: bool = False) -> Workplace:
    return Workplace(Path("/"), Cache(packages), NoKeeper(), Reached(level), is_shared=is_shared)


def test_who_lets_others_in_root_and_the_service_build_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_for_others(level: Level, uid: int, *, is_shared: bool = False) -> bool:
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        return workplace(level, Path("/"), is_shared=is_shared).is_for_others

    assert is_for_others(Level.UNIT, 990)
    assert is_for_others(Level.LANDLOCK, 0)
    assert is_for_others(Level.BUBBLEWRAP, 1000, is_shared=True)
    assert not is_for_others(Level.BUBBLEWRAP, 1000)


def test_for_others_what_is_named_is_read_as_far_as_everybody_may(tmp_path: Path) -> None:
    view = workplace(Level.UNIT, tmp_path).view_of_pip(["-f /srv/a"])
    assert (view.public, Path("/srv/a") in view.readable) == ((Path("/srv/a"),), False)


def test_ones_own_is_read_whoever_else_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    view = workplace(Level.BUBBLEWRAP, tmp_path).view_of_pip(["-f /srv/a"])
    assert (view.public, Path("/srv/a") in view.readable) == ((), True)


def test_what_is_kept_from_pip_is_told_with_its_reason(open_path: Path) -> None:
    (open_path / "private").mkdir(mode=0o700)
    text = [f"-f {open_path}", "-f /usr/share"]
    [(path, problem)] = workplace(Level.UNIT, open_path).hidden_from_pip(text).items()
    assert path == open_path
    assert problem == f"not everybody may look into {open_path}/private"
    assert not workplace(Level.NONE, open_path).hidden_from_pip(text)
