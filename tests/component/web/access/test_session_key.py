"""The key of a server's sessions."""

from pathlib import Path

import pytest

from condafs.errors import MachineError
from condafs.web.access.sessions import load_sessions


def test_the_key_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    first = load_sessions(tmp_path / "http")
    cookie = first.sign("a" * 64, 10)
    assert load_sessions(tmp_path / "http").read(cookie, 0) == "a" * 64
    assert load_sessions(tmp_path / "other").read(cookie, 0) is None
    [key] = (tmp_path / "http").iterdir()
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_bytes()) == 32


def test_a_key_that_is_cut_off_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "session.key").write_bytes(b"short")
    with pytest.raises(MachineError, match="is cut off: remove it"):
        load_sessions(tmp_path)


def test_a_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="Not a directory"):
        load_sessions(tmp_path / "file" / "http")
