"""Pinning on disk: what becomes a link, and what a crash in between leaves."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from condafs.prefix.layout import INTERPRETER_PREFIX, PIN_FILE
from condafs.prefix.pinning import pin_interpreters
from tests.component.prefix.by_hand import ELF, add_python

NAMES = ("python", "python3", "python3.12")


def assert_pinned(prefix: Path) -> None:
    hidden = prefix / f"bin/{INTERPRETER_PREFIX}python3.12"
    for name in NAMES:
        assert os.readlink(prefix / "bin" / name) == str(hidden)
    assert hidden.read_bytes() == ELF
    assert not hidden.is_symlink()
    assert str(prefix / "bin/python3.12") in pin_text(prefix)
    assert not (prefix / f"bin/{INTERPRETER_PREFIX}link").is_symlink()


def pin_text(prefix: Path, library: str = "python3.12") -> str:
    line = (prefix / "lib" / library / "site-packages" / PIN_FILE).read_text()
    # The path is a Python literal in there; the fixture's quotes are escaped.
    return line.replace("\\'", "'")


def test_every_name_becomes_an_absolute_link_to_the_executable(prefix: Path) -> None:
    assert pin_interpreters(prefix) == tuple(prefix / "bin" / name for name in NAMES)
    assert_pinned(prefix)


def test_pinning_again_changes_nothing(prefix: Path) -> None:
    pin_interpreters(prefix)
    before = {path: path.lstat().st_mtime_ns for path in prefix.rglob("*")}
    assert pin_interpreters(prefix) == tuple(prefix / "bin" / name for name in NAMES)
    assert {path: path.lstat().st_mtime_ns for path in prefix.rglob("*")} == before


def test_a_sealed_prefix_can_be_asked_to_pin_again(prefix: Path) -> None:
    pin_interpreters(prefix)
    (prefix / "bin").chmod(0o555)
    pin_interpreters(prefix)
    assert_pinned(prefix)


def test_the_executable_stays_a_hard_link_into_the_cache(prefix: Path, tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    os.link(prefix / "bin/python3.12", cached)
    pin_interpreters(prefix)
    assert (prefix / "bin/python").stat().st_ino == cached.stat().st_ino


def test_a_crash_after_the_second_name_is_mended(prefix: Path) -> None:
    os.link(prefix / "bin/python3.12", prefix / f"bin/{INTERPRETER_PREFIX}python3.12")
    pin_interpreters(prefix)
    assert_pinned(prefix)


def test_a_crash_between_two_links_is_mended(prefix: Path) -> None:
    hidden = prefix / f"bin/{INTERPRETER_PREFIX}python3.12"
    os.link(prefix / "bin/python3.12", hidden)
    (prefix / "bin/python3.12").unlink()
    (prefix / "bin/python3.12").symlink_to(hidden)
    (prefix / f"bin/{INTERPRETER_PREFIX}link").symlink_to("nowhere")
    pin_interpreters(prefix)
    assert_pinned(prefix)


def test_a_crash_while_the_pin_file_was_written_is_mended(prefix: Path) -> None:
    pin_interpreters(prefix)
    (prefix / "lib/python3.12/site-packages" / PIN_FILE).write_text("import sy")
    pin_interpreters(prefix)
    assert_pinned(prefix)


def test_a_second_name_of_another_executable_is_replaced(prefix: Path) -> None:
    (prefix / f"bin/{INTERPRETER_PREFIX}python3.12").write_bytes(b"\x7fELF of yesterday")
    pin_interpreters(prefix)
    assert_pinned(prefix)


def test_an_environment_without_python_has_nothing_to_pin(tmp_path: Path) -> None:
    assert pin_interpreters(tmp_path) == ()


def test_a_wrapper_script_stays_and_links_to_it_become_absolute(prefix: Path) -> None:
    (prefix / "bin/python3.12").write_text("#!/bin/sh\n")
    assert pin_interpreters(prefix) == (prefix / "bin/python", prefix / "bin/python3")
    assert (prefix / "bin/python3.12").is_file()
    assert os.readlink(prefix / "bin/python") == str(prefix / "bin/python3.12")


def test_links_that_lead_out_of_the_prefix_or_nowhere_are_left_alone(prefix: Path) -> None:
    (prefix / "bin/python2").symlink_to("/usr/bin/env")
    (prefix / "bin/python2.7").symlink_to("gone")
    pin_interpreters(prefix)
    assert os.readlink(prefix / "bin/python2") == "/usr/bin/env"
    assert os.readlink(prefix / "bin/python2.7") == "gone"


@pytest.mark.parametrize(("library", "executable"), [("python3.13t", "python3.13t"), ("pypy3.10", "pypy3.10")])
def test_other_pythons_are_pinned_in_their_own_library(tmp_path: Path, library: str, executable: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / f"lib/{library}/site-packages").mkdir(parents=True)
    (tmp_path / "bin" / executable).write_bytes(ELF)
    (tmp_path / "bin/python").symlink_to(executable)
    assert pin_interpreters(tmp_path) == tuple(sorted((tmp_path / "bin/python", tmp_path / "bin" / executable)))
    assert str(tmp_path / "bin" / executable) in pin_text(tmp_path, library)


def test_two_pythons_beside_each_other_keep_apart(tmp_path: Path) -> None:
    add_python(tmp_path, "3.13t")
    (tmp_path / "bin/python3").unlink()
    (tmp_path / "bin/python").unlink()
    add_python(tmp_path, "3.12")
    pin_interpreters(tmp_path)
    assert str(tmp_path / "bin/python3.12'") in pin_text(tmp_path)
    assert str(tmp_path / "bin/python3.13t'") in pin_text(tmp_path, "python3.13t")


def test_a_link_to_the_library_gets_no_pin_of_its_own(prefix: Path) -> None:
    (prefix / "lib/python3.1").symlink_to("python3.12")
    pin_interpreters(prefix)
    assert str(prefix / "bin/python3.12") in pin_text(prefix)


def test_a_python_without_site_packages_is_pinned_as_far_as_it_goes(prefix: Path) -> None:
    (prefix / "lib/python3.12/site-packages").rmdir()
    assert len(pin_interpreters(prefix)) == len(NAMES)


def test_a_pin_file_is_never_written_through_a_hard_link(prefix: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    other.write_text("import other")
    os.link(other, prefix / "lib/python3.12/site-packages" / PIN_FILE)
    pin_interpreters(prefix)
    assert other.read_text() == "import other"
    assert_pinned(prefix)


CRASH = """
import os, pathlib, sys
from condafs.prefix.pinning import pin_interpreters
left = int(sys.argv[2])

def crash(event, arguments):
    global left
    if event in {"open", "os.link", "os.symlink", "os.rename", "os.remove", "os.listdir", "os.scandir"}:
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(crash)
pin_interpreters(pathlib.Path(sys.argv[1]))
"""


def test_wherever_it_is_interrupted_pythons_keep_working_and_the_next_run_finishes(tmp_path: Path) -> None:
    """The process ends before its first access to the disk, before its second, and so on until it gets through."""
    for step in itertools.count():
        prefix = tmp_path / str(step)
        add_python(prefix)
        done = subprocess.run([sys.executable, "-c", CRASH, prefix, str(step)], check=False, timeout=60)
        assert done.returncode in (0, 9)
        assert all((prefix / "bin" / name).read_bytes() == ELF for name in NAMES)
        pin_interpreters(prefix)
        assert_pinned(prefix)
        if done.returncode == 0:
            break
    assert step > len(NAMES)
