import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from condafs.catalog.records import BuildState, EnvironmentRecord, FileRecord
from condafs.catalog.store import Catalog, Moved
from condafs.catalog.transaction import Transaction
from condafs.errors import CatalogError, ConflictError, DiskFullError
from condafs.names import EnvironmentName
from tests.component.catalog.records import build_name, put_ready

SMALL = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog"


def _run(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with the catalog's path as its argument."""
    preamble = (
        "import sys\nfrom pathlib import Path\nfrom condafs.catalog.store import Catalog\npath = Path(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", preamble + code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _fill(transaction: Transaction, numbers: range) -> None:
    for number in numbers:
        put_ready(transaction, number, f"e{number % 1000}")
        transaction.put_file(FileRecord(f"{number}.yaml", "0" * 64, 1, 1, refusal="x" * 1000))


def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    with Catalog.open(path) as catalog:
        record = catalog.write_now(partial(put_ready, number=1))
    with Catalog.open(path) as catalog, catalog.snapshot() as snapshot:
        assert snapshot.build(record.digest) == record
        assert snapshot.specification(record.digest) == b"{}"


def test_a_snapshot_does_not_change(path: Path) -> None:
    with Catalog.open(path) as catalog:
        with catalog.snapshot() as before:
            catalog.write_now(partial(put_ready, number=1))
            assert before.build(build_name(1).digest) is None
        with catalog.snapshot() as after:
            assert after.build(build_name(1).digest)


def test_a_second_writer_is_told_who_has_it(path: Path) -> None:
    with Catalog.open(path):
        result = _run("Catalog.open(path)", path)
        assert "CatalogError" in result.stderr
        assert f"(process {os.getpid()})" in result.stderr
    Catalog.open(path).close()


def test_the_map_grows_by_itself(path: Path) -> None:
    with Catalog.open(path, map_bytes=SMALL) as catalog:
        for start in range(0, 2000, 500):
            catalog.write_now(partial(_fill, numbers=range(start + 1, start + 501)))
        assert catalog._environment.info()["map_size"] > SMALL
        with catalog.snapshot() as snapshot:
            assert snapshot.count_by_state()[BuildState.READY] == 2000
    with Catalog.open(path, map_bytes=SMALL) as catalog, catalog.snapshot() as snapshot:
        assert len(list(snapshot.ready_builds())) == 2000


def test_the_map_waits_for_open_snapshots_before_it_moves(path: Path) -> None:
    with Catalog.open(path, map_bytes=SMALL) as catalog:
        put = catalog.write_now(partial(put_ready, number=1))
        snapshot = catalog.snapshot()
        writer = threading.Thread(target=catalog.write_now, args=(partial(_fill, numbers=range(2, 3000)),))
        writer.start()
        for _ in range(1000):
            assert snapshot.build(put.digest) == put  # the memory it looks at stays where it is
        with catalog.snapshot() as nested:
            assert nested.build(put.digest) == put
        snapshot.__exit__(None, None, None)
        writer.join(30)
        with catalog.snapshot() as after:
            assert after.count_by_state()[BuildState.READY] == 2999


def test_a_snapshot_that_stays_open_is_an_error_and_no_hang(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("condafs.catalog.store.GATE_SECONDS", 0.01)
    with Catalog.open(path, map_bytes=SMALL) as catalog:
        with catalog.snapshot(), pytest.raises(CatalogError, match="cannot grow"):
            catalog.write_now(partial(_fill, numbers=range(1, 3000)))
        with catalog.snapshot() as snapshot:
            assert snapshot.count_by_state()[BuildState.READY] == 0
        catalog.write_now(partial(_fill, numbers=range(1, 3000)))


READER = """
with Catalog.open_read_only(path) as catalog:
    print("open", flush=True)
    for line in sys.stdin:
        with catalog.snapshot() as snapshot:
            print(sum(1 for _ in snapshot.ready_builds()), flush=True)
"""


def test_readers_in_other_processes_follow_a_map_that_grew(path: Path) -> None:
    with Catalog.open(path, map_bytes=SMALL) as catalog, _reader(path) as reader:
        assert _ask(reader) == 0
        # More than a reader maps at first.
        catalog.write_now(lambda t: t.put_file(FileRecord("big.yaml", "0" * 64, 1, 1, refusal="x" * (70 << 20))))
        catalog.write_now(partial(put_ready, number=1))
        assert catalog._environment.info()["map_size"] > 64 << 20
        assert _ask(reader) == 1


def test_a_reader_that_was_killed_does_not_hold_pages_for_ever(path: Path) -> None:
    hang = "catalog = Catalog.open_read_only(path)\nsnapshot = catalog.snapshot()\nprint('open', flush=True)\ninput()\n"
    with Catalog.open(path) as catalog:
        with _reader(path, hang) as reader:
            reader.kill()
            reader.wait()
        assert catalog._environment.info()["num_readers"] >= 1
        assert len(catalog._environment.readers().splitlines()) == 2  # a heading and the dead one
        result = _run("Catalog.open_read_only(path).close()", path)  # whoever comes next clears up
        assert result.returncode == 0, result.stderr
        assert "no active readers" in catalog._environment.readers()


def _reader(path: Path, code: str = READER) -> subprocess.Popen[str]:
    preamble = (
        "import sys\nfrom pathlib import Path\nfrom condafs.catalog.store import Catalog\npath = Path(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", preamble + code, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "open\n"
    return process


def _ask(reader: subprocess.Popen[str]) -> int:
    assert reader.stdin
    assert reader.stdout
    reader.stdin.write("?\n")
    reader.stdin.flush()
    return int(reader.stdout.readline())


FULL = """
import resource
from condafs.catalog.records import FileRecord
from condafs.errors import DiskFullError

catalog = Catalog.open(path)
def write(t, n):
    for i in range(n):
        t.put_file(FileRecord(f"{n}-{i}.yaml", "0" * 64, 1, 1, refusal="x" * 3000))
catalog.write_now(lambda t: write(t, 10))
resource.setrlimit(resource.RLIMIT_FSIZE, ((path / "data.mdb").stat().st_size + 8192, resource.RLIM_INFINITY))
try:
    catalog.write_now(lambda t: write(t, 1000))
except DiskFullError as error:
    print(error)
with catalog.snapshot() as snapshot:
    print(sum(1 for _ in snapshot.files()))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
catalog.write_now(lambda t: write(t, 1000))
with catalog.snapshot() as snapshot:
    print(sum(1 for _ in snapshot.files()))
"""


def test_a_file_that_may_not_grow_is_an_error_and_changes_nothing(path: Path) -> None:
    result = _run(FULL, path)
    assert result.returncode == 0, result.stderr
    assert "no room left" in result.stdout
    assert result.stdout.splitlines()[1:] == ["10", "1010"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "none", disk], check=True)
    try:
        with Catalog.open(disk / "catalog") as catalog:
            catalog.write_now(partial(_fill, numbers=range(1, 11)))
            with pytest.raises(DiskFullError, match="nothing was changed"):
                catalog.write_now(partial(_fill, numbers=range(11, 2000)))
            with catalog.snapshot() as snapshot:
                assert snapshot.count_by_state()[BuildState.READY] == 10
            _fill_up(disk)
            with catalog.snapshot() as snapshot:  # a reader's slot needs no new room
                assert len(list(snapshot.files())) == 10
            (disk / "rest").unlink()
            catalog.write_now(partial(_fill, numbers=range(11, 20)))
        with Catalog.open(disk / "catalog") as catalog, catalog.snapshot() as snapshot:
            assert snapshot.count_by_state()[BuildState.READY] == 19
        shutil.rmtree(disk / "catalog")
        _fill_up(disk)
        with pytest.raises(DiskFullError):
            Catalog.open(disk / "catalog")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def _fill_up(disk: Path) -> None:
    with (disk / "rest").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert os.statvfs(disk).f_bavail == 0


KILLED = """
import os, random, threading, time
from condafs.catalog.records import BuildRecord, BuildState
from condafs.names import BuildName, EnvironmentName, SpecDigest

catalog = Catalog.open(path)
def put(t, number):
    build = BuildName(SpecDigest(f"{number:064x}"), EnvironmentName("foo"))
    t.put_build(BuildRecord(build, BuildState.READY, t.next_sequence(), generation=number))
    t.put_specification(build.digest, b"x" * random.randrange(5000))
number = int(sys.stdin.readline())
while True:
    number += 1
    catalog.write_now(lambda t: put(t, number))
    print(number, flush=True)
"""


def test_what_was_reported_is_kept_when_the_writer_is_killed_at_any_moment(path: Path) -> None:
    preamble = (
        "import sys\nfrom pathlib import Path\nfrom condafs.catalog.store import Catalog\npath = Path(sys.argv[1])\n"
    )
    number = 0
    for round_number in range(8):
        command = [sys.executable, "-c", preamble + KILLED, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            for _ in range(7 * round_number + 1):  # then it is somewhere in the middle of the next write
                process.stdout.readline()
            process.kill()
            reported = int((process.stdout.read().splitlines() or [0])[-1])
        with Catalog.open(path) as catalog, catalog.snapshot() as snapshot:
            kept = list(snapshot.ready_builds())
            count = snapshot.count_by_state()[BuildState.READY]
            assert count == len(kept) == len(snapshot.builds_of(build_name(1).name))
            assert len(kept) >= max(number, reported)
            assert all(
                snapshot.specification(record.digest) is not None for record in snapshot.builds_of(build_name(1).name)
            )
            number = len(kept)
    assert number > 150


async def test_writes_that_come_together_share_commits_and_are_all_kept(path: Path) -> None:
    with Catalog.open(path) as catalog:
        transactions = catalog._environment.info()["last_txnid"]
        async with trio.open_nursery() as nursery:
            for number in range(1, 501):
                nursery.start_soon(catalog.write, partial(put_ready, number=number))
        with catalog.snapshot() as snapshot:
            assert snapshot.count_by_state()[BuildState.READY] == 500
        assert catalog._environment.info()["last_txnid"] - transactions < 20


async def test_writes_happen_in_the_order_they_were_asked_for(path: Path) -> None:
    order: list[int] = []
    with Catalog.open(path) as catalog:
        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(catalog.write, lambda _, number=number: order.append(number))
                await trio.testing.wait_all_tasks_blocked()
    assert order == list(range(200))


async def test_a_write_that_raises_undoes_its_own_part_and_no_other(path: Path) -> None:
    def refuse(transaction: Transaction) -> None:
        put_ready(transaction, 1000)
        msg = "no"
        raise ConflictError(msg)

    refused: list[bool] = []

    async def expect_refusal() -> None:
        with pytest.raises(ConflictError, match="no"):
            await catalog.write(refuse)
        refused.append(True)

    with Catalog.open(path) as catalog:
        async with trio.open_nursery() as nursery:
            for number in range(1, 21):
                nursery.start_soon(catalog.write, partial(put_ready, number=number))
                nursery.start_soon(expect_refusal)
        with catalog.snapshot() as snapshot:
            assert snapshot.count_by_state()[BuildState.READY] == 20
            assert snapshot.build(build_name(1000).digest) is None
    assert len(refused) == 20


async def test_writes_that_outgrow_the_map_are_run_again_together(path: Path) -> None:
    with Catalog.open(path, map_bytes=SMALL) as catalog:
        async with trio.open_nursery() as nursery:
            for number in range(40):
                numbers = range(100 * number + 1, 100 * number + 101)
                nursery.start_soon(catalog.write, partial(_fill, numbers=numbers))
        with catalog.snapshot() as snapshot:
            assert snapshot.count_by_state()[BuildState.READY] == 4000


async def test_a_write_that_was_asked_for_happens_even_when_who_asked_is_cancelled(path: Path) -> None:
    with Catalog.open(path) as catalog:
        with trio.CancelScope() as scope:
            scope.cancel()
            await catalog.write(partial(put_ready, number=1))
        with catalog.snapshot() as snapshot:
            assert snapshot.build(build_name(1).digest)


async def test_what_moves_is_told_before_whoever_asked_for_it_hears(path: Path) -> None:
    told: list[set[str]] = []
    heard_before = 0

    def listen(moved: Moved) -> None:
        assert heard_before == len(told)
        assert threading.current_thread() is not threading.main_thread()
        told.append({str(item) for item in moved})

    name = EnvironmentName("foo")
    first, second = build_name(1).digest, build_name(2).digest
    with Catalog.open(path) as catalog:
        catalog.watch(listen)
        for record in (
            EnvironmentRecord(name, first),
            EnvironmentRecord(name, first, first, file_name="foo.yaml"),  # leads somewhere now: nobody remembers
            EnvironmentRecord(name, second, first, file_name="foo.yaml"),
            EnvironmentRecord(name, second, second, file_name="foo.yaml"),
            EnvironmentRecord(name, second, second),
            EnvironmentRecord(name, first, first),
        ):
            await catalog.write(lambda transaction, record=record: transaction.put_environment(record))
            heard_before = len(told)
    assert told == [{"foo"}, {"foo"}]


async def test_what_was_undone_has_not_moved(path: Path) -> None:
    told: list[Moved] = []

    def remove_and_fail(transaction: Transaction) -> None:
        transaction.remove_build(build_name(1).digest)
        msg = "no"
        raise ValueError(msg)

    with Catalog.open(path) as catalog:
        await catalog.write(partial(put_ready, number=1))
        catalog.watch(told.append)
        with pytest.raises(ValueError, match="no"):
            await catalog.write(remove_and_fail)
        assert told == []
        await catalog.write(lambda transaction: transaction.remove_build(build_name(1).digest))
        assert told == [{build_name(1)}]


async def test_a_listener_that_fails_changes_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(moved: Moved) -> None:
        raise OSError(len(moved))

    with Catalog.open(path) as catalog:
        await catalog.write(partial(put_ready, number=1))
        catalog.watch(fail)
        await catalog.write(lambda transaction: transaction.remove_build(build_name(1).digest))
        with catalog.snapshot() as snapshot:
            assert snapshot.build(build_name(1).digest) is None
    assert "not everybody knows what moved" in caplog.text
