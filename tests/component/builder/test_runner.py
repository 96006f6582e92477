"""The daemon's side of a build, with scripts in the builder's place."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from condafs.builder import conversation
from condafs.builder.protocol import BuildRequest, Failed, FailureKind, Phase, Progress, Succeeded
from condafs.builder.runner import LocalRunner

DONE = Succeeded(size_bytes=1, own_bytes=2, package_count=3, file_count=4, lock_sha256="ab", seconds={"solve": 0.5})

BEGIN = """
import os, socket, subprocess, sys, time
from condafs.builder.protocol import *
daemon = socket.socket(fileno=0)
line, fds, _, _ = socket.recv_fds(daemon, 1 << 16, 1)
request, log = BuildRequest.decode(line), fds[0]
def say(event): os.write(1, encode_event(event))
def done(): say(Succeeded(1, 2, 3, 4, "ab", {"solve": 0.5}))
"""


def scripted(script: str) -> LocalRunner:
    """A runner whose builder is a script; it goes in through the seam for sandboxes."""

    def wrap(_: Sequence[str]) -> Sequence[str]:
        return [sys.executable, "-c", BEGIN + script]

    return LocalRunner(wrap)


async def outcome_of(
    script: str, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None] = lambda _: None
) -> Succeeded | Failed:
    with trio.fail_after(30):
        return await scripted(script).run(request, log, on_progress)


async def test_events_become_progress_and_the_last_one_the_outcome(request_to_build: BuildRequest, log: Path) -> None:
    seen: list[Progress] = []
    script = "say(Progress(Phase.SOLVE)); say(Progress(Phase.FETCH, 'numpy', 1, 2, 3, 4)); done()"
    assert await outcome_of(script, request_to_build, log, seen.append) == DONE
    assert seen == [Progress(Phase.SOLVE), Progress(Phase.FETCH, "numpy", 1, 2, 3, 4)]


async def test_what_is_no_event_is_passed_over(request_to_build: BuildRequest, log: Path) -> None:
    script = """
for garbage in (b"hello", b"{", b"[]", b"null", b'{"event": "nothing"}', b'{"event": "progress"}', bytes(range(256))):
    os.write(1, garbage + b"\\n")
os.write(1, b"x" * 100_000 + b"\\n")
done()
"""
    assert await outcome_of(script, request_to_build, log) == DONE


async def test_an_event_that_arrives_in_pieces_is_put_together(request_to_build: BuildRequest, log: Path) -> None:
    script = """
for byte in encode_event(Progress(Phase.LINK)) + encode_event(Succeeded(1, 2, 3, 4, "ab", {"solve": 0.5})):
    os.write(1, bytes([byte]))
"""
    assert await outcome_of(script, request_to_build, log) == DONE


async def test_a_failure_is_handed_on_whole(request_to_build: BuildRequest, log: Path) -> None:
    script = "say(Failed(FailureKind.UNSATISFIABLE, 'a\\nb │ c', Phase.SOLVE))"
    failed = Failed(FailureKind.UNSATISFIABLE, "a\nb │ c", Phase.SOLVE)
    assert await outcome_of(script, request_to_build, log) == failed


async def test_a_request_larger_than_a_socket_takes_at_once_arrives(tmp_path: Path, log: Path) -> None:
    request = BuildRequest("b", "x" * 3_000_000, "p", str(tmp_path))
    script = """
while not line.endswith(b"\\n"):
    line += os.read(0, 1 << 16)
