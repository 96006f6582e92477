"""`bin/conda-unpack`, run as people run it: in unpacked trees, again after moving, interrupted, refused."""

import ast
import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condafs.export.unpack import Placeholder, render_unpack

PLACEHOLDER = "/opt/placehold" + "_placehold" * 8
SHORT = "/opt/short_placeholder"

TEXT = f"root={PLACEHOLDER}/etc and {PLACEHOLDER}\nno newline at the end"
SCRIPT = f"#!{PLACEHOLDER}/bin/python3.12 -u\nimport sys  # {PLACEHOLDER}\n"
OTHER = f"#!{PLACEHOLDER}/bin/perl -w\nprint 1;\n"
BINARY = b"\0\1" + f"{PLACEHOLDER}/lib:{PLACEHOLDER}/lib64".encode() + b"\0rest\0" + PLACEHOLDER.encode() + b"/x\0\xff"
FILES = {
    "etc/text": (TEXT.encode(), 0o644, False, PLACEHOLDER),
    "bin/script": (SCRIPT.encode(), 0o755, False, PLACEHOLDER),
    "bin/other": (OTHER.encode(), 0o755, False, PLACEHOLDER),
    "lib/bi\udcffnary é": (BINARY, 0o755, True, PLACEHOLDER),
    "etc/short": (f"[{SHORT}]".encode(), 0o600, False, SHORT),
}


def unpack_to(place: Path) -> Path:
    """A tree as an archive has it."""
    for path, (content, mode, _, _) in FILES.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
        os.utime(target, (5, 5))
    (place / "conda-meta").mkdir()
    program = place / "bin/conda-unpack"
    program.write_bytes(render_unpack([Placeholder(p, f[3], f[2]) for p, f in FILES.items()]))
    program.chmod(0o755)
    return place


def run(place: Path, *options: str, code: int = 0, user: int | None = None) -> str:
    """Run it with this python; what it printed, errors too."""
    python = sys.executable if user is None else shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin")
    command = [python, place / "bin/conda-unpack", *options]
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, user=user)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def contents(place: Path) -> dict[str, bytes]:
    return {path: (place / path).read_bytes() for path in FILES}


def expected(prefix: str) -> dict[str, bytes]:
    """What a fresh tree becomes; the rules of first lines are written out once more here."""
    found = {}
    for path, (content, _, is_binary, placeholder) in FILES.items():
        if is_binary:
            strings = content.split(b"\0")
            new = [text.replace(placeholder.encode(), prefix.encode()) for text in strings]
            padded = [text + bytes(len(old) - len(text)) for text, old in zip(new, strings, strict=True)]
            found[path] = b"\0".join(padded)
        else:
            found[path] = content.replace(placeholder.encode(), prefix.encode())
    return found


def test_files_get_the_place_of_the_tree(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    assert "wrote" in run(place)
    assert contents(place) == expected(str(place))
    for path, (_, mode, _, _) in FILES.items():
        found = (place / path).stat()
        assert (found.st_mode & 0o7777, found.st_mtime) == (mode, 5)
    assert not list(place.rglob("*.conda-unpack-*"))
    assert not list(place.rglob("__pycache__"))


def test_a_second_run_changes_nothing_and_says_so(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place)

    def stamps() -> list[tuple[int, int]]:
        found = ((place / path).stat() for path in (*FILES, "conda-meta/conda-unpack.json"))
        return [(stat.st_ino, stat.st_mtime_ns) for stat in found]

    before = stamps()
    assert "nothing to do" in run(place)
    assert stamps() == before


names = st.text("abcdefgh ", min_size=1, max_size=60).map(str.strip).filter(bool)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(names, min_size=2, max_size=4))
def test_moved_and_run_again_it_is_as_unpacked_there(
    tmp_path_factory: pytest.TempPathFactory, places: list[str]
) -> None:
    top = tmp_path_factory.mktemp("m")
    prefixes = [f"/x/{name}" for name in places]
    place = unpack_to(top / "env")
    for prefix in prefixes:
        run(place, "--prefix", prefix, "-q")
    fresh = unpack_to(top / "fresh")
    run(fresh, "--prefix", prefixes[-1], "-q")
    assert contents(place) == contents(fresh)


@pytest.mark.parametrize(
    ("prefix", "first", "other"),
    [
        ("/p", b"#!/p/bin/python3.12 -u\n", b"#!/p/bin/perl -w\n"),
        (
            "/p q",
            b"#!/bin/sh\n'''exec' \"/p q/bin/python3.12\" -u \"$0\" \"$@\" #'''\n",
            b"#!/usr/bin/env perl -w\n",
        ),
    ],
)
def test_first_lines_are_as_rattler_writes_them(tmp_path: Path, prefix: str, first: bytes, other: bytes) -> None:
    place = unpack_to(tmp_path / "env")
    run(place, "--prefix", prefix)
    assert (place / "bin/script").read_bytes().startswith(first)
    assert (place / "bin/other").read_bytes().startswith(other)
    run(place, "--prefix", "/r")
    assert contents(place) == expected("/r")


