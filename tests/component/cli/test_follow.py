import os
from pathlib import Path

import pytest

from condafs.cli import follow
from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs

BUILD = "b" * 64 + "-foo"


def begin_build(envs: FakeEnvs, text: str = "solving\n") -> Path:
    envs.set_status("foo", state="building", building={"build": BUILD, "state": "building"})
    log = envs.mount / ".logs" / f"{BUILD}.log"
    log.write_text(text)
    return log


def test_logs_of_a_name_is_the_log_of_the_build_in_the_making(run: Run, envs: FakeEnvs) -> None:
    envs.set_current("foo", envs.add_generation("foo", 1, "a"))
    begin_build(envs)
    assert run("logs", "foo").out == "solving\n"


def test_logs_of_a_ready_name_is_the_log_of_its_current_build(run: Run, envs: FakeEnvs) -> None:
    envs.set_current("foo", envs.add_generation("foo", 1, "a"))
    assert run("logs", "foo").out.startswith("solve\nsealed")


def test_logs_of_a_failed_name_is_the_log_of_what_failed(run: Run, envs: FakeEnvs) -> None:
    envs.set_current(
        "foo", envs.add_generation("foo", 1, "a"), state="failed", last_error={"build": BUILD, "kind": "pip"}
    )
    (envs.mount / ".logs" / f"{BUILD}.log").write_text("pip said no\n")
    assert run("logs", "foo").out == "pip said no\n"


def test_logs_of_a_reference_and_of_a_build(run: Run, envs: FakeEnvs) -> None:
    build = envs.add_generation("foo", 1, "a")
    envs.set_current("foo", build)
    assert run("logs", f"foo@{build.digest.short}").out == run("logs", str(build)).out != ""


def test_logs_without_a_name_is_the_log_written_last(run: Run, envs: FakeEnvs) -> None:
    envs.add_generation("foo", 1, "a")
    log = begin_build(envs, "newest\n")
    later = log.stat().st_mtime + 10
    os.utime(log, (later, later))
    assert run("logs").out == "newest\n"


def test_logs_before_anything_was_built(run: Run, envs: FakeEnvs) -> None:
    assert run("logs").code == 3
    envs.set_status("foo", state="none")
    assert "no build of foo has begun" in run("logs", "foo").err


def test_a_removed_log_is_explained(run: Run, envs: FakeEnvs) -> None:
    begin_build(envs).unlink()
    assert "has no log" in run("logs", "foo").err


def test_follow_ends_with_the_build_and_shows_its_last_line(
    run: Run, envs: FakeEnvs, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = begin_build(envs)

    def finish(_seconds: float) -> None:
        with log.open("a") as stream:
            stream.write("sealed\n")
        envs.set_current("foo", envs.add_generation("foo", 1, "a"))

    monkeypatch.setattr(follow, "sleep", finish)
    assert run("logs", "foo", "-f").out == "solving\nsealed\n"
