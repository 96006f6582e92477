"""Tools that people write files with: each of them submits once the file is whole, and hears of what cannot stand."""

import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mounted.conftest import Daemon, specification

ONE, TWO = specification("one"), specification("two")
BAD = "name: foo\ndependencies: [one\n"

WRITERS = {
    "cp": "cp new.yaml $SPEC",
    "cp -p": "cp -p new.yaml $SPEC",
    "cp -a": "cp -a new.yaml $SPEC",
    "mv": "cp new.yaml moved.yaml && mv moved.yaml $SPEC",
    "cat": "cat new.yaml > $SPEC",
    "heredoc": "cat > $SPEC <<EOF\n$(cat new.yaml)\nEOF\n",
    "braces": "{ head -n 1 new.yaml; tail -n +2 new.yaml; } > $SPEC",
    "exec": "exec 3> $SPEC; head -n 1 new.yaml >&3; tail -n +2 new.yaml >&3; exec 3>&-",
    "printf": 'printf "%s\\n" "$(cat new.yaml)" > $SPEC',
    "append": "head -n 1 new.yaml > $SPEC; tail -n +2 new.yaml >> $SPEC",
    "tee": "tee $SPEC < new.yaml > /dev/null",
    "dd": "dd if=new.yaml of=$SPEC status=none",
    "dd bs=1": "dd if=new.yaml of=$SPEC bs=1 status=none",
    "dd fsync": "dd if=new.yaml of=$SPEC conv=fsync status=none",
    "install": "install -m 640 new.yaml $SPEC",
    "tar": "mkdir t; cp new.yaml t/foo.yaml; tar -C t -c foo.yaml | tar -C $SPECS -x",
    "rsync -a": "mkdir t; cp new.yaml t/foo.yaml; rsync -a --ignore-times t/foo.yaml $SPECS/",
    "rsync --inplace": "mkdir t; cp new.yaml t/foo.yaml; rsync -a --ignore-times --inplace t/foo.yaml $SPECS/",
    "vim": (
        "vim -es -u NONE -i NONE --cmd 'set backupskip=*' "
        "-c '%d _' -c 'call setline(1, readfile(\"new.yaml\"))' -c 'wq' $SPEC"
    ),
    "vim with swap and backup": (
        "vim -es -u NONE -i NONE --cmd 'set swapfile backup writebackup directory=. backupdir=. backupskip=' "
        "-c '%d _' -c 'call setline(1, readfile(\"new.yaml\"))' -c 'wq' $SPEC"
    ),
    "python": "python3 -c 'import shutil, sys; shutil.copyfile(\"new.yaml\", sys.argv[1])' $SPEC",
    "python replace": (
        'python3 -c \'import os, sys; open(sys.argv[1] + ".tmp", "w").write(open("new.yaml").read()); '
        'os.replace(sys.argv[1] + ".tmp", sys.argv[1])\' $SPEC'
    ),
    "mmap": (
        'python3 -c \'import mmap, os, sys; new = open("new.yaml", "rb").read(); '
        "fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644); os.ftruncate(fd, len(new)); "
        "view = mmap.mmap(fd, len(new)); os.close(fd); view[:] = new; view.close()' $SPEC"
    ),
}
SILENT = {"printf", "exec", "mmap"}
"""Those that do not look at the error of close: shells' builtins, and who writes after closing."""

KEPT_ELSEWHERE = {"rsync -a", "python replace"}
"""Those that write a temporary file, and are refused when they rename it into place."""

RESTORED = {"vim with swap and backup"}
"""Who is refused puts back what was there, and keeps the text in its window."""