def test_a_name_that_only_begins_like_the_place_is_left_alone(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place, "--prefix", "/envs/foo")
    text = (place / "etc/text").read_bytes()
    assert b"/envs/foo" in text
    run(place, "--prefix", "/envs/foobar")
    run(place, "--prefix", "/envs/foo")
    assert (place / "etc/text").read_bytes() == text


@pytest.mark.parametrize("done", range(len(FILES) + 1))
def test_a_run_that_was_killed_is_finished_by_the_next(tmp_path: Path, done: int) -> None:
    place, moved = unpack_to(tmp_path / "env"), unpack_to(tmp_path / "moved")
    run(place, "--prefix", "/first")
    run(moved, "--prefix", "/first")
    run(moved, "--prefix", "/second")
    state = json.loads((place / "conda-meta/conda-unpack.json").read_text())
    (place / "conda-meta/conda-unpack.json").write_text(json.dumps({**state, "prefixes": ["/first", "/second"]}))
    for path in list(FILES)[:done]:
        (moved / path).replace(place / path)
    run(place, "--prefix", "/third place")
    fresh = unpack_to(tmp_path / "fresh")
    run(fresh, "--prefix", "/third place")
    assert contents(place) == contents(fresh)


def test_an_edited_file_is_left_and_named_and_the_others_are_done(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place, "--prefix", "/first")
    (place / "etc/text").write_text("mine now")
    said = run(place, "--prefix", "/second", code=1)
    assert "etc/text was edited" in said
    assert (place / "etc/text").read_text() == "mine now"
    assert (place / "etc/short").read_text() == "[/second]"


def test_a_file_that_was_removed_is_no_trouble(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    (place / "bin/other").unlink()
    assert "bin/other" not in run(place)
    assert "bin/other is not there any more" in run(place, "--verbose", "--prefix", "/other")


def test_a_prefix_that_a_binary_has_no_room_for_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    before = contents(place)
    said = run(place, "--prefix", "/x" * 60, code=2)
    assert f"room for {len(PLACEHOLDER)}" in said
    assert contents(place) == before
    assert not (place / "conda-meta/conda-unpack.json").exists()


@pytest.mark.parametrize("prefix", ["relative", "/a'b", '/a"b', "/a$b", "/a`b", "/a\\b", "/a\nb"])
def test_a_prefix_that_scripts_would_not_survive_is_refused(tmp_path: Path, prefix: str) -> None:
    place = unpack_to(tmp_path / "env")
    before = contents(place)
    run(place, "--prefix", prefix, code=2)
    assert contents(place) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_the_parent_may_be_read_only_and_the_tree_may_not(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents):
        if directory.is_relative_to("/tmp"):  # noqa: S108 - pytest's own
            directory.chmod(directory.stat().st_mode | 0o055)
    place = unpack_to(tmp_path / "env")
    (place / "etc/short").chmod(0o644)
    said = run(place, code=2, user=65534)
    assert "nothing was changed" in said
    for path in (place, *place.rglob("*")):
        os.chown(path, 65534, 65534)
    assert "wrote" in run(place, user=65534)


def test_a_link_that_was_put_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    victim = tmp_path / "victim"
    victim.write_bytes((place / "etc/text").read_bytes())
    (place / "etc/text").unlink()
    (place / "etc/text").symlink_to(victim)
    run(place)
    assert victim.read_bytes() == TEXT.encode()


@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
def test_it_runs_by_itself_with_the_python_beside_it(tmp_path: Path, shell: str) -> None:
    place = unpack_to(tmp_path / "a tree")
    (place / "bin/python").symlink_to(sys.executable)
    subprocess.run([shell, place / "bin/conda-unpack", "-q"], check=True, env={"PATH": "/usr/bin:/bin"})
    assert contents(place)["etc/short"].decode() == f"[{place}]"


def test_without_any_python_it_says_so(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    ended = subprocess.run(
        ["/bin/sh", place / "bin/conda-unpack"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 127
    assert "no python" in ended.stderr


def test_any_python_since_3_6_can_read_it() -> None:
    text = files("condafs.export").joinpath("conda_unpack.py").read_text()
    ast.parse(text, feature_version=(3, 6))


def test_the_program_is_the_same_for_the_same_files() -> None:
    placeholders = [Placeholder(p, f[3], f[2]) for p, f in FILES.items()]
    assert render_unpack(placeholders) == render_unpack(placeholders[::-1])
    assert render_unpack(placeholders).isascii()
