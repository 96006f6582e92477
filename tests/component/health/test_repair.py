"""What is damaged is put back as it was, to the last byte, or left alone."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.health.acting import run_as_owner
from condafs.health.check import examine
from condafs.health.contents import Contents
from condafs.health.hashing import Hasher
from condafs.health.mend import Mender, only_mender
from condafs.health.repair import repair
from condafs.health.repaired import Repair
from condafs.prefix.layout import PACKAGES, PIN_FILE, SUMS
from tests.component.health.conftest import make_build
from tests.component.health.test_check import flip, opened
from tests.way import open_the_way_to


def mend(prefix: Path) -> Repair:
    with Hasher() as hasher:
        return repair(examine(prefix, hasher), hasher, is_quick=False)


def snapshot(prefix: Path) -> str:
    """Everything that a build is, but for inodes."""
    listing = subprocess.run(
        ["find", ".", "-printf", "%p %y %m %s %T@ %l\\n"], cwd=prefix, capture_output=True, text=True, check=True
    )
    sums = subprocess.run(
        ["find", ".", "-type", "f", "-exec", "sha256sum", "{}", "+"],
        cwd=prefix,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = listing.stdout.splitlines() + sums.stdout.splitlines()
    # The prefix itself and condafs's own directory were written to after the inventory was.
    return "\n".join(sorted(line for line in lines if not line.startswith((". ", "./conda-meta/condafs d "))))


def hurt(path: Path, how: str) -> None:
    if how == "flip":
        flip(path, path.stat().st_size // 2)
    elif how == "truncate":
        path.chmod(0o644)
        os.truncate(path, 5)
    else:
        opened(path).unlink()


WRITTEN = [
    "bin/activate",
    "bin/activate.fish",
    "conda-meta/state",
    f"lib/python3.12/site-packages/{PIN_FILE}",
    "lib/python3.12/EXTERNALLY-MANAGED",
    PACKAGES,
]


@pytest.mark.parametrize(
    ("path", "how"), [*((path, how) for path in WRITTEN for how in ("flip", "remove", "truncate")), (SUMS, "flip")]
)
def test_what_condafs_wrote_is_written_again(build: Path, path: str, how: str) -> None:
    before = snapshot(build)
    hurt(build / path, how)
    result = mend(build)
    assert not result.before.is_sound
    assert result.after.is_sound, result.after.problems
    assert snapshot(build) == before


@pytest.mark.parametrize("how", ["remove", "truncate"])
def test_a_list_of_sums_that_lost_its_names_is_made_anew_when_no_package_knows_them(build: Path, how: str) -> None:
    before = (build / SUMS).read_bytes()
    hurt(build / SUMS, how)
    assert mend(build).after.is_sound
    assert (build / SUMS).read_bytes() == before


@pytest.mark.parametrize("how", ["remove", "truncate"])
def test_which_files_of_packages_a_lost_list_of_sums_had_only_it_knew(tmp_path: Path, how: str) -> None:
    build = make_build(tmp_path, is_linked=False)  # scripts ran, as is supposed here: any of them may be theirs
    hurt(build / SUMS, how)
    assert [problem.path for problem in mend(build).after.problems] == [SUMS]


def test_links_modes_times_and_directories_are_put_back(build: Path) -> None:
    before = snapshot(build)
    for path in ("share/zz/link", "bin/python3"):
        opened(build / path).unlink()
    (build / "bin/python3").mkdir()
    (build / "share/zz/empty").chmod(0o666)
    os.utime(build / "share/zz/own", (1, 1))
    (build / "share").chmod(0o777)
    opened(build / "lib/more").mkdir()
    (build / "lib/more/file").write_text("extra")
    (build / "lib/more").chmod(0o555)
    result = mend(build)
    assert result.after.is_sound, result.after.problems
    assert result.removed == ("lib/more",)
    assert snapshot(build) == before


def test_what_cannot_be_had_stays_as_it_is_and_is_told(build: Path) -> None:
    flip(build / "share/zz/own")
    damaged = (build / "share/zz/own").read_bytes()
    result = mend(build)
    assert [problem.path for problem in result.after.problems] == ["share/zz/own"]
    assert (build / "share/zz/own").read_bytes() == damaged
    assert not list(build.rglob(".condafs-mend-*"))


def test_whoever_has_the_damaged_file_open_keeps_it(build: Path) -> None:
    flip(build / "bin/activate", 40)
    with (build / "bin/activate").open("rb") as file:
        inode = os.fstat(file.fileno()).st_ino
        assert mend(build).after.is_sound
        assert (build / "bin/activate").stat().st_ino != inode
        assert file.read()


def test_what_a_killed_mending_left_is_cleared_away_by_the_next(build: Path) -> None:
    before = snapshot(build)
    opened(build / "share/zz/.condafs-mend-0123").write_text("half")
    assert mend(build).after.is_sound
    assert snapshot(build) == before


def test_a_link_in_the_place_of_a_directory_is_not_followed(build: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    opened(build / "share/zz")
    (build / "share/zz").rename(tmp_path / "moved")
    (build / "share/zz").symlink_to(outside)
    mend(build)
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert (build / "share/zz").is_dir()
    assert not (build / "share/zz").is_symlink()


class OneFile(Contents):
    """Finds everything in one file of the cache."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def candidates(self, path: str) -> Iterator[Path]:  # noqa: ARG002 - the only one that is damaged
        yield self._file


