"""Garbage collection on a real mount, with real processes that use builds."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from condafs.catalog.records import BuildRecord, BuildState
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.cli.application import run_command_line
from condafs.names import BuildName, EnvironmentName, SpecDigest
from tests.mounted.conftest import ROOT_OF_PROJECT, Daemon, until
from tests.way import open_the_way_to

NOBODY = 65534
NOW = ("--keep-days", "0", "--keep-generations", "1")
WAIT = "print('ready', flush=True); import sys; sys.stdin.read()"


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def actions(self) -> dict[int, tuple[str, str]]:
        """Generation -> (what became of it, what kept it)."""
        return {item["generation"]: (item["action"], item["root"]) for item in self.json()["builds"]}


class Command:
    """Runs commands on the daemon's mount, in this process."""

    def __init__(self, daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
        self._daemon = daemon
        self._capsys = capsys

    def __call__(self, *words: str) -> Outcome:
        state = ["--state", str(self._daemon.state)] if words[0] in {"gc", "du"} else []
        code = run_command_line([*words, *state, "--mount", str(self._daemon.mount)])
        captured = self._capsys.readouterr()
        return Outcome(code, captured.out, captured.err)


@pytest.fixture
def command(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(daemon, capsys)


@contextmanager
def python(code: str, **options: Any) -> Iterator[None]:
    """A process that has done something and stays."""
    arguments = [sys.executable, "-c", f"{code}\n{WAIT}"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield
        assert process.stdin
        process.stdin.close()


def publish(daemon: Daemon, count: int) -> list[Path]:
    """Generations of foo; their prefixes."""
    for number in range(1, count + 1):
        daemon.write(f"numpy=={number}")
    links = sorted(daemon.generations(), key=lambda link: int(link.partition("-")[0]))
    return [(daemon.mount / ".history" / "foo" / link).resolve() for link in links]


def test_nothing_goes_by_default_that_was_made_today(daemon: Daemon, command: Command) -> None:
    publish(daemon, 7)
    outcome = command("gc")
    assert outcome.code == 0
    assert "kept: 7 builds (1 current, 4 generations, 2 days)" in outcome.err
    assert len(daemon.generations()) == 7


def test_a_dry_run_says_what_would_go_and_why_and_removes_nothing(daemon: Daemon, command: Command) -> None:
    publish(daemon, 3)
    outcome = command("gc", "--dry-run", *NOW)
    assert re.search(r"^foo@[0-9a-f]{12} +1 +10 B +unneeded for 0 days$", outcome.out, re.MULTILINE)
    assert "would go: 2 builds" in outcome.err
    assert len(daemon.generations()) == 3


def test_what_a_process_uses_stays_however_it_does(daemon: Daemon, command: Command) -> None:
    prefixes = publish(daemon, 6)
    data = prefixes[1] / "specification"
    tool = prefixes[2] / "sleep"
    tool.write_bytes(Path("/bin/sleep").read_bytes())
    tool.chmod(0o755)
    opened = f"f = open({str(prefixes[3] / 'specification')!r}, 'rb')"
    mapped = f"import mmap; {opened}; m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); f.close()"
    with (
        python("", cwd=daemon.mount / prefixes[0].name),
        python(f"file = open({str(data)!r})"),
        subprocess.Popen([daemon.mount / prefixes[2].name / "sleep", "1000"]) as runs,
        python(mapped),
    ):
        outcome = command("gc", "--json", *NOW)
        runs.kill()
    used, gone = ("keep", "used"), ("deleted", "")
    assert outcome.actions() == {1: used, 2: used, 3: used, 4: used, 5: gone, 6: ("keep", "current")}
    assert all(prefix.is_dir() for prefix in prefixes[:4])
    assert not prefixes[4].exists()
    assert "used by python" in outcome.out
    again = command("gc", "--json", *NOW)
    assert again.actions() == dict.fromkeys((1, 2, 3, 4), gone) | {6: ("keep", "current")}, again.out


def test_who_reads_an_export_keeps_its_build_under_whatever_name_he_opened_it(daemon: Daemon, command: Command) -> None:
    publish(daemon, 2)
    with (daemon.mount / "foo.tar").open("rb") as export:  # generation 2
        publish(daemon, 3)
        with (daemon.mount / "foo@-2.tar").open("rb"):  # generation 1
            assert command("gc", "--json", *NOW).actions() == {
                1: ("keep", "exported"),
                2: ("keep", "exported"),
                3: ("keep", "current"),
            }
        assert b"specification" in export.read()
    until(lambda: "open_exports" not in daemon.status(), "the exports are closed")
    assert command("gc", "--json", *NOW).actions()[2] == ("deleted", "")


def test_what_failed_or_was_overtaken_goes_with_its_log(daemon: Daemon, command: Command) -> None:
    daemon.write("numpy==1", script="fail")
    failed = str(daemon.status()["building"]["build"])  # type: ignore[index]
    daemon.write("numpy==2")
    assert (daemon.mount / ".logs" / f"{failed}.log").exists()
    assert command("gc", *NOW).code == 0
    assert not os.path.lexists(daemon.mount / failed)
    assert not (daemon.mount / ".logs" / f"{failed}.log").exists()
    assert "removed: 0 builds" in command("gc", *NOW).err


def test_what_a_specification_describes_stays_though_it_failed(daemon: Daemon, command: Command) -> None:
    daemon.write("numpy==1", script="fail")
    assert command("gc", *NOW, "--json").actions() == {0: ("keep", "wanted")}


def test_a_retired_environment_is_forgotten_with_its_last_build(daemon: Daemon, command: Command) -> None:
    publish(daemon, 2)
    (daemon.specs / "foo.yaml").unlink()
    until(lambda: daemon.status()["retired"] is True, "foo is retired")
    assert command("gc", "--keep-generations", "5", "--keep-days", "0").code == 0
    until(lambda: not (daemon.mount / ".status" / "foo").exists(), "foo is forgotten")


def test_it_stops_when_enough_is_free(daemon: Daemon, command: Command) -> None:
    publish(daemon, 5)  # 10 bytes each, says the scripted builder
    outcome = command("gc", "--json", "--max-freed", "15", *NOW)
    assert [action for action, _ in outcome.actions().values()].count("deleted") == 2
    assert outcome.actions()[3] == ("postpone", "")
    assert outcome.json()["freed_bytes"] == 20


def test_a_pin_keeps_a_build_over_restarts_and_from_rm(daemon: Daemon, command: Command) -> None:
    publish(daemon, 3)
    os.symlink("../foo@-2", daemon.mount / ".pins" / "paper-2026")
    daemon.restart()
    assert command("gc", "--json", *NOW).actions()[1] == ("keep", "pinned")
    first = (daemon.mount / ".pins" / "paper-2026").resolve()
    assert (first / "specification").exists()
    with pytest.raises(PermissionError):
        (daemon.mount / first.name).unlink()
    assert "paper-2026" in command("history", "foo").out
    assert "paper-2026" in command("status", "foo").out
    assert "pinned: paper-2026" in command("history", "foo", "--events").out
    (daemon.mount / ".pins" / "paper-2026").unlink()
    assert command("gc", "--json", *NOW).actions()[1] == ("deleted", "")


def test_pinning_and_unpinning_by_commands(daemon: Daemon, command: Command) -> None:
    publish(daemon, 3)
    assert "Nothing is pinned" in command("pin").err
    assert command("pin", "foo@-1", "--as", "paper").code == 0
    assert command("pin", "foo").code == 0
    labels = [item["label"] for item in command("pin", "--json").json()]
    assert len(labels) == 2
    assert "paper" in labels
    assert labels[0].startswith("foo@")
    refused = command("pin", "foo@-2", "--as", "paper")
    assert (refused.code, "--force" in refused.err) == (2, True)
    assert command("pin", "foo@-2", "--as", "paper", "--force").code == 0
    assert command("unpin", "foo@-2").err == "unpinned paper\n"
    assert command("unpin", "foo").code == 0
    missing = command("unpin", "foo")
    assert (missing.code, "there are none" in missing.err) == (3, True)
    assert command("pin", "foo", "--as", "no/label").code != 0
    assert command("pin", "bar").code == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_only_its_owner_and_root_remove_a_pin(daemon: Daemon) -> None:
    open_the_way_to(daemon.mount.parent)
    publish(daemon, 2)
    os.symlink("../foo@-1", daemon.mount / ".pins" / "mine")

    def somebody(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, user=NOBODY, group=NOBODY, extra_groups=(), cwd="/", capture_output=True, text=True, check=False
        )

    assert somebody("rm", str(daemon.mount / ".pins" / "mine")).returncode == 1
    assert somebody("ln", "-sfn", "../foo", str(daemon.mount / ".pins" / "mine")).returncode == 1
    assert somebody("ln", "-s", "../foo", str(daemon.mount / ".pins" / "theirs")).returncode == 0
    assert (daemon.mount / ".pins" / "theirs").lstat().st_uid == NOBODY
    assert somebody("rm", str(daemon.mount / ".pins" / "theirs")).returncode == 0
    assert os.listdir(daemon.mount / ".pins") == ["mine"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_may_not_read_the_catalog_is_told_who_may(daemon: Daemon) -> None:
    open_the_way_to(daemon.mount.parent)
    publish(daemon, 2)
    done = subprocess.run(
        [sys.executable, "-m", "condafs", "gc", "--mount", str(daemon.mount)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=(),
        cwd=ROOT_OF_PROJECT,
        env={"HOME": "/", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "as root" in done.stderr


def add_builds(state: Path, count: int) -> None:
    """Older generations of foo, as if they had been built."""

    def add(transaction: Transaction) -> None:
        for number in range(1, count + 1):
            build = BuildName(SpecDigest(f"{number:064x}"), EnvironmentName("foo"))
            (state / "builds" / str(build)).mkdir()
            (state / "builds" / str(build) / "specification").write_text("old")
            transaction.put_build(BuildRecord(build, BuildState.READY, transaction.next_sequence(), 1000 + number))
            transaction.put_specification(build.digest, b"{}")
        environment = transaction.environment(EnvironmentName("foo"))
        assert environment
        transaction.put_environment(replace(environment, last_generation=1000 + count))

    with Catalog.open(state / "catalog") as catalog:
        catalog.write_now(add)


def test_removing_hundreds_of_builds_keeps_no_reader_waiting_nor_in_the_dark(
    daemon: Daemon, command: Command, tmp_path: Path
) -> None:
    """Readers list, follow and read all the while; whoever reads the current build reads the whole of it."""
    count = 250
    daemon.write("numpy==1")
    daemon.end()
    add_builds(daemon.state, count)
    daemon.restart()
    daemon.write("numpy==2")
    current = daemon.content()
    ended, slowest, troubles = threading.Event(), [0.0], list[str]()

    def read() -> None:
        import time  # noqa: PLC0415

        while not ended.is_set():
            began = time.monotonic()
            try:
                if daemon.content() != current:
                    troubles.append("another content")
                os.listdir(daemon.mount)
                os.listdir(daemon.mount / ".history" / "foo")
            except OSError as error:
                troubles.append(repr(error))
            slowest[0] = max(slowest[0], time.monotonic() - began)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        outcome = command("gc", "--json", *NOW)
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert troubles == []
    assert [action for action, _ in outcome.actions().values()].count("deleted") == count + 1
    assert len(os.listdir(daemon.state / "builds")) == 1
    assert slowest[0] < 5, "nobody waits for a removal"


def test_a_request_is_answered_by_removing_it(daemon: Daemon, command: Command, tmp_path: Path) -> None:
    request, config = tmp_path / "collect", tmp_path / "condafs.yaml"
    config.write_text(f"gc-request: {request}\n")
    request.touch()
    assert command("gc", "--quiet", "--config", str(config)) == Outcome(0, "", "")
    assert not request.exists()


def test_a_request_that_comes_while_a_collection_runs_is_for_the_next(
    daemon: Daemon, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, config = tmp_path / "collect", tmp_path / "condafs.yaml"
    config.write_text(f"gc-request: {request}\n")
    request.touch()

    def look_and_be_asked_again(*_: object) -> list[Path]:
        request.unlink()
        request.touch()
        return []

    monkeypatch.setattr("condafs.cli.gc.orphaned_logs", look_and_be_asked_again)
    assert command("gc", "--config", str(config)).code == 0
    assert request.exists()


def test_du_shows_what_environments_take(daemon: Daemon, command: Command) -> None:
    publish(daemon, 2)
    daemon.write("numpy==1", name="bar")
    document = command("du", "--json").json()
    assert {(u["owner"], u["builds"], u["apparent_bytes"], u["unique_bytes"]) for u in document["usages"]} == {
        ("foo", 2, 200, 20),
        ("bar", 1, 100, 10),
    }
    assert document["total_bytes"] == 30
    assert re.search(r"^foo +2 +200 B +20 B +0 B$", command("du").out, re.MULTILINE)
    assert len(command("du", "foo").out.splitlines()) == 4
    assert command("du", "nonesuch").code == 3


@pytest.mark.parametrize(
    "words",
    [("--keep-days", "soon"), ("--max-freed", "much"), ("--keep-generations", "-1"), ("--keep-packages-days", "x")],
)
def test_what_makes_no_sense_is_refused(command: Command, words: tuple[str, str]) -> None:
    assert command("gc", *words).code == 2
