"""Asking what would be installed: of the real solver and a real channel, and of scripts in the solver's place."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import trio

from condafs.builder import solving
from condafs.builder.offspring import children_of
from condafs.builder.protocol import FailureKind
from condafs.builder.solved import Solution, SolvedPackage
from condafs.builder.solving import SOLVER, SolveError, UnsolvableError, solve
from condafs.config.settings import machine_platform
from condafs.names import EnvironmentName
from condafs.spec.specification import LockedPackage, Specification
from tests.channel.faulty_server import Fault, FaultyServer

PATIENCE_SECONDS = 60


def wanted(*dependencies: str, channels: Sequence[str] = ()) -> Specification:
    return Specification(EnvironmentName("foo"), machine_platform(), tuple(channels), tuple(sorted(dependencies)))


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks with the test's channel as the default."""

    cache: Path
    channel: str

    async def ask(
        self,
        specification: Specification,
        command: Sequence[str] = SOLVER,
        *,
        timeout_seconds: float = PATIENCE_SECONDS,
        memory_bytes: int = 0,
    ) -> Solution:
        return await solve(
            specification,
            cache=self.cache,
            default_channels=(self.channel,),
            channel_alias="https://channels.invalid",
            memory_bytes=memory_bytes,
            timeout_seconds=timeout_seconds,
            command=command,
        )

    async def fail(
        self,
        specification: Specification,
        command: Sequence[str] = SOLVER,
        *,
        timeout_seconds: float = PATIENCE_SECONDS,
        memory_bytes: int = 0,
    ) -> SolveError:
        with pytest.raises(SolveError) as caught:
            await self.ask(specification, command, timeout_seconds=timeout_seconds, memory_bytes=memory_bytes)
        return caught.value


@pytest.fixture
def asker(tmp_path: Path, channel_url: str) -> Asker:
    return Asker(tmp_path / "state" / "cache", channel_url)


def scripted(script: str) -> list[str]:
    return [sys.executable, "-c", "import os, subprocess, sys, time\n" + script]


async def test_python_comes_with_its_size_its_sums_and_what_depends_on_it(asker: Asker, channel_path: Path) -> None:
    solution = await asker.ask(wanted("zz-noarch-py"))
    python, package = solution.packages
    archive = channel_path / python.subdir / python.url.rpartition("/")[2]
    assert (python.name, python.version) == ("python", ".".join(map(str, sys.version_info[:3])))
    assert python.size_bytes == archive.stat().st_size
    assert (len(python.sha256), len(python.md5)) == (64, 32)
    assert python.channel.rstrip("/") == asker.channel
    assert (package.name, package.subdir, package.noarch) == ("zz-noarch-py", "noarch", "python")
    assert "python" in package.depends
    assert python.license


async def test_nothing_asked_for_is_nothing_installed(asker: Asker) -> None:
    assert await asker.ask(wanted()) == Solution(())


async def test_lines_for_pip_stay_as_they_are_and_bring_pip_and_python(asker: Asker) -> None:
    solution = await asker.ask(replace(wanted(), pip=("--no-deps", "six==1.16")))
    assert solution.pip == ("--no-deps", "six==1.16")
    assert {"pip", "python"} <= {package.name for package in solution.packages}


async def test_exact_packages_are_listed_and_nobody_is_asked(asker: Asker) -> None:
    url = "https://host.invalid/c/noarch/a-1-0.conda"
    listed = await asker.ask(replace(wanted(), packages=(LockedPackage(url, "ab" * 32),)))
    channel = "https://host.invalid/c/"
    assert listed.packages == (SolvedPackage("a", "1", "0", 0, channel, "noarch", url, "ab" * 32),)
    assert not asker.cache.exists()


async def test_what_excludes_each_other_is_explained(asker: Asker) -> None:
    error = await asker.fail(wanted("zz-a", "zz-b"))
    assert isinstance(error, UnsolvableError)
    assert error.kind is FailureKind.UNSATISFIABLE
    assert "zz-a 1.0 would require" in str(error)
    assert "zz-b 1.0 would require" in str(error)


