from pathlib import Path

import pytest

from condafs.client import mountpoint
from condafs.client.mountpoint import find_mount, parse_mountinfo
from condafs.errors import CondafsError, NotFoundError, UserError

LINE = "36 35 0:{n} / {place} rw,nosuid - {kind} {source} rw,user_id=0\n"


def table(*rows: tuple[Path | str, str, str]) -> str:
    return "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n" + "".join(
        LINE.format(n=n, place=place, kind=kind, source=source) for n, (place, kind, source) in enumerate(rows)
    )


def test_mounts_are_known_by_type_or_source() -> None:
    text = table(
        ("/a", "fuse.condafs", "x"), ("/b", "fuse", "condafs"), ("/c", "fuse.sshfs", "host"), ("/d", "ext4", "condafs")
    )
    assert parse_mountinfo(text) == [Path("/a"), Path("/b")]


def test_escaped_and_foreign_characters_are_read() -> None:
    text = table((r"/my\040envs\134x", "fuse.condafs", "condafs"), ("/fär", "fuse.condafs", "condafs"))
    assert parse_mountinfo(text.encode().decode("latin-1")) == [Path("/my envs\\x"), Path("/fär")]


def test_optional_fields_and_a_mount_over_a_mount_are_no_trouble() -> None:
    assert parse_mountinfo("1 2 0:3 / /e rw shared:1 master:2 - fuse.condafs condafs rw\n" * 2) == [Path("/e")]


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two directories that look like mounts, in a mountinfo of our own."""
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        (place / ".specs").mkdir(parents=True)
    monkeypatch.setattr(mountpoint, "MOUNTINFO", tmp_path / "mountinfo")
    monkeypatch.setenv("PWD", str(tmp_path))
    return places


def announce(*places: Path) -> None:
    mountpoint.MOUNTINFO.write_text(table(*((place, "fuse.condafs", "condafs") for place in places)))


def test_the_only_mount_is_meant(mounts: list[Path]) -> None:
    announce(mounts[0])
    assert find_mount() == mounts[0]


def test_of_several_the_one_around_the_working_directory_is_meant(
    mounts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(*mounts)
    monkeypatch.setenv("PWD", str(mounts[1] / ".specs"))
    assert find_mount() == mounts[1]


def test_of_several_one_has_to_be_chosen(mounts: list[Path]) -> None:
    announce(*mounts)
    with pytest.raises(UserError, match="several mounts") as caught:
        find_mount()
    assert all(str(place) in str(caught.value) for place in mounts)
    assert find_mount(mounts[0]) == mounts[0]


def test_a_mount_that_does_not_answer_is_passed_over(mounts: list[Path]) -> None:
    announce(*mounts)
    (mounts[0] / ".specs").rmdir()
    assert find_mount() == mounts[1]


def test_no_mount_says_how_to_start_one(mounts: list[Path]) -> None:
    announce()
    with pytest.raises(NotFoundError, match="condafs mount DIRECTORY"):
        find_mount()


def test_a_directory_that_is_no_mount_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CondafsError, match="not a condafs mount"):
        find_mount(tmp_path)
