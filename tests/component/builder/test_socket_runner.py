"""Builds through a socket, with scripts and the real builder behind it."""

import os
import select
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trio

from condafs.builder import socket_runner
from condafs.builder.protocol import BuildRequest, Ended, Failed, FailureKind, Phase, Progress, Succeeded
from condafs.builder.socket_runner import SocketRunner, describe_end
from tests.component.builder.activating import REAL, Activator, activating

DONE = Succeeded(size_bytes=1, own_bytes=2, package_count=3, file_count=4, lock_sha256="ab", seconds={})

BEGIN = """
import os, socket, subprocess, sys, time
from condafs.builder.protocol import *
daemon = socket.socket(fileno=0)
line, fds, _, _ = socket.recv_fds(daemon, 1 << 16, 1)
if not line: sys.exit()
request, log = decode_request(line), fds[0]
def say(event): os.write(1, encode_event(event))
def done(): say(Succeeded(1, 2, 3, 4, "ab"))
"""


def scripted(tmp_path: Path, script: str) -> AbstractContextManager[Activator]:
    return activating(tmp_path / "socket", lambda _: [sys.executable, "-c", BEGIN + script])


def text_of(log: Path) -> str:
    return log.read_text()


def prefixes_in(directory: Path) -> list[Path]:
    return [path.parent for path in directory.glob("*/lib")]


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[SocketRunner]:
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            runner = SocketRunner(tmp_path / "socket", nursery)
            yield runner
        await runner.aclose()


async def test_events_become_progress_and_the_last_one_the_outcome(
    tmp_path: Path, request_to_build: BuildRequest, log: Path
) -> None:
    seen: list[Progress] = []
    script = "os.write(log, b'said\\n'); say(Progress(Phase.FETCH, 'numpy', 1, 2)); done()"
    with scripted(tmp_path, script):
        async with running(tmp_path) as runner:
            assert await runner.run(request_to_build, log, seen.append) == DONE
    assert seen == [Progress(Phase.FETCH, "numpy", 1, 2)]
    assert text_of(log) == "said\n"


async def test_how_the_unit_ended_is_said_when_the_builder_did_not(
    tmp_path: Path, request_to_build: BuildRequest, log: Path
) -> None:
    with scripted(tmp_path, "os.kill(os.getpid(), 9)"):
        async with running(tmp_path) as runner:
            failed = await runner.run(request_to_build, log, lambda _: None)
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.KILLED
    assert failed.message.startswith("the builder was killed by SIGKILL")
    assert failed.message in text_of(log)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (Ended("oom-kill", "KILL"), "more memory than there is"),
        (Ended("timeout", "TERM"), "RuntimeMaxSec="),
        (Ended("exit-code", "7"), "status 7"),
        (Ended("resources", ""), "ended (resources)"),
        (None, "journalctl"),
    ],
)
def test_each_way_to_end_has_its_words(end: Ended | None, words: str) -> None:
    assert words in describe_end(end)


async def test_without_a_socket_it_is_tried_again_later(
    tmp_path: Path, request_to_build: BuildRequest, log: Path
) -> None:
    async with running(tmp_path) as runner:
        failed = await runner.run(request_to_build, log, lambda _: None)
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.NETWORK
    assert f"{tmp_path}/socket (builder-socket): No such file" in failed.message


async def test_after_a_failure_nothing_of_the_unit_runs(
    tmp_path: Path, request_to_build: BuildRequest, log: Path
) -> None:
    script = "say(Failed(FailureKind.PIP, 'no')); os.read(0, 1); time.sleep(0.2)"
    with scripted(tmp_path, script) as activator:
        async with running(tmp_path) as runner:
            assert await runner.run(request_to_build, log, lambda _: None) == Failed(FailureKind.PIP, "no")
            assert activator.processes[0].poll() == 0


async def test_cancelling_ends_the_unit_and_waits_for_it(
    tmp_path: Path, request_to_build: BuildRequest, log: Path
) -> None:
    script = """
child = subprocess.Popen(["sleep", "600"])
from condafs.builder.limits import die_with_daemon
die_with_daemon(os.dup(0))
say(Progress(Phase.LINK, str(child.pid)))
time.sleep(600)
"""
    pidfds: list[int] = []
    with scripted(tmp_path, script) as activator:
        async with running(tmp_path) as runner:
            with trio.CancelScope() as scope:

                def cancel(progress: Progress) -> None:
                    pidfds.append(os.pidfd_open(int(progress.package)))
                    scope.cancel()

                await runner.run(request_to_build, log, cancel)
            assert activator.processes[0].poll() is not None
            assert select.select(pidfds, [], [], 10)[0] == pidfds
    os.close(pidfds[0])


async def test_one_that_waits_removes_and_then_builds(
    tmp_path: Path, request_to_build: BuildRequest, log: Path
) -> None:
    gone, kept = tmp_path / "gone", tmp_path / "kept"
    for prefix in (gone, kept):
        (prefix / "lib").mkdir(parents=True)
        (prefix / "lib").chmod(0o555)
    with activating(tmp_path / "socket", lambda _: REAL) as activator:
        async with running(tmp_path) as runner:
            await runner.prepare()
            await runner.remove(gone)
            await runner.remove(tmp_path / "never there")
            assert len(activator.processes) == 1
            outcome = await runner.run(request_to_build, log, lambda _: None)
    assert isinstance(outcome, Failed)
    assert outcome.message.startswith("KeyError")  # `{}` is no specification
    assert prefixes_in(tmp_path) == [kept]


async def test_what_cannot_be_removed_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "prefix").mkdir()
    script = "import json; os.write(1, encode_event(Failed(FailureKind.INTERNAL, 'it is stuck')))"
    begin = BEGIN.replace("fds[0]", "None")
    with activating(tmp_path / "socket", lambda _: [sys.executable, "-c", begin + script]):
        async with running(tmp_path) as runner:
            with pytest.raises(OSError, match="it is stuck"):
                await runner.remove(tmp_path / "prefix")


async def test_a_spare_that_died_or_is_too_old_is_not_taken(
    tmp_path: Path, request_to_build: BuildRequest, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = ["import sys; sys.exit()", BEGIN + "done()", BEGIN + "done()", BEGIN + "done()", BEGIN]
    with activating(tmp_path / "socket", lambda number: [sys.executable, "-c", scripts[number]]) as activator:
        async with running(tmp_path) as runner:
            await runner.prepare()
            spare = runner._spare.waiting
            assert spare
            await trio.lowlevel.wait_readable(spare.stream.socket)
            assert await runner.run(request_to_build, log, lambda _: None) == DONE
            await trio.testing.wait_all_tasks_blocked()
            monkeypatch.setattr(socket_runner, "SPARE_SECONDS", 0)
            assert await runner.run(request_to_build, log, lambda _: None) == DONE
    assert len(activator.processes) == 5
