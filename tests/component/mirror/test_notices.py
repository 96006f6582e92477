"""inotify as it is: each way in which files change is heard, and what is lost is told."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from condafs.mirror import notices as module
from condafs.mirror.notices import Notices
from condafs.mirror.survey import Interest, Selection, survey

TEXT = "dependencies: [python]\n"


class Ear:
    """Notices of one watched path, covered anew as the watcher does."""

    def __init__(self, *paths: Path) -> None:
        self.selection = Selection(paths)
        self.notices = Notices(self._is_wanted)

    def _is_wanted(self, name: str, interest: Interest, is_directory: bool) -> bool:  # noqa: FBT001 - as it is called
        return self.selection.is_wanted(name, interest, is_directory=is_directory)

    def cover(self) -> None:
        while self.notices.cover(survey(self.selection).interests):
            pass

    def heard(self) -> bool:
        """Whether anything was told until now that matters; what was told is not told again."""
        is_heard = self.notices._read()
        self.cover()
        return is_heard


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/environment.yml").write_text(TEXT)
    (tmp_path / "o.yml").write_text(TEXT)
    return tmp_path / "w"


@pytest.fixture
def ear(place: Path) -> Iterator[Ear]:
    ear = Ear(place)
    ear.cover()
    yield ear
    ear.notices.close()


def run(*command: object) -> None:
    subprocess.run(list(map(str, command)), check=True, stdin=subprocess.DEVNULL, capture_output=True)


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda place: (place / "environment.yml").write_text("x"),
    "appended": lambda place: run("sh", "-c", f"echo >> {place}/environment.yml"),
    "sed -i": lambda place: run("sed", "-i", "s/python/click/", place / "environment.yml"),
    "vim": lambda place: run("vim", "-es", "-c", "%s/python/click/", "-c", "wq", place / "environment.yml"),
    "moved here": lambda place: (place.parent / "o.yml").replace(place / "environment.yml"),
    "moved away": lambda place: (place / "environment.yml").replace(place.parent / "x.yml"),
    "removed": lambda place: (place / "environment.yml").unlink(),
    "linked": lambda place: (place / "b.yml").symlink_to("../o.yml"),
    "hard-linked": lambda place: (place / "b.yml").hardlink_to(place.parent / "o.yml"),
    "made readable": lambda place: (place / "environment.yml").chmod(0o640),
    "a directory made": lambda place: (place / "d").mkdir(),
    "itself removed": shutil.rmtree,
    "itself moved": lambda place: place.rename(place.with_name("x")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_way_to_change_a_file_is_heard(ear: Ear, place: Path, change: str) -> None:
    assert not ear.heard()
    CHANGES[change](place)
    assert ear.heard()
    assert not ear.heard()


@pytest.mark.parametrize("name", ["notes.md", ".environment.yml.swp", "4913", "environment.yml~"])
def test_what_is_no_specification_is_not_listened_to(ear: Ear, place: Path, name: str) -> None:
    (place / name).write_text(TEXT)
    (place / ".git").mkdir()
    assert not ear.heard()


def test_a_directory_that_takes_the_place_of_another_is_heard_from_then_on(ear: Ear, place: Path) -> None:
    place.rename(place.with_name("old"))
    place.mkdir()
    (place / "environment.yml").write_text(TEXT)
    assert ear.heard()
    (place / "environment.yml").write_text("x")
    assert ear.heard()
    (place.with_name("old") / "environment.yml").write_text("x")
    assert not ear.heard()


def test_directories_that_change_names_are_heard_under_the_new_ones(ear: Ear, place: Path) -> None:
    (place / "a").mkdir()
    assert ear.heard()
    (place / "a").rename(place / "b")
    assert ear.heard()
    (place / "b/environment.yml").write_text(TEXT)
    assert ear.heard()


def test_a_path_that_does_not_exist_is_heard_when_it_comes(tmp_path: Path) -> None:
    ear = Ear(tmp_path / "a/b/environment.yml")
    ear.cover()
    (tmp_path / "z").mkdir()
    assert not ear.heard()
    for step in ("a", "a/b"):
        (tmp_path / step).mkdir()
        assert ear.heard()
    (tmp_path / "a/b/environment.yml").write_text(TEXT)
    assert ear.heard()
    ear.notices.close()


def test_a_replaced_link_on_the_way_is_heard(tmp_path: Path) -> None:
    for release in "12":
        (tmp_path / release).mkdir()
        (tmp_path / release / "environment.yml").write_text(TEXT)
    (tmp_path / "current").symlink_to("1")
    ear = Ear(tmp_path / "current/environment.yml")
    ear.cover()
    (tmp_path / "new").symlink_to("2")
    assert not ear.heard()
    (tmp_path / "new").replace(tmp_path / "current")
    assert ear.heard()
    (tmp_path / "2/environment.yml").write_text("x")
    assert ear.heard()
    ear.notices.close()


def test_a_queue_that_overflows_with_what_does_not_matter_is_news_all_the_same(ear: Ear, place: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(limit // 2 + 1):  # each of these is made and closed, which is told twice
        os.close(os.open(place / f"x{number}", os.O_CREAT | os.O_WRONLY))
    assert ear.heard()


async def test_a_burst_is_over_before_it_is_told(place: Path, ear: Ear) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ear.notices.wait)
        for number in range(5):
            (place / f"{number}.yml").write_text(TEXT)
            await trio.sleep(module.QUIET_SECONDS / 4)
    assert not ear.notices._read()


async def test_without_inotify_time_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "INotify", None)
    monkeypatch.setattr(module, "DEAF_PAUSE_SECONDS", 0.01)
    ear = Ear(tmp_path)
    ear.cover()
    assert "condafs[watch]" in ear.notices.deafness
    await ear.notices.wait()
