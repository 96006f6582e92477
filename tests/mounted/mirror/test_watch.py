"""`condafs watch` as a process beside a mount, with the programs that change files."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mounted.conftest import PATIENCE_SECONDS, ROOT_OF_PROJECT, Daemon, specification

DROWN = 20_000
"""Events that fill the kernel's queue (fs.inotify.max_queued_events, 16384) while nobody reads."""


class Watcher:
    """The process, and what it has said."""

    def __init__(self, daemon: Daemon, state: Path, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "condafs", "watch", "--json", "--mount", daemon.mount, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT_OF_PROJECT,
            env={**os.environ, "XDG_STATE_HOME": str(state)},
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.reports: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, kind: str, name: str = "") -> dict[str, Any]:
        """The next report of that kind, about that name if one is given."""
        while True:
            try:
                report = json.loads(self._lines.get(timeout=PATIENCE_SECONDS))
            except queue.Empty:
                message = f"no {kind} {name} after {self.reports}"
                raise AssertionError(message) from None
            self.reports.append(report)
            if report["kind"] == kind and name in {"", report.get("name")}:
                assert isinstance(report, dict)
                return report

    def kinds(self, name: str) -> list[str]:
        return [report["kind"] for report in self.reports if report.get("name") == name]

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


Watch = Callable[..., Watcher]


@pytest.fixture
def watch(daemon: Daemon, tmp_path: Path) -> Iterator[Watch]:
    started: list[Watcher] = []

    def start(*arguments: object) -> Watcher:
        started.append(Watcher(daemon, tmp_path / "links", *arguments))
        started[-1].until("watching")
        return started[-1]

    yield start
    for watcher in started:
        watcher.process.kill()
        watcher.process.wait()
        assert watcher.process.stdout
        watcher.process.stdout.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "src" / "foo"
    directory.mkdir(parents=True)
    (directory / "environment.yml").write_text(specification("python"))
    return directory


def run(*command: object, cwd: Path | None = None) -> None:
    done = subprocess.run(
        list(map(str, command)), check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd
    )
    assert done.returncode == 0, done.stderr


EDITS: dict[str, Callable[[Path], object]] = {
    "vim": lambda file: run("vim", "-es", "-c", "%s/python/numpy/", "-c", "wq", file),
    "sed -i": lambda file: run("sed", "-i", "s/python/numpy/", file),
    "perl -i": lambda file: run("perl", "-pi", "-e", "s/python/numpy/", file),
    "mv": lambda file: (file.with_name("x").write_text(specification("numpy")), run("mv", file.with_name("x"), file)),
    "cp": lambda file: (file.with_name("x").write_text(specification("numpy")), run("cp", file.with_name("x"), file)),
    "rsync": lambda file: (
        (file.parents[1] / "x").write_text(specification("numpy")),
        run("rsync", file.parents[1] / "x", file),
    ),
    "rm and write": lambda file: (file.unlink(), file.write_text(specification("numpy"))),
}


@pytest.mark.parametrize("tool", EDITS)
@pytest.mark.parametrize("is_directory", [True, False], ids=["directory", "file"])
def test_what_a_program_writes_is_built(
    daemon: Daemon, watch: Watch, project: Path, tool: str, *, is_directory: bool
) -> None:
    file = project / "environment.yml"
    watcher = watch(project if is_directory else file)
    watcher.until("ready", "foo")
    EDITS[tool](file)
    watcher.until("ready", "foo")
    assert '"numpy"' in daemon.content()
    assert watcher.kinds("foo") == ["submitted", "ready"] * 2
    assert watcher.end() == 0