def run(daemon: Daemon, command: str, directory: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell command with new.yaml in a directory of its own."""
    directory.mkdir(exist_ok=True)
    (directory / "new.yaml").write_text(text)
    shutil.rmtree(directory / "t", ignore_errors=True)
    return subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env={**os.environ, "SPEC": str(daemon.specs / "foo.yaml"), "SPECS": str(daemon.specs), "HOME": str(directory)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("tool", WRITERS)
def test_a_tool_makes_changes_and_spoils_a_specification(daemon: Daemon, tmp_path: Path, tool: str) -> None:
    work = tmp_path / "work"
    for text, word in ((ONE, "one"), (TWO, "two")):
        done = run(daemon, WRITERS[tool], work, text)
        assert done.returncode == 0, done.stderr
        assert daemon.until_state("ready")["generations"] == (1 if text is ONE else 2)
        assert word in daemon.content()
        assert (daemon.specs / "foo.yaml").read_text() == text
    done = run(daemon, WRITERS[tool], work, BAD)
    assert (done.returncode != 0) is (tool not in SILENT), done.stderr
    assert daemon.status()["state"] == "ready"
    assert "two" in daemon.content()
    if tool in RESTORED:
        assert (daemon.specs / "foo.yaml").read_text() == TWO
    elif tool not in KEPT_ELSEWHERE:
        assert (daemon.specs / "foo.yaml").read_text() == BAD
        assert "this is not YAML" in (daemon.specs / "foo.yaml.error").read_text()


@pytest.mark.parametrize("command", ["sed -i s/one/two/ $SPEC", "perl -i -pe s/one/two/ $SPEC"])
def test_editors_in_place_replace_a_file(daemon: Daemon, tmp_path: Path, command: str) -> None:
    run(daemon, WRITERS["cp"], tmp_path / "work", ONE)
    assert run(daemon, command, tmp_path / "work", "").returncode == 0
    assert daemon.until_state("ready")["generations"] == 2
    assert "two" in daemon.content()
    assert os.listdir(daemon.specs) == ["foo.yaml"]


def test_sed_does_not_replace_a_file_by_what_cannot_stand(daemon: Daemon, tmp_path: Path) -> None:
    run(daemon, WRITERS["cp"], tmp_path / "work", ONE)
    done = run(daemon, "sed -i 's/^  - one/  - [/' $SPEC", tmp_path / "work", "")
    assert "Bad message" in done.stderr
    assert (daemon.specs / "foo.yaml").read_text() == ONE


def test_mv_says_that_a_message_is_bad_and_not_something_else(daemon: Daemon) -> None:
    (daemon.specs / "draft").write_text(BAD)
    done = subprocess.run(
        ["mv", daemon.specs / "draft", daemon.specs / "foo.yaml"], capture_output=True, text=True, check=False
    )
    assert "Bad message" in done.stderr
    assert os.listdir(daemon.specs) == ["draft"]


def test_nano_writes_what_was_typed(daemon: Daemon) -> None:
    daemon.write("one")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["nano", "--ignorercfiles", "--saveonexit", daemon.specs / "foo.yaml"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(slave)
    os.read(master, 1)  # it draws its screen when it is ready for keys
    os.write(master, b"# typed\r\x18")
    while process.poll() is None:
        if select.select([master], [], [], 0.05)[0]:
            try:
                os.read(master, 1 << 16)
            except OSError:
                break
    assert process.wait(20) == 0
    os.close(master)
    assert (daemon.specs / "foo.yaml").read_text() == f"# typed\n{ONE}"
    assert daemon.until_state("ready")["generations"] == 1


def git(daemon: Daemon, *arguments: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=daemon.specs, check=True, capture_output=True, timeout=60)


def test_git_moves_specifications_back_and_forth(daemon: Daemon) -> None:
    git(daemon, "init")
    for word in ("one", "two"):
        daemon.write(word)
        git(daemon, "add", ".")
        git(daemon, "commit", "-m", word)
    git(daemon, "checkout", "HEAD~1")
    daemon.until_state("ready")
    assert "one" in daemon.content()
    git(daemon, "checkout", "main")
    daemon.until_state("ready")
    assert "two" in daemon.content()
    assert daemon.status()["generations"] == 2


def test_rsync_mirrors_a_directory(daemon: Daemon, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("foo", "bar"):
        (source / f"{name}.yaml").write_text(specification(name, name=name))
    command = ["rsync", "--recursive", "--times", "--delete", f"{source}/", f"{daemon.specs}/"]
    subprocess.run(command, check=True, timeout=60)
    daemon.until_state("ready", "bar")
    (source / "bar.yaml").unlink()
    (daemon.specs / "baz.yaml").write_text(specification(name="baz"))
    subprocess.run(command, check=True, timeout=60)
    assert os.listdir(daemon.specs) == ["foo.yaml"]
    assert daemon.status("bar")["retired"] is True


def test_a_hard_link_is_a_specification_too(daemon: Daemon) -> None:
    (daemon.specs / "draft").write_text(ONE)
    os.link(daemon.specs / "draft", daemon.specs / "foo.yaml")
    daemon.until_state("ready")
    assert (daemon.specs / "foo.yaml").stat().st_nlink == 2
    assert (daemon.specs / "foo.yaml").stat().st_ino == (daemon.specs / "draft").stat().st_ino


def test_truncate_spoils_a_specification_without_a_writer(daemon: Daemon) -> None:
    path = daemon.write("one")
    os.truncate(path, len(ONE) + 3)
    assert "foo.yaml" in (daemon.specs / "foo.yaml.error").read_text()
    os.truncate(path, len(ONE))
    assert daemon.until_state("ready")["generations"] == 1
    assert not (daemon.specs / "foo.yaml.error").exists()


def test_a_killed_writer_looks_like_one_that_closed(daemon: Daemon) -> None:
    code = "import os, sys; f = open(sys.argv[1], 'w'); f.write(sys.argv[2]); f.flush(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, daemon.specs / "foo.yaml", ONE], check=False)
    daemon.until_state("ready")


def test_modes_and_times_are_kept(daemon: Daemon, tmp_path: Path) -> None:
    source = tmp_path / "foo.yaml"
    source.write_text(ONE)
    source.chmod(0o640)
    os.utime(source, ns=(10**18, 10**18 + 7))
    shutil.copy2(source, daemon.specs)
    found = (daemon.specs / "foo.yaml").stat()
    assert (found.st_mode & 0o7777, found.st_mtime_ns) == (0o640, 10**18 + 7)