async def test_a_dependency_that_cannot_be_read_is_named(asker: Asker) -> None:
    error = await asker.fail(wanted("zz-lib =>3"))
    assert isinstance(error, UnsolvableError)
    assert (error.kind, "zz-lib =>3" in str(error)) == (FailureKind.BAD_SPEC, True)


async def test_a_channel_that_is_not_there_is_named(asker: Asker, tmp_path: Path) -> None:
    url = (tmp_path / "none").as_uri()
    error = await asker.fail(wanted("python", channels=(url,)))
    assert isinstance(error, UnsolvableError)
    assert (error.kind, url in str(error)) == (FailureKind.CHANNEL, True)


async def test_a_channel_that_cannot_be_reached_is_named_without_its_token(asker: Asker) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port meanwhile
        host = f"127.0.0.1:{reserved.getsockname()[1]}"
        error = await asker.fail(wanted("python", channels=(f"http://{host}/t/secret/channel",)))
    assert not isinstance(error, UnsolvableError)
    assert error.kind is FailureKind.NETWORK
    assert f"http://{host}/t/" in str(error)
    assert "secret" not in str(error)


async def test_a_cache_that_cannot_be_written_is_named(asker: Asker) -> None:
    asker.cache.parent.mkdir()
    asker.cache.touch()
    error = await asker.fail(wanted("python"))
    assert (error.kind, str(asker.cache) in str(error)) == (FailureKind.INTERNAL, True)


def outside(cache: Path, root: Path) -> set[Path]:
    """What there is below `root`, but for what is in the cache."""
    return {path for path in root.rglob("*") if cache not in path.parents}


async def test_only_the_cache_is_written_and_only_its_owner_sees_it(
    asker: Asker, http_channel: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home))
    url = f"{http_channel.url}/{machine_platform()}/zz-postlink-1.0-0.conda"
    solution = await asker.ask(wanted("python", f"zz-postlink[url='{url}']", channels=(http_channel.url,)))
    assert [package.name for package in solution.packages] == ["python", "zz-postlink"]
    assert list(asker.cache.glob("*.json"))
    assert asker.cache.stat().st_mode & 0o777 == 0o700
    assert outside(asker.cache, tmp_path) == {home, asker.cache, asker.cache.parent}


