"""What people do with an environment that they got by copying a file, each with the real program."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.end_to_end.serving import CONDAFS, Daemon

NOBODY = 65534


def run(command: Sequence[object], **options: object) -> str:
    """Standard output of a program that has to succeed."""
    arguments = [str(part) for part in command]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False, **options)  # type: ignore[call-overload]
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return str(ended.stdout).strip()


def python_of(served: Daemon) -> Path:
    return served.envs / "foo" / "bin" / "python"


def sealed(served: Daemon, name: str = "foo") -> Path:
    return (served.envs / name).resolve()


@pytest.mark.parametrize("shell", ["bash", "zsh", "sh"])
def test_activation_from_the_mount_pins_the_shell_to_the_build(served: Daemon, shell: str) -> None:
    script = f"""
        set -eu
        . {served.envs}/foo/bin/activate
        echo "$CONDA_PREFIX|$GREETING|$ZZ_ACTIVATED|$(command -v python)|$(condafs-hello)"
        deactivate
        echo "${{CONDA_PREFIX-none}}|${{GREETING-none}}"
    """
    prefix = sealed(served)
    first, last = run([shell, "-c", textwrap.dedent(script)]).splitlines()
    assert first == f"{prefix}|two words|{prefix}|{prefix}/bin/python|hello from condafs-hello 1.0"
    assert last == "none|none"


def test_activation_in_fish(served: Daemon) -> None:
    script = f"source {served.envs}/foo/bin/activate.fish; echo $CONDA_PREFIX\\|$GREETING; condafs-hello"
    assert run(["fish", "-c", script]) == f"{sealed(served)}|two words\nhello from condafs-hello 1.0"


def test_an_entry_point_runs_by_the_name_of_the_environment(served: Daemon) -> None:
    assert run([served.envs / "foo" / "bin" / "condafs-hello"]) == "hello from condafs-hello 1.0"


def test_a_venv_on_top_belongs_to_the_build(served: Daemon, tmp_path: Path) -> None:
    run([python_of(served), "-m", "venv", "--system-site-packages", tmp_path / "v"])
    code = "import sys, ipykernel; print(sys.base_prefix, sys.prefix)"
    assert run([tmp_path / "v" / "bin" / "python", "-c", code]) == f"{sealed(served)} {tmp_path / 'v'}"
    assert run([tmp_path / "v" / "bin" / "pip", "--version"]).endswith(")")


def test_spawned_processes_stay_in_the_build(served: Daemon, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
            import multiprocessing, sys
            def where(_):
                return sys.prefix + " " + sys.executable
            if __name__ == "__main__":
                for method in ("spawn", "forkserver"):
                    with multiprocessing.get_context(method).Pool(1) as pool:
                        print(*pool.map(where, [0]))
        """)
    )
    lines = run([python_of(served), program]).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{sealed(served)} {sealed(served)}/bin/python") for line in lines)


def test_a_jupyter_kernel_runs_in_the_build(served: Daemon, tmp_path: Path) -> None:
    code = """
        from jupyter_client.manager import start_new_kernel
        manager, client = start_new_kernel(kernel_name="python3")
        reply = client.execute_interactive("import sys; print(sys.prefix)", timeout=60)
        assert reply["content"]["status"] == "ok"
        manager.shutdown_kernel(now=True)
    """
    environ = {**os.environ, "HOME": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "1"}
    assert run([python_of(served), "-W", "ignore", "-c", textwrap.dedent(code)], env=environ) == str(sealed(served))


def test_a_process_runs_on_across_an_update_and_a_roll_back(served: Daemon, kernel_specification: str) -> None:
    first = "print('up', flush=True); input(); import condafs_hello, sys; print(sys.prefix); input()"
    code = f"{first}; import email.mime.text"
    earlier = sealed(served)
    with subprocess.Popen(
        [python_of(served), "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        (served.specs / "foo.yaml").write_text(kernel_specification.replace("=1.0", "=1.1"))
        served.wait_for("foo", lambda status: status["state"] == "ready" and status["current"]["path"] != str(earlier))
        assert run([served.envs / "foo" / "bin" / "condafs-hello"]) == "hello from condafs-hello 1.1"
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == str(earlier)
        run(["ln", "-sfn", "foo@-1", served.envs / "foo"])
        assert sealed(served) == earlier
        process.communicate("\n")
        assert process.returncode == 0
    assert run([served.envs / "foo" / "bin" / "condafs-hello"]) == "hello from condafs-hello 1.0"


def test_a_process_does_not_notice_that_the_daemon_is_killed(served: Daemon) -> None:
    code = """
        import os, subprocess, sys
        print("up", flush=True)
        input()
        import sqlite3, json, condafs_hello, http.client
        assert os.listdir(sys.prefix)
        subprocess.run([sys.executable, "-c", "import http.server"], check=True)
        print("well")
    """
    with subprocess.Popen(
        [python_of(served), "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        before = os.readlink(served.envs / "foo")
        served.kill()
        out, _ = process.communicate("\n")
        assert out == "well\n"
        assert process.returncode == 0
    served.start()  # over the dead mount
    assert os.readlink(served.envs / "foo") == before


def as_nobody(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C"},
        cwd="/",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_second_user_uses_environments_and_steers_only_their_own(served: Daemon, channel_url: str) -> None:
    assert as_nobody(served.envs / "foo" / "bin" / "condafs-hello").stdout == "hello from condafs-hello 1.0\n"
    assert as_nobody("cat", served.envs / ".status" / "foo").returncode == 0
    for command in (
        ["cp", "/etc/hostname", served.specs / "foo.yaml"],
        ["rm", "-f", served.specs / "foo.yaml"],
        ["mv", served.specs / "foo.yaml", served.specs / "bar.yaml"],
        ["ln", "-sfn", os.readlink(served.envs / "foo"), served.envs / "foo"],
        ["rm", "-f", served.envs / os.readlink(served.envs / "foo")],
        ["touch", served.envs / "foo" / "bin" / "intruder"],
        ["mkdir", served.envs / "directory"],
    ):
        ended = as_nobody(*command)
        assert ended.returncode != 0, command
        assert "not permitted" in ended.stderr or "denied" in ended.stderr, ended.stderr
    own = f"name: theirs\nchannels: ['{channel_url}']\ndependencies: [condafs-hello =1.0, python]\n"
    assert as_nobody("sh", "-c", f'echo "{own}" > {served.specs}/theirs.yaml').returncode == 0
    served.wait_until_ready("theirs")
    assert served.status("theirs")["owner"] == NOBODY
    assert as_nobody("rm", served.specs / "theirs.yaml").returncode == 0
    served.wait_for("theirs", lambda status: status["retired"])
    assert not os.path.lexists(served.envs / "theirs")


def test_the_command_line_sees_the_same(served: Daemon) -> None:
    condafs = [*CONDAFS]
    environ = {**os.environ, "CONDAFS_MOUNT": str(served.envs)}
    assert str(sealed(served)) in run([*condafs, "status", "foo"], env=environ)
    assert run([*condafs, "run", "foo", "--", "condafs-hello"], env=environ) == "hello from condafs-hello 1.0"
    ended = subprocess.run(
        [*condafs, "run", "foo", "--", "python", "-c", "raise SystemExit(7)"], env=environ, check=False
    )
    assert ended.returncode == 7
    activated = run(["bash", "-c", f'eval "$({sys.executable} -m condafs activate foo)"; condafs-hello'], env=environ)
    assert activated == "hello from condafs-hello 1.0"