"""
    begin = BEGIN.replace("request, log = BuildRequest.decode(line), fds[0]", "log = fds[0]")
    end = "assert len(BuildRequest.decode(line).specification) == 3_000_000; done()"
    runner = LocalRunner(lambda _: [sys.executable, "-c", begin + script + end])
    assert await runner.run(request, log, lambda _: None) == DONE


def test_the_log_comes_as_a_descriptor_and_is_appended_to(request_to_build: BuildRequest, log: Path) -> None:
    log.write_text("queued\n")
    trio.run(outcome_of, "os.write(log, b'said\\n'); done()", request_to_build, log)
    assert log.read_text() == "queued\nsaid\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("sys.exit(7)", "status 7"),
        ("os.kill(os.getpid(), 9)", "SIGKILL; when nobody did that by hand, the machine had no memory left"),
        ("os.abort()", "SIGABRT; it may have reached its memory limit"),
        ("os.kill(os.getpid(), 40)", "signal 40"),
    ],
)
def test_an_end_without_an_outcome_says_how_it_ended(
    request_to_build: BuildRequest, log: Path, script: str, words: str
) -> None:
    failed = trio.run(outcome_of, script, request_to_build, log)
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.KILLED
    assert words in failed.message
    assert words in log.read_text()


async def test_a_command_that_does_not_exist_is_a_failure(request_to_build: BuildRequest, log: Path) -> None:
    failed = await LocalRunner(lambda _: ["/nonexistent"]).run(request_to_build, log, lambda _: None)
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.INTERNAL
    assert "/nonexistent" in failed.message
    assert failed.message in log.read_text()  # noqa: ASYNC240 - quick


async def test_past_the_wall_time_and_its_grace_the_builder_is_killed(
    request_to_build: BuildRequest, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "GRACE_SECONDS", 0.2)
    limited = replace(request_to_build, wall_seconds=0.1)
    failed = await outcome_of("time.sleep(600)", limited, log)
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.TIMEOUT


FAMILY = """
child = subprocess.Popen(["sleep", "600"])
other = subprocess.Popen(["setsid", "sleep", "600"])
say(Progress(Phase.POST_LINK, f"{os.getpid()} {child.pid} {other.pid}"))
time.sleep(600)
"""


async def test_cancelling_kills_everything_below_the_builder(request_to_build: BuildRequest, log: Path) -> None:
    pidfds: list[int] = []
    with trio.fail_after(30), trio.CancelScope() as scope:

        def cancel(progress: Progress) -> None:
            pidfds.extend(os.pidfd_open(int(pid)) for pid in progress.package.split())
            scope.cancel()

        await scripted(FAMILY).run(request_to_build, log, cancel)
    assert len(pidfds) == 3
    assert all(select.select([pidfd], [], [], 10)[0] for pidfd in pidfds)
    for pidfd in pidfds:
        os.close(pidfd)


async def test_an_outcome_ends_what_the_builder_left_running(request_to_build: BuildRequest, log: Path) -> None:
    pids: list[int] = []
    script = """
child = subprocess.Popen(["sleep", "600"])
say(Progress(Phase.POST_LINK, str(child.pid)))
done()
"""
    await outcome_of(script, request_to_build, log, lambda progress: pids.append(os.pidfd_open(int(progress.package))))
    assert select.select(pids, [], [], 10)[0] == pids
    os.close(pids[0])


DAEMON = """
import sys, trio
from pathlib import Path
from condafs.builder.protocol import BuildRequest
from condafs.builder.runner import LocalRunner
runner = LocalRunner(lambda _: [sys.executable, "-c", sys.argv[2]])
request = BuildRequest("b", "{}", sys.argv[1] + "/prefix", sys.argv[1])
trio.run(runner.run, request, Path(sys.argv[1], "log"), lambda progress: print(progress.package, flush=True))
"""


def test_a_daemon_that_is_killed_leaves_no_builder(tmp_path: Path) -> None:
    watched = BEGIN + "from condafs.builder.limits import *; die_with_daemon(os.dup(0))\n" + FAMILY
    with subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(tmp_path), watched], stdout=subprocess.PIPE, text=True
    ) as daemon:
        assert daemon.stdout
        pidfds = [os.pidfd_open(int(pid)) for pid in daemon.stdout.readline().split()]
        daemon.send_signal(signal.SIGKILL)
    assert len(pidfds) == 3
    assert all(select.select([pidfd], [], [], 10)[0] for pidfd in pidfds)
    for pidfd in pidfds:
        os.close(pidfd)


async def test_a_spare_is_taken_replaced_and_ended(request_to_build: BuildRequest, log: Path) -> None:
    started: list[int] = []

    def wrap(_: Sequence[str]) -> Sequence[str]:
        started.append(1)
        return [sys.executable, "-c", BEGIN + "done()"]

    runner = LocalRunner(wrap, keeps_spare=True)
    await runner.prepare()
    await runner.prepare()
    assert len(started) == 1
    assert await runner.run(request_to_build, log, lambda _: None) == DONE
    assert len(started) == 2
    await runner.aclose()
    await runner.aclose()


async def test_a_spare_that_died_is_not_taken(request_to_build: BuildRequest, log: Path) -> None:
    scripts = iter(["import sys; sys.exit()", BEGIN + "done()", BEGIN + "done()"])
    runner = LocalRunner(lambda _: [sys.executable, "-c", next(scripts)], keeps_spare=True)
    await runner.prepare()
    spare = runner._spare.waiting
    assert spare
    await spare.process.wait()
    assert await runner.run(request_to_build, log, lambda _: None) == DONE
    await runner.aclose()


async def test_nobody_waits_for_a_builder_that_succeeded_to_be_gone(request_to_build: BuildRequest, log: Path) -> None:
    script = BEGIN + "done(); time.sleep(60)"
    async with trio.open_nursery() as nursery:
        runner = LocalRunner(lambda _: [sys.executable, "-c", script], keeps_spare=True, aside=nursery)
        await runner.prepare()
        assert runner._spare.waiting
        process = runner._spare.waiting.process
        with trio.fail_after(30):
            assert await runner.run(request_to_build, log, lambda _: None) == DONE
        assert process.returncode is None
        assert runner._spare.waiting is None
    assert process.returncode is not None
    assert runner._spare.waiting
    await runner.aclose()