async def test_an_archive_of_a_url_is_extracted_nowhere_but_into_the_cache(
    asker: Asker, http_channel: FaultyServer, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    asker.cache.mkdir(parents=True)
    (asker.cache / "pkgs").symlink_to(elsewhere)
    url = f"{http_channel.url}/{machine_platform()}/zz-postlink-1.0-0.conda"
    error = await asker.fail(wanted("python", f"zz-postlink[url='{url}']", channels=(http_channel.url,)))
    assert "denied" in str(error)
    assert not os.listdir(elsewhere)


async def test_what_is_cached_is_not_fetched_again(asker: Asker, http_channel: FaultyServer) -> None:
    for _ in range(2):
        await asker.ask(wanted("zz-lib", channels=(http_channel.url,)))
    assert http_channel.count(r"noarch/repodata\.json$") == 2  # asked whether it changed
    assert len(list(asker.cache.glob("*.info.json"))) == 2


def announcing(pids: Path, command: Sequence[str]) -> list[str]:
    """The command with a neighbour in its process group; both their numbers are written down first."""
    return ["sh", "-c", f'sleep 600 & echo $$ $! > "{pids}"; exec "$@"', "sh", *command]


@contextmanager
def watching(*pids: int) -> Iterator[list[int]]:
    """Descriptors of processes, which get readable when those end (pidfd_open(2))."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)


def is_gone(pid: int) -> bool:
    """Whether it ended, waited for or not by a parent that is none of ours."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


async def test_a_solver_that_is_too_late_is_killed_with_its_group(
    asker: Asker, http_channel: FaultyServer, tmp_path: Path
) -> None:
    http_channel.fail(Fault.HANG)
    specification = wanted("python", channels=(http_channel.url,))
    error = await asker.fail(specification, announcing(tmp_path / "pids", SOLVER), timeout_seconds=2)
    assert error.kind is FailureKind.TIMEOUT
    assert "2.0 s" in str(error)
    assert http_channel.url in str(error)
    assert all(is_gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


async def test_cancelling_kills_the_solver_with_its_group(
    asker: Asker, http_channel: FaultyServer, tmp_path: Path
) -> None:
    http_channel.fail(Fault.HANG)
    specification = wanted("python", channels=(http_channel.url,))
    with trio.fail_after(PATIENCE_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asker.ask, specification, announcing(tmp_path / "pids", SOLVER))
            await trio.to_thread.run_sync(http_channel.hanging.wait, PATIENCE_SECONDS)
            with watching(*map(int, (tmp_path / "pids").read_text().split())) as descriptors:
                nursery.cancel_scope.cancel()
                with trio.CancelScope(shield=True):
                    for descriptor in descriptors:
                        await trio.lowlevel.wait_readable(descriptor)


ASKING = """
import sys, trio
from functools import partial
from pathlib import Path
from condafs.builder.solving import solve
from condafs.names import EnvironmentName
from condafs.spec.specification import Specification
wanted = Specification(EnvironmentName("foo"), "linux-64", (sys.argv[1],), ("python",))
trio.run(partial(solve, wanted, cache=Path(sys.argv[2]), default_channels=(), channel_alias="https://host.invalid",
    memory_bytes=0, timeout_seconds=600))
"""


def test_an_asker_that_is_killed_leaves_no_solver(asker: Asker, http_channel: FaultyServer) -> None:
    http_channel.fail(Fault.HANG)
    with subprocess.Popen([sys.executable, "-c", ASKING, http_channel.url, str(asker.cache)]) as process:
        assert http_channel.hanging.wait(PATIENCE_SECONDS)
        with watching(*children_of(process.pid)) as descriptors:
            process.send_signal(signal.SIGKILL)
            assert len(descriptors) == 1
            assert select.select(descriptors, [], [], PATIENCE_SECONDS)[0] == descriptors


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("sys.exit(7)", FailureKind.KILLED, "the solver ended with status 7"),
        ("os.kill(os.getpid(), 9)", FailureKind.KILLED, "the solver was killed by SIGKILL"),
        ("os.abort()", FailureKind.KILLED, "SIGABRT; it may have reached its memory limit of 1.0 GB"),
        ("print('hello')", FailureKind.INTERNAL, "cannot be read"),
        ("print('[]')", FailureKind.INTERNAL, "cannot be read"),
        ("print('{\"packages\": [', end='')", FailureKind.KILLED, "status 0"),
        ("while True: os.write(1, b' ' * 65536)", FailureKind.INTERNAL, "more than 100000 bytes"),
    ],
)
async def test_a_solver_that_does_not_answer_says_how_it_ended(
    asker: Asker, script: str, kind: FailureKind, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solving, "LONGEST_ANSWER_BYTES", 100_000)
    error = await asker.fail(wanted("python"), scripted(script), memory_bytes=10**9)
    assert error.kind is kind
    assert words in str(error)


async def test_a_solver_that_cannot_be_started_is_named(asker: Asker) -> None:
    error = await asker.fail(wanted("python"), ["/nonexistent"])
    assert (error.kind, "/nonexistent" in str(error)) == (FailureKind.INTERNAL, True)


async def test_the_memory_limit_holds_for_the_solver(asker: Asker, http_channel: FaultyServer, tmp_path: Path) -> None:
    http_channel.fail(Fault.HANG)
    command = announcing(tmp_path / "pids", SOLVER)
    ask = partial(asker.ask, wanted("python", channels=(http_channel.url,)), command, memory_bytes=3 << 28)
    with trio.fail_after(PATIENCE_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.to_thread.run_sync(http_channel.hanging.wait, PATIENCE_SECONDS)
            solver, _ = (tmp_path / "pids").read_text().split()
            limits = await trio.Path(f"/proc/{solver}/limits").read_text()
            nursery.cancel_scope.cancel()
    assert f"Max data size {3 << 28} {3 << 28} bytes" in " ".join(limits.split())


async def test_less_memory_than_rattler_can_fail_with_is_never_its_limit(asker: Asker) -> None:
    assert (await asker.ask(wanted("python"), memory_bytes=1)).packages
