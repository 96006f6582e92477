"""Trees of any depth are removed, and nothing else is."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.prefix.removal import open_directory, remove_if_possible, remove_tree, visit_tree
from tests.deep import make_deep
from tests.way import NOBODY, as_nobody, open_the_way_to


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """Fewer than the tree that is removed has levels."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_descriptors")
@pytest.mark.parametrize("name", ["a", "n" * 255])
@pytest.mark.usefixtures("cleared")
def test_a_tree_deeper_than_frames_descriptors_and_paths_is_removed(tmp_path: Path, name: str) -> None:
    make_deep(tmp_path / "deep", 3000, name)
    remove_tree(tmp_path / "deep")
    assert list(tmp_path.iterdir()) == []


def test_branches_at_every_level_are_removed(tmp_path: Path) -> None:
    for first in "abc":
        for second in "abc":
            place = tmp_path / "top" / first / second / "below"
            place.mkdir(parents=True)
            (place / "file").touch()
            (place.parent / "file").touch()
            (place.parent / "soft").symlink_to(place)
    before = len(os.listdir("/proc/self/fd"))
    remove_tree(tmp_path / "top")
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_links_are_removed_and_what_they_lead_to_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    (tmp_path / "top/below").mkdir(parents=True)
    for place in (tmp_path / "top", tmp_path / "top/below"):
        (place / "soft").symlink_to(outside)
        (place / "soft-file").symlink_to(outside / "file")
    remove_tree(tmp_path / "top")
    assert os.listdir(tmp_path) == ["outside"]
    assert os.listdir(outside) == ["file"]


def test_a_link_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "soft").symlink_to("tree")
    with pytest.raises(NotADirectoryError):
        remove_tree(tmp_path / "soft")
    remove_if_possible(tmp_path / "soft")
    remove_if_possible(tmp_path / "nothing")
    assert sorted(os.listdir(tmp_path)) == ["soft", "tree"]


def test_what_its_owner_may_not_read_is_removed(tmp_path: Path) -> None:
    place = tmp_path / "top/closed/below"
    place.mkdir(parents=True)
    (place / "file").touch()
    for path in (tmp_path, *tmp_path.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    open_the_way_to(tmp_path)
    for path in (place, place.parent, tmp_path / "top"):
        path.chmod(0)
    assert as_nobody(lambda: remove_tree(tmp_path / "top")) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_moved_meanwhile_does_not_lead_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "top/a/b/c").mkdir(parents=True)
    (tmp_path / "elsewhere/b").mkdir(parents=True)

    def look(fd: int) -> list[str]:
        names = os.listdir(fd)
        if names == ["c"]:
            (tmp_path / "top/a/b").rename(tmp_path / "elsewhere/b/b")
        return names

    left: list[str] = []
    top = os.open(tmp_path / "top", os.O_RDONLY)
    with pytest.raises(OSError, match="moved"):
        visit_tree(top, look, open_directory, lambda _, name: left.append(name))
    os.close(top)
    assert left == ["c"]


def test_directories_are_visited_before_what_they_hold(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/d", "e"):
        (tmp_path / name).mkdir(parents=True)
    seen: list[str] = []

    def look(fd: int) -> list[str]:
        seen.append(str(Path(f"/proc/self/fd/{fd}").readlink().relative_to(tmp_path.resolve())))
        return sorted(os.listdir(fd))

    top = os.open(tmp_path, os.O_RDONLY)
    visit_tree(top, look, open_directory)
    os.close(top)
    assert seen == [".", "e", "a", "a/d", "a/b", "a/b/c"]
