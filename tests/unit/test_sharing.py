"""Who may write: the mode and the group that settings and machine give."""

from pathlib import Path

import pytest

from condafs.config import Settings
from condafs.config import sharing as module
from condafs.config.sharing import Sharing, find_sharing
from condafs.errors import MachineError

GROUPS = {"condafs": 990, "science": 991}


@pytest.fixture(autouse=True)
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_find_group", GROUPS.get)


def sharing(*, allow_other: bool = True, mode: int | None = None, group: str | None = None) -> Sharing:
    return find_sharing(Settings(Path("/state"), allow_other=allow_other, specs_mode=mode, specs_group=group))


def test_members_of_one_group_may_write_where_others_see_the_mount() -> None:
    assert sharing() == Sharing(0o3775, 990)
    assert sharing(group="science") == Sharing(0o3775, 991)
    assert sharing(mode=0o2770, group="science") == Sharing(0o2770, 991)


def test_a_mount_of_ones_own_and_an_open_machine_need_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_find_group", lambda _: None)
    assert sharing(allow_other=False) == Sharing(0o1777)
    assert sharing(mode=0o1777) == Sharing(0o1777)


def test_without_the_usual_group_nobody_may_write_and_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_find_group", lambda _: None)
    found = sharing()
    assert (found.permissions, found.gid) == (0o755, None)
    assert "groupadd --system condafs" in found.problem
    assert "specs-mode: 1777" in found.problem


def test_a_group_that_the_settings_name_must_be_there() -> None:
    for mode in (None, 0o1777):
        with pytest.raises(MachineError, match=r"no group guests \(setting specs-group\)"):
            sharing(mode=mode, group="guests")
