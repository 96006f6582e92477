"""The whole way as a person types it: mount in the background, build, enter, leave."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CONDAFS = (sys.executable, "-m", "condafs")
Type = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def condafs(tmp_path: Path, channel_url: str) -> Iterator[Type]:
    """Types commands; the mount is at `tmp_path/envs` and gone afterwards."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("no /dev/fuse that could be opened")
    mount = tmp_path / "envs"
    (tmp_path / "condafs.yaml").write_text(f"default-channels: ['{channel_url}']\nstate: {tmp_path}/state\njobs: 1\n")

    def type_command(*words: str) -> "subprocess.CompletedProcess[str]":
        environ = {**os.environ, "CONDAFS_MOUNT": str(mount)}
        return subprocess.run(
            [*CONDAFS, *words], capture_output=True, text=True, check=False, timeout=200, env=environ, cwd=tmp_path
        )

    yield type_command
    subprocess.run(["fusermount3", "-uz", mount], capture_output=True, check=False)


@pytest.fixture
def mounted(condafs: Type) -> Type:
    done = condafs("mount", "envs", "--config", "condafs.yaml", "--daemonize")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return condafs


def test_mount_build_run_activate_unmount(mounted: Type, tmp_path: Path) -> None:
    (tmp_path / "foo.yaml").write_text("dependencies: [python]\nvariables: {GREETING: 'hello, you'}\n")
    built = mounted("build", "foo.yaml", "--wait")
    assert built.returncode == 0, built.stderr
    assert "foo is ready" in built.stderr
    sealed = (tmp_path / "envs" / "foo").resolve()

    ran = mounted("run", "foo", "python", "-c", "import os, sys; print(sys.prefix, os.environ['GREETING'])")
    assert ran.stdout == f"{sealed} hello, you\n", ran.stderr
    assert mounted("run", "foo", "--", "python", "-c", "raise SystemExit(42)").returncode == 42

    line = f'eval "$({" ".join(CONDAFS)} activate foo --mount {tmp_path}/envs)"; command -v python; echo "$GREETING"'
    shell = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert shell.stdout == f"{sealed}/bin/python\nhello, you\n", shell.stderr

    assert "python" in mounted("diff", "foo", "foo").stderr + mounted("logs", "foo").stdout
    subprocess.run(["fusermount3", "-u", tmp_path / "envs"], check=True)
    assert os.listdir(tmp_path / "envs") == []


def test_a_daemon_that_cannot_start_says_why_where_it_was_started(mounted: Type, tmp_path: Path) -> None:
    second = mounted("mount", "envs2", "--config", "condafs.yaml", "--daemonize")
    assert second.returncode == 5
    assert "another condafs" in second.stderr
    assert "Traceback" not in second.stderr
    assert os.listdir(tmp_path / "envs2") == []
