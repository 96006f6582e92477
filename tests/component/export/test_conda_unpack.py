"""`bin/conda-unpack`, run as people run it: in unpacked trees, again after moving, interrupted, refused."""

import fcntl
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condafs.export.unpack import Placeholder, render_unpack

STATE = "conda-meta/conda-unpack"
PLACEHOLDER = "/opt/placehold" + "_placehold" * 8
SHORT = "/opt/short_placeholder"

TEXT = f"root={PLACEHOLDER}/etc and {PLACEHOLDER}\nno newline at the end"
SCRIPT = f"#!{PLACEHOLDER}/bin/python3.12 -u\nimport sys  # {PLACEHOLDER}\n"
OTHER = f"#!{PLACEHOLDER}/bin/perl -w\nprint 1;\n"
BINARY = b"\0\1" + f"{PLACEHOLDER}/lib:{PLACEHOLDER}/lib64".encode() + b"\0rest\0" + PLACEHOLDER.encode() + b"/x\0\xff"

Files = dict[str, tuple[bytes, int, bool, str]]
FILES: Files = {
    "etc/text": (TEXT.encode(), 0o644, False, PLACEHOLDER),
    "bin/script": (SCRIPT.encode(), 0o755, False, PLACEHOLDER),
    "bin/other": (OTHER.encode(), 0o4755, False, PLACEHOLDER),
    "lib/bi\udcffnary é": (BINARY, 0o755, True, PLACEHOLDER),
    "etc/short": (f"[{SHORT}]".encode(), 0o600, False, SHORT),
}

# Trees and runs


def unpack_to(place: Path, files: Files = FILES) -> Path:
    """A tree as an archive has it; one that is there already is unpacked over, as tar does."""
    for path, (content, mode, _, _) in files.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
        os.utime(target, (5, 5))
    (place / "conda-meta").mkdir(exist_ok=True)
    program = place / "bin/conda-unpack"
    program.parent.mkdir(exist_ok=True)
    program.write_bytes(render_unpack([Placeholder(path, file[3], file[2]) for path, file in files.items()]))
    program.chmod(0o755)
    return place


def run(
    place: Path, *options: str | bytes, code: int = 0, python: str = sys.executable, user: int | None = None
) -> str:
    """Run it with this python; what it printed, errors too."""
    command = [python, place / "bin/conda-unpack", *options]
    ended = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", check=False, user=user)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def run_here(place: Path, *options: str) -> int:
    """Run it in this process: for laws, which need many runs."""
    main: Callable[[tuple[str, ...]], int] = runpy.run_path(str(place / "bin/conda-unpack"))["main"]
    return main(options)


def successors(place: Path) -> list[Path]:
    """Where new files are written before they take their places."""
    tree = runpy.run_path(str(place / "bin/conda-unpack"))["Tree"](os.fsencode(place))
    return [place / os.fsdecode(file.fresh) for file in tree.files]


def contents(place: Path, files: Files = FILES) -> dict[str, bytes]:
    return {path: (place / path).read_bytes() for path in files}


def stamps(place: Path) -> dict[str, tuple[int, ...]]:
    """What tells whether anything was written, of everything in a tree."""
    found = {str(path): path.lstat() for path in (place, *place.rglob("*"))}
    return {path: (stat.st_ino, stat.st_mode, stat.st_mtime_ns, stat.st_ctime_ns) for path, stat in found.items()}


# What is to be expected: rattler's rules (crates/rattler/src/install/link.rs) once more, by other means


def expected(prefix: str, files: Files = FILES) -> dict[str, bytes]:
    old_new = {path: (file[0], file[2], os.fsencode(file[3]), os.fsencode(prefix)) for path, file in files.items()}
    return {
        path: in_strings(content, old, new) if is_binary else in_text(content, old, new)
        for path, (content, is_binary, old, new) in old_new.items()
    }


def in_strings(content: bytes, old: bytes, new: bytes) -> bytes:
    return b"\0".join(string.replace(old, new).ljust(len(string), b"\0") for string in content.split(b"\0"))


