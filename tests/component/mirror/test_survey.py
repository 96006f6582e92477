"""What is seen below watched paths, on a real file system."""

import os
from pathlib import Path

import pytest

from condafs.mirror.survey import Selection, Survey, survey

TEXT = "dependencies: [python]\n"


def put(path: Path, text: str = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def look(*paths: Path, patterns: tuple[str, ...] = ()) -> Survey:
    return survey(Selection(paths, patterns))


def test_files_are_found_at_any_depth(tmp_path: Path) -> None:
    first, second = put(tmp_path / "a.yaml"), put(tmp_path / "b/c/d/environment.yml")
    put(tmp_path / "b/notes.txt")
    put(tmp_path / "b/pixi.lock")
    seen = look(tmp_path)
    assert set(seen.files) == {first, second}
    assert [seen.files[path].is_certain for path in (first, second)] == [False, True]


@pytest.mark.parametrize("place", [".git", ".venv", "node_modules", "env/lib", "venv/lib"])
def test_what_is_hidden_or_installed_is_passed_over(tmp_path: Path, place: str) -> None:
    put(tmp_path / place / "a.yaml")
    put(tmp_path / "env/conda-meta/history")
    put(tmp_path / "venv/pyvenv.cfg")
    seen = look(tmp_path)
    assert seen.files == {}
    assert not any(str(tmp_path / place) in path for path in seen.interests)


def test_a_hidden_directory_that_is_named_is_watched(tmp_path: Path) -> None:
    path = put(tmp_path / ".specs/a.yaml")
    assert set(look(path.parent).files) == {path}


def test_a_path_that_leads_nowhere_is_missed_and_its_coming_would_be_heard(tmp_path: Path) -> None:
    path = tmp_path / "a/b/environment.yml"
    seen = look(path)
    assert seen.missing == [path]
    assert seen.interests[str(tmp_path)].names == {"a"}


def test_each_link_on_the_way_matters(tmp_path: Path) -> None:
    put(tmp_path / "releases/5/environment.yml")
    (tmp_path / "current").symlink_to("releases/5")
    (tmp_path / "environment.yml").symlink_to("current/environment.yml")
    seen = look(tmp_path / "environment.yml")
    assert set(seen.files) == {tmp_path / "environment.yml"}
    assert seen.interests[str(tmp_path)].names == {"environment.yml", "current"}
    assert seen.interests[str(tmp_path / "releases/5")].names == {"environment.yml"}
    assert str(tmp_path / "releases") in seen.interests  # its move would lead elsewhere


def test_links_to_files_are_followed_below_a_directory_and_links_to_directories_are_not(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/real.yaml")
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched/a.yaml").symlink_to("../elsewhere/real.yaml")
    (tmp_path / "watched/loop").symlink_to("..")
    seen = look(tmp_path / "watched")
    assert set(seen.files) == {tmp_path / "watched/a.yaml"}
    assert seen.interests[str(tmp_path / "elsewhere")].names == {"real.yaml"}


def test_links_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("b.yaml")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert look(tmp_path).files == {}
    assert look(tmp_path / "a.yaml").missing == [tmp_path / "a.yaml"]


def test_one_file_behind_two_paths_is_one(tmp_path: Path) -> None:
    path = put(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    (tmp_path / "c.yaml").hardlink_to(path)
    assert set(look(tmp_path, path).files) == {path}


def test_what_is_no_file_is_no_specification(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "environment.yml")
    (tmp_path / "a.yaml").mkdir()
    assert look(tmp_path).files == {}
    assert look(tmp_path / "environment.yml").files == {}


def test_patterns_choose_and_make_certain(tmp_path: Path) -> None:
    put(tmp_path / "a.yaml")
    path = put(tmp_path / "b.lock")
    seen = look(tmp_path, patterns=("*.lock",))
    assert set(seen.files) == {path}
    assert seen.files[path].is_certain


def test_the_signature_tells_every_way_to_change_a_file(tmp_path: Path) -> None:
    path = put(tmp_path / "a.yaml")
    before = path.stat()
    signatures = {look(path).files[path].signature}
    path.write_text(TEXT.upper())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    signatures.add(look(path).files[path].signature)
    put(tmp_path / "b.yaml").replace(path)
    signatures.add(look(path).files[path].signature)
    assert len(signatures) == 3
