"""Projects of somebody with an empty home, beside one daemon."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.project.session import Session
from tests.end_to_end.serving import Daemon


@dataclass(frozen=True)
class Desk:
    """Where somebody works."""

    home: Path
    served: Daemon
    channel: str
    environ: dict[str, str]

    def write(self, project: Path, *packages: str, name: str = "") -> Path:
        """The project's environment file, with these packages."""
        lines = [f"name: {name}"] if name else []
        lines += [f"channels: ['{self.channel}']", f"dependencies: [python, {', '.join(packages)}]"]
        return self.replace(project, "\n".join(lines) + "\n")

    def replace(self, project: Path, text: str) -> Path:
        """The project's environment file, replaced as editors do; in another whole second: direnv looks no closer."""
        project.mkdir(parents=True, exist_ok=True)
        file = project / "environment.yml"
        while file.exists() and int(time.time()) <= int(file.stat().st_mtime):
            time.sleep(0.05)
        temporary = project / ".environment.yml.new"
        temporary.write_text(text)
        temporary.replace(file)
        return file

    def sealed(self, name: str) -> str:
        return str((self.served.envs / name).resolve(strict=True))


@pytest.fixture(scope="session")
def served(open_directory: Path, channel_url: str) -> Iterator[Daemon]:
    """A daemon; `foo` is built."""
    daemon = Daemon(open_directory / "p")
    daemon.start()
    (daemon.specs / "foo.yaml").write_text(f"channels: ['{channel_url}']\ndependencies: [python, condafs-hello =1.0]\n")
    daemon.wait_until_ready("foo")
    yield daemon
    assert daemon.stop() == 0
    daemon.clear()


@pytest.fixture
def desk(served: Daemon, channel_url: str, tmp_path: Path) -> Desk:
    home = tmp_path / "home"
    programs = home / "bin"
    programs.mkdir(parents=True)
    (programs / "condafs").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m condafs "$@"\n')
    (programs / "condafs").chmod(0o755)
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("CONDA", "XDG", "VIRTUAL", "DIRENV"))
    }
    environ = kept | {
        "HOME": str(home),
        "CONDAFS_MOUNT": str(served.envs),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    return Desk(home, served, channel_url, environ)


@pytest.fixture
def open_shell(desk: Desk, tmp_path: Path) -> Iterator[Callable[[str], Session]]:
    """Starts shells at a terminal."""
    sessions: list[Session] = []

    def start(shell: str) -> Session:
        sessions.append(Session(shell, desk.environ, desk.home, tmp_path))
        return sessions[-1]

    yield start
    for session in sessions:
        session.end()
