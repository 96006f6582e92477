"""What everybody may read of a place, and what a caged program gets of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from condafs.builder.cage import public
from condafs.builder.cage.public import look_for_public

OTHER = 61234
HIDDEN = "it is not there, or not everybody may read it"


def granted(path: Path, *known: Path) -> tuple[list[str], str]:
    """What is found, relative to the path; and what is missing."""
    found: list[str] = []
    problems = look_for_public([path], known, lambda fd: found.append(os.readlink(f"/proc/self/fd/{fd}")))
    return sorted(os.path.relpath(place, os.path.realpath(path)) for place in found), problems.get(path, "")


def put(place: Path, mode: int = 0o644) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("hunter2")
    place.chmod(mode)


def test_of_a_directory_it_is_each_file_that_everybody_may_read(open_path: Path) -> None:
    put(open_path / "a")
    put(open_path / "b/c")
    put(open_path / "secret", 0o640)
    (open_path / "link").symlink_to("secret")
    (open_path / "way").symlink_to("b")
    os.mkfifo(open_path / "pipe")
    assert granted(open_path) == ([".", "a", "b/c"], "")


@pytest.mark.parametrize("mode", [0o700, 0o711, 0o750, 0o754])
def test_a_directory_that_not_everybody_may_look_into_keeps_those_above_from_being_listed(
    open_path: Path, mode: int
) -> None:
    put(open_path / "a")
    put(open_path / "b/private/c")
    (open_path / "b/private").chmod(mode)
    assert granted(open_path) == (["a"], f"not everybody may look into {open_path}/b/private")
    assert granted(open_path / "b/private") == ([], HIDDEN)
    assert granted(open_path / "b/private/c")[0] == ([] if not mode & 1 else ["."])


@pytest.mark.skipif(os.geteuid() != 0, reason="acting as another user takes root")
def test_what_we_may_not_list_ourselves_is_in_nobodys_way(open_path: Path) -> None:
    put(open_path / "a")
    (open_path / "lost+found").mkdir(mode=0o700)
    os.seteuid(OTHER)
    try:
        assert granted(open_path) == ([".", "a"], "")
    finally:
        os.seteuid(0)


def test_who_may_not_get_there_may_not_read_it(open_path: Path) -> None:
    put(open_path / "closed/a/file")
    (open_path / "closed").chmod(0o700)
    for place in ("closed/a/file", "closed/a"):
        assert granted(open_path / place) == ([], HIDDEN)


def test_a_link_counts_as_what_it_leads_to(open_path: Path) -> None:
    put(open_path / "closed/file")
    (open_path / "closed").chmod(0o700)
    for target in ("closed", "closed/file", "/proc/self/fd", "/dev/null", "nowhere", "loop"):
        link = open_path / "loop"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert granted(link) == ([], HIDDEN)


def test_what_is_readable_anyhow_is_not_looked_through(open_path: Path) -> None:
    put(open_path / "a/b")
    assert granted(open_path / "a", open_path) == ([], "")
    assert granted(open_path, open_path / "a")[0] == [".", "a/b"]


def test_too_much_and_too_deep_is_not_listed(open_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "MOST_ENTRIES", 3)
    for name in "abcd":
        put(open_path / name)
    found, problem = granted(open_path)
    assert "more than 3 files" in problem
    assert "." not in found
    deep = open_path / "x" / "y" / "z"
    monkeypatch.setattr(public, "DEEPEST", 1)
    put(deep / "file")
    found, problem = granted(open_path / "x")
    assert (found, problem) == ([], f"{deep} is too deep")


def test_a_thousand_directories_below_one_another_are_too_deep(open_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    fd = os.open(open_path, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("a", dir_fd=fd)
        below = os.open("a", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    assert granted(open_path)[1].endswith("is too deep")
    assert len(os.listdir("/proc/self/fd")) == len(before)
    subprocess.run(["rm", "-rf", open_path / "a"], check=True)


ENFORCE = """
import sys
from pathlib import Path
from condafs.builder.cage import landlock
from condafs.builder.cage.kernel import gain_nothing_by_execution, keep_capabilities
from condafs.builder.cage.view import system_paths
place = Path(sys.argv[1])
ruleset = landlock.make_ruleset([*system_paths(has_network=True), Path(sys.prefix)], [], [place])
(place / "later").write_text("hunter2")
gain_nothing_by_execution()
keep_capabilities()
landlock.enforce(ruleset)
for name in ("file", "secret", "below/file", "later", "../beside"):
    try:
        print((place / name).read_text())
    except PermissionError:
        print("-")
print(*sorted(path.name for path in place.iterdir()))
"""


def test_a_caged_program_reads_just_that(open_path: Path) -> None:
    place = open_path / "place"
    for name in ("place/file", "place/below/file", "beside"):
        put(open_path / name)
    put(place / "secret", 0o600)
    done = subprocess.run([sys.executable, "-c", ENFORCE, place], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["hunter2", "-", "hunter2", "-", "-", "below", "file", "later", "secret"]
