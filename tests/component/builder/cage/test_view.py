"""What lines for pip may name: for others, only what everybody may read."""

import os
from pathlib import Path

import pytest

from condafs.builder.cache import Cache
from condafs.builder.cage.keeper import NoKeeper
from condafs.builder.cage.level import Level, Reached
from condafs.builder.cage.view import paths_in_lines
from condafs.builder.workplace import Workplace


def test_a_private_file_is_named_by_its_owner_only(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    assert paths_in_lines([f"-f file://{secret}"], is_for_others=True) == ([], [secret])
    assert paths_in_lines([f"-f file://{secret}"], is_for_others=False) == ([secret], [])


def test_what_the_builders_home_is_in_is_not_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/usr/share")
    lines = ["-f /usr", "-f /usr/bin"]
    assert paths_in_lines(lines, is_for_others=True) == ([Path("/usr/bin")], [Path("/usr")])


def test_the_service_and_root_build_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_for_others(level: Level, uid: int) -> bool:
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        return Workplace(Path("/"), Cache(Path("/")), NoKeeper(), Reached(level)).is_for_others

    assert is_for_others(Level.UNIT, 990)
    assert is_for_others(Level.LANDLOCK, 0)
    assert not is_for_others(Level.BUBBLEWRAP, 1000)