def test_a_checkout_of_a_branch_is_one_change_a_file(daemon: Daemon, watch: Watch, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    git = ("git", "-C", checkout, "-c", "user.name=a", "-c", "user.email=a@b")
    run("git", "init", "-q", "-b", "main", checkout)
    names = [f"e{number}" for number in range(20)]
    for branch, package in (("main", "python"), ("other", "numpy")):
        if branch != "main":
            run(*git, "checkout", "-q", "-b", branch)
        for name in names:
            (checkout / name).mkdir(exist_ok=True)
            (checkout / name / "environment.yml").write_text(specification(package, name=name))
        run(*git, "add", ".")
        run(*git, "commit", "-q", "-m", branch)
    run(*git, "checkout", "-q", "main")
    watcher = watch(checkout)
    for name in names:
        daemon.until_state("ready", name)
    run(*git, "checkout", "-q", "other")
    for _ in range(2 * len(names)):
        watcher.until("ready")
    assert all(watcher.kinds(name) == ["submitted", "ready"] * 2 for name in names)
    assert all('"numpy"' in daemon.content(name) for name in names)


def test_directories_that_come_move_and_go_are_followed(daemon: Daemon, watch: Watch, project: Path) -> None:
    root = project.parent
    watcher = watch(root)
    (root / "a/b/c").mkdir(parents=True)
    (root / "a/b/c/bar.yaml").write_text(specification(name="bar"))
    watcher.until("ready", "bar")
    (root / "a").rename(root / "z")
    (root / "z/b/c/bar.yaml").write_text(specification("numpy", name="bar"))
    watcher.until("ready", "bar")
    shutil.rmtree(root / "z")
    watcher.until("gone", "bar")
    (root / "z/b/c").mkdir(parents=True)
    (root / "z/b/c/bar.yaml").write_text(specification("scipy", name="bar"))
    watcher.until("ready", "bar")
    assert '"scipy"' in daemon.content("bar")


def test_a_path_may_come_later_and_vanish_and_come_back(daemon: Daemon, watch: Watch, tmp_path: Path) -> None:
    file = tmp_path / "later/foo/environment.yml"
    watcher = watch(file)
    assert [report["kind"] for report in watcher.reports] == ["missing", "watching"]
    file.parent.mkdir(parents=True)
    file.write_text(specification("python"))
    watcher.until("ready", "foo")
    shutil.rmtree(tmp_path / "later")
    watcher.until("missing")
    file.parent.mkdir(parents=True)
    file.write_text(specification("numpy"))
    watcher.until("ready", "foo")
    assert '"numpy"' in daemon.content()


def test_a_bad_file_is_refused_once_beside_others(daemon: Daemon, watch: Watch, project: Path) -> None:
    watcher = watch(project.parent)
    watcher.until("ready", "foo")
    (project / "environment.yml").write_text("dependencies: [python\n")
    report = watcher.until("refused", "foo")
    assert f"{project}/environment.yml:2:1" in report["text"]
    assert "not YAML" in (daemon.specs / "foo.yml.error").read_text()
    (project / "environment.yml").touch()
    (project.parent / "bar.yaml").write_text(specification(name="bar"))
    watcher.until("ready", "bar")
    (project / "environment.yml").write_text(specification("numpy"))
    watcher.until("ready", "foo")
    assert watcher.kinds("foo") == ["submitted", "ready", "refused", "submitted", "ready"]


def test_a_pipe_in_the_place_of_a_file_stops_no_other(daemon: Daemon, watch: Watch, project: Path) -> None:
    watcher = watch(project.parent)
    watcher.until("ready", "foo")
    os.mkfifo(project / "pipe")
    (project / "pipe").rename(project / "environment.yml")
    watcher.until("gone", "foo")
    (project.parent / "bar.yaml").write_text(specification(name="bar"))
    watcher.until("ready", "bar")


def test_a_failing_build_is_reported(watch: Watch, project: Path) -> None:
    (project / "environment.yml").write_text(specification(script="fail"))
    assert "failed after" in watch(project).until("failed", "foo")["text"]


def test_what_changed_while_nobody_watched_is_submitted_and_the_rest_is_not(
    daemon: Daemon, watch: Watch, project: Path
) -> None:
    (project.parent / "bar.yaml").write_text(specification(name="bar"))
    watcher = watch(project.parent)
    watcher.until("ready")
    watcher.until("ready")
    assert watcher.end(signal.SIGTERM) == 0
    (project / "environment.yml").write_text(specification("numpy"))
    watcher = watch(project.parent)
    watcher.until("ready", "foo")
    assert watcher.kinds("bar") == []
    assert "1 submitted, 1 as" in next(report["text"] for report in watcher.reports if report["kind"] == "watching")
    assert len(daemon.generations("bar")) == 1


def test_a_name_that_was_rolled_back_stays_there(daemon: Daemon, watch: Watch, project: Path) -> None:
    watcher = watch(project)
    watcher.until("ready")
    (project / "environment.yml").write_text(specification("numpy"))
    watcher.until("ready")
    run("ln", "-sfn", "foo@-1", daemon.mount / "foo")
    before = os.readlink(daemon.mount / "foo")
    assert watcher.end() == 0
    watch(project)
    assert os.readlink(daemon.mount / "foo") == before


def test_a_lost_queue_loses_no_file(daemon: Daemon, watch: Watch, project: Path) -> None:
    watcher = watch(project)
    watcher.until("ready", "foo")
    watcher.process.send_signal(signal.SIGSTOP)
    for number in range(DROWN // 2):  # each is told twice: it is made, and closed
        os.close(os.open(project / f"x{number}", os.O_CREAT | os.O_WRONLY))
    (project / "environment.yml").write_text(specification("numpy"))  # there is no room for this any more
    watcher.process.send_signal(signal.SIGCONT)
    watcher.until("ready", "foo")
    assert '"numpy"' in daemon.content()


def test_removing_a_file_retires_only_when_asked_for(daemon: Daemon, watch: Watch, project: Path) -> None:
    watcher = watch(project, "--retire")
    watcher.until("ready", "foo")
    (project / "environment.yml").unlink()
    watcher.until("retired", "foo")
    assert daemon.status()["retired"] is True
    assert os.listdir(daemon.mount / ".history/foo")


def test_a_daemon_that_is_gone_for_a_while_is_waited_for(daemon: Daemon, watch: Watch, project: Path) -> None:
    watcher = watch(project)
    watcher.until("ready", "foo")
    assert daemon.end() == 0
    (project / "environment.yml").write_text(specification("numpy"))
    watcher.until("offline")
    daemon.restart()
    watcher.until("online")
    watcher.until("ready", "foo")
    assert '"numpy"' in daemon.content()


def test_lines_for_people(daemon: Daemon, project: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "condafs", "watch", project, "--mount", daemon.mount],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT_OF_PROJECT,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "links")},
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    assert lines[0] == f"foo: submitted from {project}/environment.yml\n"
    assert f"watching {project}: 1 submitted, 0 as they were submitted before\n" in lines
    assert any(line.startswith("foo: ready after ") and "\x1b" not in line for line in lines)


def test_it_ends_with_its_parent(daemon: Daemon, project: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "condafs", "watch", project, "--with-parent", "--mount", daemon.mount],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=ROOT_OF_PROJECT,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "links")},
    ) as process:
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE_SECONDS) == 0