def in_text(content: bytes, old: bytes, new: bytes) -> bytes:
    if not content.startswith(b"#!"):
        return content.replace(old, new)
    first, newline, rest = content.partition(b"\n")
    return in_first_line(first, old, new) + newline + rest.replace(old, new)


def in_first_line(line: bytes, old: bytes, new: bytes) -> bytes:
    line = line.decode(errors="replace").encode()
    if b" " in new:
        return without_limit(line).replace(old, new) if old in line else line
    line = line.replace(old, new)
    return line if len(line) <= 127 else without_limit(line)


def without_limit(line: bytes) -> bytes:
    found = re.match(rb"#!\x20*(/(?:\\\x20|[^\x20\n\r\t])*)", line)
    if not found:
        return line
    path, rest = found[1], line[found.end() :]
    name = path.split(b"/")[-1]
    if re.fullmatch(rb"python(\d+(\.\d+)?)?", name):
        return b"#!/bin/sh\n'''exec' \"%s\"%s \"$0\" \"$@\" #'''" % (path, rest)
    return b"#!/usr/bin/env %s%s" % (name, rest)


# Writing


def test_files_get_the_place_of_the_tree(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    assert run(place) == f"conda-unpack: wrote {place} into 5 files\n"
    assert contents(place) == expected(str(place))


def test_modes_and_times_are_kept_and_nothing_is_left_over(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    before = set(place.rglob("*"))
    run(place)
    for path, (_, mode, _, _) in FILES.items():
        found = (place / path).stat()
        assert (found.st_mode & 0o7777, found.st_mtime) == (mode, 5)
    assert set(place.rglob("*")) - before == {place / STATE}


def test_a_second_run_changes_nothing_and_says_so(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place)
    before = stamps(place)
    assert run(place) == f"conda-unpack: nothing to do: {place} stands in all files already\n"
    assert stamps(place) == before


def test_a_second_name_of_a_file_keeps_what_it_has(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    os.link(place / "etc/text", tmp_path / "in the package cache")
    run(place)
    assert (tmp_path / "in the package cache").read_text() == TEXT


def test_quiet_is_quiet_and_verbose_names_files(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    assert run(place, "--quiet") == ""
    said = run(place, "--verbose", "--prefix", "/elsewhere")
    assert set(FILES) < set(said.splitlines())


def test_a_file_that_holds_no_placeholder_after_all_is_no_trouble(tmp_path: Path) -> None:
    files: Files = {"bin/plain": (b"#!/bin/sh\necho\n", 0o755, False, PLACEHOLDER), "etc/text": FILES["etc/text"]}
    place = unpack_to(tmp_path / "env", files)
    run(place)
    (place / "bin/plain").write_text("#!/bin/bash\n")
    run(place, "--prefix", "/elsewhere")
    assert (place / "bin/plain").read_text() == "#!/bin/bash\n"


def test_bytes_of_names_and_prefixes_survive_in_any_locale(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    subprocess.run(
        [sys.executable, "-X", "utf8=0", place / "bin/conda-unpack", "--prefix", b"/caf\xe9/\xc3\xa9"],
        env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        check=True,
    )
    assert contents(place) == expected("/caf\udce9/\N{LATIN SMALL LETTER E WITH ACUTE}")


# Moving


def test_a_tree_that_was_moved_becomes_as_unpacked_there(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place)
    moved = place.rename(tmp_path / "another place")
    run(moved)
    assert contents(moved) == expected(str(moved))


pieces = st.sampled_from(
    [PLACEHOLDER, PLACEHOLDER, "\0", "\n", " ", "/", "bin/python3.12", "bin/perl", "\r", "#!", "e"]
)
bodies = st.lists(pieces, max_size=12).map(lambda parts: "".join(parts).encode())
interpreters = st.sampled_from(
    [
        "/bin/python3.12",
        "/bin/python",
        "/bin/python3.12.1",
        "/bin/pypy3",
        "/bin/perl",
        "/bin/python3.13t",
        "/a\\ b/python3",
    ]
)
first_lines = st.builds(
    lambda space, start, name, end: f"#!{space}{start}{name}{end}".encode(),
    st.sampled_from(["", " ", "\t"]),
    st.sampled_from([PLACEHOLDER, "/usr", "/usr" * 40, ""]),
    interpreters,
    st.sampled_from(["", " -u", "\t-w", "\r", f" -I {PLACEHOLDER}/x", " -é" * 20]),
)
prefixes = st.builds(
    lambda text, length: f"/{text}"[:length].rstrip("/") or "/x",
    st.text("ab/ é", min_size=1, max_size=40).map(lambda text: text * 40),
    st.integers(2, 90),
).filter(lambda text: len(text.encode()) <= len(PLACEHOLDER))


@settings(max_examples=150, deadline=None)
@given(first_lines, bodies, bodies, st.lists(prefixes, min_size=1, max_size=4))
def test_after_any_moves_it_is_what_rattler_installs_at_the_last_place(
    first: bytes, text: bytes, binary: bytes, places: list[str]
) -> None:
    files: Files = {
        "script": (first + b"\n" + text, 0o755, False, PLACEHOLDER),
        "text": (text, 0o644, False, PLACEHOLDER),
        "binary": (binary, 0o755, True, PLACEHOLDER),
    }
    with tempfile.TemporaryDirectory() as top:
        place = unpack_to(Path(top), files)
        for prefix in places:
            assert run_here(place, "--quiet", "--prefix", prefix) == 0
        if not text.startswith(b"#!") or b"\n" in text:  # rattler has no rule for a script of half a line
            assert contents(place, files) == expected(places[-1], files)


@pytest.mark.parametrize("prefix", ["/p", "/" + "p" * 88, "/with a blank", "/" + "p" * 109, "/" + "p" * 110])
def test_an_entry_point_is_as_rattler_generates_it(tmp_path: Path, prefix: str) -> None:
    """`PythonInfo::shebang` asks for the length of the path alone, and never for `env`."""
    files: Files = {"bin/tool": (f"#!{PLACEHOLDER}/bin/python3.12\nimport re\n".encode(), 0o755, False, PLACEHOLDER)}
    place = unpack_to(tmp_path / "env", files)
    run(place, "--prefix", prefix)
    path = f"{prefix}/bin/python3.12"
    is_plain = len(path) <= 125 and " " not in path
    first = f"#!{path}" if is_plain else f"#!/bin/sh\n'''exec' \"{path}\" \"$0\" \"$@\" #'''"
    assert (place / "bin/tool").read_text() == f"{first}\nimport re\n"


@pytest.mark.parametrize(
    ("prefix", "script", "other"),
    [
        ("/p", b"#!/p/bin/python3.12 -u\n", b"#!/p/bin/perl -w\n"),
        (
            "/p q",
            b"#!/bin/sh\n'''exec' \"/p q/bin/python3.12\" -u \"$0\" \"$@\" #'''\n",
            b"#!/usr/bin/env perl -w\n",
        ),
    ],
)
def test_first_lines_change_there_and_back(tmp_path: Path, prefix: str, script: bytes, other: bytes) -> None:
    place = unpack_to(tmp_path / "env")
    run(place, "--prefix", prefix)
    assert (place / "bin/script").read_bytes().startswith(script)
    assert (place / "bin/other").read_bytes().startswith(other)
    run(place, "--prefix", "/r")
    assert contents(place) == expected("/r")


def test_a_first_line_that_is_too_long_goes_through_sh_or_env_until_it_is_short(tmp_path: Path) -> None:
    files = {path: FILES[path] for path in ("bin/script", "bin/other")}
    place = unpack_to(tmp_path / "env", files)
    run(place, "--prefix", "/p" * 80)
    assert (place / "bin/script").read_bytes().startswith(b"#!/bin/sh\n'''exec' \"/p/p")
    assert (place / "bin/other").read_bytes().startswith(b"#!/usr/bin/env perl -w\n")
    run(place, "--prefix", "/r")
    assert contents(place, files) == expected("/r", files)


def test_a_path_that_only_begins_like_the_place_is_left_alone(tmp_path: Path) -> None:
    files: Files = {"text": (f"/envs/foobar {PLACEHOLDER} /envs/foo\n".encode(), 0o644, False, PLACEHOLDER)}
    place = unpack_to(tmp_path / "env", files)
    for prefix in ("/envs/foo", "/envs/foobar", "/envs", "/envs/foo"):
        run(place, "--prefix", prefix)
        assert (place / "text").read_text() == f"/envs/foobar {prefix} /envs/foo\n"


def test_the_same_archive_may_be_unpacked_over_it_again(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place)
    unpack_to(place)
    run(place)
    assert contents(place) == expected(str(place))


def test_another_archive_may_be_unpacked_over_it(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place)
    newer: Files = {**FILES, "etc/text": (f"2.0 {PLACEHOLDER}".encode(), 0o644, False, PLACEHOLDER)}
    unpack_to(place, newer)
    run(place, "--prefix", "/elsewhere")
    assert contents(place, newer) == expected("/elsewhere", newer)


# Interrupted and edited


@pytest.mark.parametrize("after", ["/second place", "/first", "/third"])
@pytest.mark.parametrize("done", range(len(FILES) + 1))
def test_a_run_that_was_killed_is_finished_by_the_next(tmp_path: Path, done: int, after: str) -> None:
    place, ahead = unpack_to(tmp_path / "env"), unpack_to(tmp_path / "ahead")
    for tree in (place, ahead):
        assert run_here(tree, "--quiet", "--prefix", "/first") == 0
    assert run_here(ahead, "--quiet", "--prefix", "/second place") == 0
    state = json.loads((place / STATE).read_text())
    (place / STATE).write_text(json.dumps({**state, "prefixes": ["/first", "/second place"]}))
    for path in list(FILES)[:done]:
        (ahead / path).replace(place / path)
    for successor in (*successors(place)[done:], place / "conda-meta/.conda-unpack-state"):
        successor.write_bytes(b"half of i")
    run(place, "--prefix", after)
    assert contents(place) == expected(after)
    assert json.loads((place / STATE).read_text())["prefixes"] == [after]
    assert not list(place.rglob(".conda-unpack-*"))


def test_a_first_run_that_was_killed_is_finished_at_another_place(tmp_path: Path) -> None:
    place, ahead = unpack_to(tmp_path / "env"), unpack_to(tmp_path / "ahead")
    run(ahead, "--prefix", "/first")
    for path in (STATE, "bin/script", "etc/short"):
        (ahead / path).replace(place / path)
    run(place, "--prefix", "/second")
    assert contents(place) == expected("/second")


def test_an_edited_file_is_left_and_named_and_the_others_are_done(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place, "--prefix", "/first")
    (place / "etc/text").write_text("mine now, /first")
    said = run(place, "--prefix", "/second", code=1)
    assert f"{place}/etc/text was edited since and is left as it is" in said
    assert "wrote /second into 4 files, left 1 as they are" in said
    assert contents(place) == {**expected("/second"), "etc/text": b"mine now, /first"}
    before = stamps(place)
    assert "was edited" in run(place, "--prefix", "/second", code=1)
    assert stamps(place) == before


def test_an_edit_that_is_taken_back_is_no_edit(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place, "--prefix", "/first")
    ours = (place / "etc/text").read_bytes()
    (place / "etc/text").write_text("mine")
    run(place, "--prefix", "/second", code=1)
    (place / "etc/text").write_bytes(ours)
    run(place, "--prefix", "/third")
    assert contents(place) == expected("/third")


def test_a_file_that_was_removed_is_no_trouble(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    (place / "bin/other").unlink()
    shutil.rmtree(place / "etc")
    assert "bin/other" not in run(place)
    assert "bin/other is not there any more" in run(place, "--verbose", "--prefix", "/other")


def test_a_link_that_was_put_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    victim = tmp_path / "victim"
    victim.write_text(TEXT)
    (place / "etc/text").unlink()
    (place / "etc/text").symlink_to(victim)
    run(place)
    assert victim.read_text() == TEXT


def test_what_a_linked_directory_holds_elsewhere_is_left_and_named(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    (place / "etc").rename(tmp_path / "etc")
    (place / "etc").symlink_to(tmp_path / "etc")
    assert "etc/text is behind a link that leads out of the tree" in run(place, code=1)
    assert (tmp_path / "etc/text").read_text() == TEXT
    assert len(list((tmp_path / "etc").iterdir())) == 2


def test_a_linked_directory_inside_the_tree_is_followed(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    (place / "etc").rename(place / "config")
    (place / "etc").symlink_to("config")
    run(place)
    assert contents(place) == expected(str(place))


# Refused


def refused(place: Path, *options: str | bytes) -> str:
    """Run it; nothing may be changed."""
    before = stamps(place)
    said = run(place, *options, code=2)
    assert stamps(place) == before
    return said


def test_a_prefix_that_a_binary_has_no_room_for_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    said = refused(unpack_to(tmp_path / "env"), "--prefix", "/x" * 60)
    assert f"lib/bi\udcffnary é has room for {len(PLACEHOLDER)}" in said
    assert "has 120 bytes" in said


def test_a_binary_that_was_removed_needs_no_room(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    (place / "lib/bi\udcffnary é").unlink()
    run(place, "--prefix", "/x" * 60)


@pytest.mark.parametrize(
    "prefix", ["relative", "", "/a'b", '/a"b', "/a$b", "/a`b", "/a\\b", "/a\nb", "/a\x1bb", "/a\x7fb"]
)
def test_a_prefix_that_scripts_would_not_survive_is_refused(tmp_path: Path, prefix: str) -> None:
    refused(unpack_to(tmp_path / "env"), "--prefix", prefix)


def test_a_tree_in_such_a_place_is_refused(tmp_path: Path) -> None:
    said = refused(unpack_to(tmp_path / "my $tree"))
    assert "'$'" in said


def test_a_slash_at_the_end_makes_no_difference(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    run(place, "--prefix", "/elsewhere/")
    assert contents(place) == expected("/elsewhere")


@pytest.mark.parametrize("state", ["", "[]", '{"prefixes": 3}', '{"prefixes": ["/a"], "files": {"etc/text": 1}}'])
def test_a_damaged_state_is_refused(tmp_path: Path, state: str) -> None:
    place = unpack_to(tmp_path / "env")
    (place / STATE).write_text(state)
    assert "is damaged: remove it" in refused(place)


def test_two_runs_at_a_time_are_refused(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    with (place / "bin/conda-unpack").open() as program:
        fcntl.flock(program, fcntl.LOCK_EX)
        assert "another conda-unpack" in refused(place)
    run(place)


def test_when_a_file_cannot_be_written_whole_nothing_is_changed(tmp_path: Path) -> None:
    """A limit on the size of files does as a full disk, at the largest of them."""
    files: Files = {**FILES, "lib/large": (bytes(100_000) + PLACEHOLDER.encode(), 0o755, True, PLACEHOLDER)}
    place = unpack_to(tmp_path / "env", files)
    command = ["sh", "-c", 'ulimit -f 64; exec "$0" "$@"', sys.executable, str(place / "bin/conda-unpack")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert f"{place}/lib/large cannot be written: File too large" in ended.stderr
    assert "nothing was changed" in ended.stderr
    assert contents(place, files) == {path: file[0] for path, file in files.items()}
    assert not list(place.rglob(".conda-unpack-*"))
    run(place)
    assert contents(place, files) == expected(str(place), files)


# Without rights to everything


SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin")
NOBODY = 65534

without_rights = pytest.mark.skipif(os.geteuid() != 0 or not SYSTEM_PYTHON, reason="needs root and a python for all")


@pytest.fixture
def parent() -> Iterator[Path]:
    """A directory that others may look into and not write to."""
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o555)
        yield Path(top)


@without_rights
def test_the_parent_may_be_read_only(parent: Path) -> None:
    place = unpack_to(parent / "env")
    for path in (place, *place.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    assert "wrote" in run(place, python=str(SYSTEM_PYTHON), user=NOBODY)
    assert contents(place) == expected(str(place))
    assert list(parent.iterdir()) == [place]


@without_rights
def test_a_tree_that_cannot_be_written_to_is_refused_and_named(parent: Path) -> None:
    place = unpack_to(parent / "env")
    (place / "etc/short").chmod(0o644)
    before = stamps(place)
    said = run(place, python=str(SYSTEM_PYTHON), user=NOBODY, code=2)
    assert f"{place}/bin/other cannot be written: Permission denied; run this as the owner" in said
    assert stamps(place) == before


@without_rights
def test_where_there_is_nothing_to_do_no_rights_are_needed(parent: Path) -> None:
    place = unpack_to(parent / "env")
    (place / "etc/short").chmod(0o644)
    run(place)
    assert "nothing to do" in run(place, python=str(SYSTEM_PYTHON), user=NOBODY)


@without_rights
def test_root_leaves_files_to_their_owner(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    os.chown(place / "bin/other", NOBODY, NOBODY)
    (place / "bin/other").chmod(0o4755)
    run(place)
    found = (place / "bin/other").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (NOBODY, NOBODY, 0o4755)


# How it is started


@pytest.mark.parametrize("shell", [[], ["sh"], ["bash"], ["dash"]])
def test_it_runs_by_itself_with_the_python_beside_it(tmp_path: Path, shell: list[str]) -> None:
    place = unpack_to(tmp_path / "a tree")
    own = place / "bin/python"
    own.write_text(f'#!/bin/sh\necho "$*" >> "{tmp_path}/log"\nexec {sys.executable} "$@"\n')
    own.chmod(0o755)
    subprocess.run([*shell, place / "bin/conda-unpack", "-q"], check=True, env={"PATH": "/nowhere:/usr/bin:/bin"})
    assert f"-ISB {place}/bin/conda-unpack -q\n" in (tmp_path / "log").read_text()
    assert contents(place) == expected(str(place))


def test_it_runs_from_any_directory_by_a_relative_name(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    (place / "bin/python").symlink_to(sys.executable)
    subprocess.run(["bin/conda-unpack", "-q"], check=True, cwd=place)
    assert contents(place) == expected(str(place))
    moved = place.rename(tmp_path / "moved")
    subprocess.run(["sh", "conda-unpack", "-q"], check=True, cwd=moved / "bin")
    assert contents(moved) == expected(str(moved))


@pytest.mark.parametrize("broken", ["not an executable of this machine", "#!/bin/sh\nexit 1\n"])
def test_a_python_that_does_not_run_here_is_passed_over(tmp_path: Path, broken: str) -> None:
    place = unpack_to(tmp_path / "env")
    (place / "bin/python").write_text(broken)
    (place / "bin/python").chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    subprocess.run(["/bin/sh", place / "bin/conda-unpack", "-q"], check=True, env={"PATH": str(tmp_path)})
    assert contents(place) == expected(str(place))


def test_without_any_python_it_says_so(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    command = ["/bin/sh", str(place / "bin/conda-unpack")]
    ended = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 127
    assert ended.stderr == "conda-unpack: no python here, 3.6 or later: put one on PATH\n"


def test_scripts_beside_it_are_not_taken_for_modules_and_no_bytecode_is_written(tmp_path: Path) -> None:
    place = unpack_to(tmp_path / "env")
    for name in ("json", "argparse", "re", "stat"):
        (place / f"bin/{name}.py").write_text("raise SystemExit('a script')\n")
    (place / "bin/python").symlink_to(sys.executable)
    before = set(place.rglob("*"))
    run(place)
    subprocess.run([place / "bin/conda-unpack", "-q", "--prefix", "/elsewhere"], check=True)
    assert set(place.rglob("*")) - before == {place / STATE}


def test_help_says_what_it_is_for(tmp_path: Path) -> None:
    said = run(unpack_to(tmp_path / "env"), "--help")
    assert "moved" in said
    assert "--prefix DIR" in said


def test_a_wrong_option_is_a_usage_error(tmp_path: Path) -> None:
    assert "usage: conda-unpack" in refused(unpack_to(tmp_path / "env"), "--nonsense")
