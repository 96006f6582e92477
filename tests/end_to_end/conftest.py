"""One daemon with one environment, for tests that use it as people do."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.end_to_end.serving import Daemon


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """Where every user may go, unlike pytest's own directories; with a short path."""
    directory = Path(tempfile.mkdtemp(prefix="condafs-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def kernel_specification(channel_url: str) -> str:
    """An environment with a Jupyter kernel, by pip: it has compiled parts, which no channel here can have."""
    return f"""
name: foo
channels: ['{channel_url}']
dependencies: [python, pip, condafs-hello =1.0, zz-activate, {{pip: [ipykernel, jupyter_client]}}]
variables: {{GREETING: 'two words'}}
"""


@pytest.fixture(scope="session")
def served(open_directory: Path, kernel_specification: str) -> Iterator[Daemon]:
    """A daemon; `foo` is built."""
    daemon = Daemon(
        open_directory / "d", "attempts: 2\nbackoff-initial-seconds: 1\nspecs-mode: 1777\n"
    )  # for other users
    (open_directory / "d").chmod(0o755)
    daemon.envs.chmod(0o755)
    daemon.start()
    (daemon.specs / "foo.yaml").write_text(kernel_specification)
    daemon.wait_until_ready("foo")
    yield daemon
    assert daemon.stop() == 0
    daemon.clear()


@pytest.fixture(scope="module")
def podman() -> Iterator[Sequence[str]]:
    """podman with a storage of its own."""
    directory = tempfile.mkdtemp(prefix="podman-")
    command = ["podman", "--root", f"{directory}/root", "--runroot", f"{directory}/run", "--storage-driver", "vfs"]
    command += ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--tmpdir", f"{directory}/t"]
    yield command
    subprocess.run([*command, "rmi", "-a", "-f"], check=False, capture_output=True)
    shutil.rmtree(directory, ignore_errors=True)