@pytest.fixture
def cached(build: Path, tmp_path: Path) -> Path:
    """The file that `build` shares with the cache is damaged; the cache has made it anew, with a time of its own."""
    file = tmp_path / "s" / "packages" / "pkgs" / "zz-1.0-0" / "share" / "zz" / "data"
    content = file.read_bytes()
    file.unlink()
    flip(build / "share/zz/data")
    file.write_bytes(content)
    os.utime(file, (1_600_000_000, 1_600_000_000))
    return file


def mend_from(build: Path, file: Path) -> None:
    def work(fd: int) -> str:
        with Hasher() as hasher, only_mender(fd) as place:
            Mender(place, examine(build, hasher), OneFile(file)).mend()
            assert examine(build, hasher).report.is_sound
        return ""

    run_as_owner(build, work)


def test_what_later_builds_share_keeps_its_time(build: Path, cached: Path, tmp_path: Path) -> None:
    later = tmp_path / "data-of-a-later-build"
    later.hardlink_to(cached)
    cached.chmod(0o444)
    expected = later.stat()
    mend_from(build, cached)
    assert not (build / "share/zz/data").samefile(later)
    assert (later.stat().st_mtime_ns, later.stat().st_mode) == (expected.st_mtime_ns, expected.st_mode)


def test_what_the_cache_alone_has_is_shared_again(build: Path, cached: Path) -> None:
    mend_from(build, cached)
    assert (build / "share/zz/data").samefile(cached)


def test_what_has_the_right_time_is_shared_again(build: Path, cached: Path, tmp_path: Path) -> None:
    (tmp_path / "data-of-a-later-build").hardlink_to(cached)
    found = (build / "share/zz/data").stat()
    os.utime(cached, ns=(found.st_atime_ns, found.st_mtime_ns))
    mend_from(build, cached)
    assert (build / "share/zz/data").samefile(cached)


def test_a_link_in_the_place_of_a_build_is_not_followed(build: Path, tmp_path: Path) -> None:
    """Not even to learn whose it is: who acts as the owner of what it leads to acts as anybody that it likes."""
    flip(build / "bin/activate", 40)
    with Hasher() as hasher:
        examination = examine(build, hasher)
    build.rename(tmp_path / "elsewhere")
    build.symlink_to(tmp_path / "elsewhere")
    ran: list[int] = []
    with pytest.raises(NotADirectoryError):
        run_as_owner(build, lambda fd: str(ran.append(fd)))
    assert not ran
    with Hasher() as hasher, pytest.raises(NotADirectoryError):
        repair(examination, hasher, is_quick=False)


def test_what_takes_the_place_of_a_build_meanwhile_is_not_mended(build: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()

    def work(fd: int) -> str:
        build.rename(tmp_path / "elsewhere")
        other.rename(build)
        with only_mender(fd) as place:
            return ",".join(sorted(os.listdir(place)))

    assert "conda-meta" in run_as_owner(build, work).split(",")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for others")
def test_root_mends_as_the_owner(build: Path) -> None:
    uid = 12345
    subprocess.run(["chown", "-R", "-h", f"{uid}:{uid}", build.parents[1]], check=True)
    open_the_way_to(build.parents[2])
    flip(build / "bin/activate", 40)
    result = mend(build)
    assert result.after.is_sound, result.after.problems
    assert (build / "bin/activate").stat().st_uid == uid
    assert os.geteuid() == 0
    with Hasher() as hasher:
        assert examine(build, hasher).report.is_sound
