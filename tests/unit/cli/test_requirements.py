from pathlib import Path

import pytest

from condafs.cli.requirements import (
    Finding,
    Level,
    fuse_findings,
    group_findings,
    sharing_findings,
    state_findings,
)
from condafs.config import Settings, sharing


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {item.subject: item.level for item in findings}


@pytest.mark.parametrize(("is_root", "level"), [(True, Level.OK), (False, Level.PROBLEM)])
def test_only_root_mounts_without_fusermount3(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_root: bool,  # noqa: FBT001 - a column of a table
    level: Level,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert levels(list(fuse_findings(is_root=is_root, device=Path("/dev/null"))))["fusermount3"] is level


def test_a_missing_device_says_what_to_do(tmp_path: Path) -> None:
    finding = next(iter(fuse_findings(is_root=True, device=tmp_path / "fuse")))
    assert finding.level is Level.PROBLEM
    assert "modprobe fuse" in finding.remedy


@pytest.mark.parametrize(
    ("configuration", "allow_other", "level"),
    [
        ("", None, Level.OK),
        ("", False, Level.OK),
        ("", True, Level.PROBLEM),
        ("#user_allow_other\n", True, Level.PROBLEM),
        ("mount_max = 9\nuser_allow_other\n", True, Level.OK),
    ],
)
def test_an_ordinary_user_needs_leave_to_let_others_in(
    tmp_path: Path,
    configuration: str,
    allow_other: bool | None,  # noqa: FBT001 - a column of a table
    level: Level,
) -> None:
    (tmp_path / "fuse.conf").write_text(configuration)
    (only,) = sharing_findings(is_root=False, allow_other=allow_other, configuration=tmp_path / "fuse.conf")
    assert only.level is level


def test_root_needs_no_leave(tmp_path: Path) -> None:
    (only,) = sharing_findings(is_root=True, allow_other=None, configuration=tmp_path / "none")
    assert only.level is Level.OK


def test_a_good_state_directory_has_no_problem_and_is_left_empty(tmp_path: Path) -> None:
    findings = list(state_findings(Settings(state=tmp_path)))
    assert Level.PROBLEM not in levels(findings).values()
    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_has_to_be_made_is_examined_where_it_will_be(tmp_path: Path) -> None:
    findings = list(state_findings(Settings(state=tmp_path / "a" / "b")))
    assert "will be made" in findings[0].message
    assert not (tmp_path / "a").exists()


def test_a_file_in_its_place_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (only,) = state_findings(Settings(state=tmp_path / "file" / "state"))
    assert only.level is Level.PROBLEM


@pytest.mark.parametrize(("length", "level"), [(240, Level.PROBLEM), (170, Level.WARNING), (60, Level.OK)])
def test_a_long_path_leaves_no_room_for_names(tmp_path: Path, length: int, level: Level) -> None:
    state = Path(str(tmp_path / ("x" * 250))[:length])
    assert levels(list(state_findings(Settings(state=state))))["path length"] is level


@pytest.mark.parametrize(
    ("allow_other", "mode", "group", "level", "words"),
    [
        (False, None, None, Level.OK, "nobody else sees the mount"),
        (True, None, "science", Level.OK, "members of the group root"),
        (True, 0o1777, None, Level.OK, "specs-mode 1777"),
        (True, None, None, Level.WARNING, "only root"),
        (True, None, "typo", Level.PROBLEM, "a group is missing"),
    ],
)
def test_who_may_write_is_told(  # noqa: PLR0913, PLR0917 - columns of a table
    monkeypatch: pytest.MonkeyPatch,
    allow_other: bool,  # noqa: FBT001
    mode: int | None,
    group: str | None,
    level: Level,
    words: str,
) -> None:
    monkeypatch.setattr(sharing, "_find_group", {"science": 0}.get)
    (found,) = group_findings(Settings(Path("/s"), allow_other=allow_other, specs_mode=mode, specs_group=group))
    assert found.level is level
    assert words in found.message
    assert bool(found.remedy) == (level is not Level.OK)
