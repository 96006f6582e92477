"""Extracted packages that lead out of themselves are told from those that do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from condafs.builder.sound_packages import find_problem

Entry = dict[str, Any]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret").write_text("hunter2")
    return directory


@pytest.fixture
def package(tmp_path: Path, outside: Path) -> Path:
    """Of each kind of thing one."""
    top = tmp_path / "zz-1.0-0"
    (top / "share/deep/below").mkdir(parents=True)
    (top / "info").mkdir()
    for name in ("share/file", "share/deep/below/file"):
        (top / name).write_text("")
    (top / "share/soft").symlink_to("file")
    (top / "share/elsewhere").symlink_to(outside)
    (top / "conda-meta").mkdir()
    for place in ("share", "conda-meta", ""):
        (top / place / "secret").symlink_to(outside / "secret")
    (top / "share/within").symlink_to("deep")
    return top


def problem(package: Path, *entries: Entry) -> str | None:
    (package / "info/paths.json").write_text(json.dumps({"paths": entries, "paths_version": 1}))
    return find_problem(package)


def file(path: str, **more: str) -> Entry:
    return {"_path": path, "path_type": "hardlink"} | more


def soft(path: str, **more: str) -> Entry:
    return {"_path": path, "path_type": "softlink"} | more


def test_files_directories_and_links_of_its_own_are_sound(package: Path) -> None:
    entries = [
        file("share/file", prefix_placeholder="/p"),
        file("share/deep/below/file"),
        {"_path": "share/deep", "path_type": "directory"},
        *map(soft, ("share/soft", "share/elsewhere", "share/secret", "share/within")),
        file("share/lost"),
        file("conda-meta/pinned"),
    ]
    assert problem(package, *entries) is None


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (file("share/elsewhere/secret"), "its 'share/elsewhere' is a link to"),
        (file("./share//elsewhere/./secret"), "its 'share/elsewhere' is a link to"),
        (soft("share/elsewhere/secret"), "its 'share/elsewhere' is a link to"),
        (file("share/within/below/file"), "its 'share/within' is a link to 'deep'"),
        (file("share/secret"), "as a file, and that is a link"),
        (file("share/secret", prefix_placeholder="/p"), "as a file, and that is a link"),
        (soft("share/secret", prefix_placeholder="/p"), "as a file, and that is a link"),
        (file("conda-meta/secret", prefix_placeholder="/p"), "as a file, and that is a link"),
        (file("secret"), "as a file, and that is a link"),
        (file("../outside/secret"), "no file in it"),
        (file("share/../../outside/secret"), "no file in it"),
        (file("/etc/hostname"), "no file in it"),
        (file(""), "no file in it"),
        (file("conda-meta/zz-other-1.0-0.json"), "records of packages"),
        (file("./conda-meta//zz-other-1.0-0.json"), "records of packages"),
        (file("share/deep/.."), "no file in it"),
        (file("share/deep/."), "no file in it"),
        (soft("share/elsewhere/"), "no file in it"),
        (file("share\0/file"), "cannot be read"),
        ({"path_type": "hardlink"}, "cannot be read"),
    ],
)
def test_a_list_that_leads_elsewhere_is_a_problem(package: Path, entry: Entry, words: str) -> None:
    sound = (file("share/file"), file("conda-meta/pinned"), file("file"))
    assert problem(package, *sound) is None
    found = problem(package, *sound, entry, *sound)
    assert found
    assert words in found


@pytest.mark.parametrize("name", ["info", "info/paths.json", "info/link.json", "info/has_prefix"])
def test_what_decides_about_linking_is_nobody_elses_to_change(package: Path, outside: Path, name: str) -> None:
    assert problem(package, file("share/file")) is None
    if (package / name).exists():
        (package / name).rename(outside / "moved")
    (package / name).symlink_to(outside / "moved")
    assert find_problem(package) == f"its {name} is a link"


@pytest.mark.parametrize("text", ["no JSON", "{}", "[" * 100_000], ids=["text", "nothing", "deep"])
def test_a_list_that_is_none_is_a_problem(package: Path, text: str) -> None:
    (package / "info/paths.json").write_text(text)
    found = find_problem(package)
    assert found
    assert "cannot be read" in found


def test_a_list_of_the_days_before_paths_json_is_read(package: Path) -> None:
    (package / "info/files").write_text("share/file\nshare/soft\nshare/secret\n")
    assert find_problem(package) is None
    (package / "info/has_prefix").write_text('/p text "share/secret"\n')
    found = find_problem(package)
    assert found
    assert "as a file, and that is a link" in found
    (package / "share/else\u2028where").symlink_to("elsewhere")
    for path in ("share/elsewhere/secret\r", "share/else\u2028where/secret"):
        (package / "info/files").write_text(f"share/file\n{path}\n", newline="")
        found = find_problem(package)
        assert found
        assert f"its {path.rpartition('/')[0]!r} is a link to" in found
