from pathlib import Path

import pytest

from condafs.errors import MachineError, UserError
from condafs.service.machine import require_systemd, require_visible, why_unreachable


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """A file below two directories that everybody may enter."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch(0o644)
    return tmp_path / "a" / "b" / "file"


def test_what_everybody_may_read_is_reachable() -> None:
    assert why_unreachable(Path("/usr/bin/env"), ()) == ""


def test_a_directory_that_is_closed_is_named(open_path: Path) -> None:
    open_path.parent.chmod(0o750)
    assert f"{open_path.parent} is closed to other users" in why_unreachable(open_path, ())


def test_a_file_that_is_closed_is_named(open_path: Path) -> None:
    open_path.chmod(0o600)
    assert f"{open_path} is closed to other users" in why_unreachable(open_path, ())


def test_what_is_hidden_is_unreachable_through_links_too(open_path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(open_path)
    assert "which its units do not see" in why_unreachable(tmp_path / "link", (tmp_path / "a",))


@pytest.mark.parametrize(
    ("state", "mount"),
    [
        ("/home/x/state", "/envs"),
        ("/var/lib/condafs", "/home/x/envs"),
        ("/proc/self/root/home/x/state", "/envs"),  # through a link that every machine has
    ],
)
def test_state_and_mount_must_be_where_the_units_look(state: str, mount: str) -> None:
    require_visible(Path("/var/lib/condafs"), Path("/envs"))
    with pytest.raises(UserError, match="/home"):
        require_visible(Path(state), Path(mount))


def test_without_systemd_it_is_said_how_to_go_on(tmp_path: Path) -> None:
    require_systemd(tmp_path)
    with pytest.raises(MachineError, match="condafs mount DIRECTORY --daemonize"):
        require_systemd(tmp_path / "system")
