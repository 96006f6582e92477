"""What is kept of what the kernel was told."""

import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.filesystem import begun
from condafs.filesystem import ledger as module
from condafs.filesystem.handshake import Handshake
from condafs.filesystem.ledger import Ledger
from condafs.filesystem.records import MARK, read_records, record
from condafs.tree.node import Opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def written(path: Path) -> Ledger:
    ledger = Ledger.open(path)
    ledger.begin_anew("0:52")
    ledger.note_handshake(Handshake(b"request", b"reply"))
    for number in range(5):
        ledger.note_node(number, f"env:{number}".encode())
    ledger.note_forgotten(3)
    ledger.note_opened(7, 1, Opened(2, b"text"))
    ledger.note_opened(8, 2, Opened(1))
    ledger.note_opened(9, 2, Opened(1))
    ledger.note_written(8)
    ledger.note_closed(9)
    ledger.note_listing(10, 4)
    ledger.flush()
    return ledger


def test_what_was_noted_is_known_to_the_next(path: Path) -> None:
    written(path)
    ledger = Ledger.open(path)
    assert ledger.device == "0:52"
    assert ledger.handshake == Handshake(b"request", b"reply")
    assert ledger.nodes == {0: b"env:0", 1: b"env:1", 2: b"env:2", 4: b"env:4"}
    assert ledger.opened == {7: (1, Opened(2, b"text")), 8: (2, Opened(1, has_written=True))}
    assert ledger.listings == {10: 4}


def test_reading_it_again_changes_nothing(path: Path) -> None:
    written(path)
    Ledger.open(path)
    content = path.read_bytes()
    Ledger.open(path)
    assert path.read_bytes() == content


def test_another_mount_begins_anew(path: Path) -> None:
    written(path).begin_anew("0:53")
    ledger = Ledger.open(path)
    assert (ledger.device, ledger.handshake, ledger.nodes, ledger.opened) == ("0:53", Handshake(), {}, {})


def test_what_was_not_flushed_is_not_known(path: Path) -> None:
    ledger = written(path)
    ledger.note_node(99, b"env:late")
    assert 99 not in Ledger.open(path).nodes


def test_a_change_that_was_begun_is_known_once(path: Path) -> None:
    ledger = written(path)
    assert ledger.begin("unlink", 1, b"foo") is None
    assert ledger.begin("unlink", 1, b"foo") is None
    after = Ledger.open(path)
    assert after.begin("unlink", 1, b"foo") is not None
    assert after.begin("unlink", 1, b"foo") is not None
    assert after.begin("unlink", 1, b"foo") is None
    assert after.begin("unlink", 1, b"bar") is None


def test_a_change_that_was_begun_is_known_to_a_daemon_after_the_next(path: Path) -> None:
    written(path).begin("unlink", 1, b"foo")
    Ledger.open(path)
    assert Ledger.open(path).begin("unlink", 1, b"foo") == ""


def test_what_a_name_meant_when_a_change_was_begun_is_known(path: Path) -> None:
    written(path).begin("unlink", 1, b"foo@-1", meaning="3f-foo\udcff")
    assert Ledger.open(path).begin("unlink", 1, b"foo@-1", meaning="2e-foo") == "3f-foo\udcff"


def test_the_last_meaning_counts_and_stays_however_often_it_is_asked_for(path: Path) -> None:
    ledger = written(path)
    ledger.begin("unlink", 1, b"foo@-1", meaning="first")
    ledger.begin("unlink", 1, b"foo@-1", meaning="second")
    for _ in range(3):
        assert Ledger.open(path).begin("unlink", 1, b"foo@-1", meaning="third") == "second"


def test_large_texts_are_not_kept(path: Path) -> None:
    ledger = written(path)
    ledger.note_opened(20, 1, Opened(0, bytes(module.LARGEST_CONTENT_BYTES + 1)))
    ledger.flush()
    assert Ledger.open(path).opened[20] == (1, Opened(0))


def test_it_does_not_grow_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLACK_BYTES", 1000)
    ledger = written(path)
    for number in range(1000):
        ledger.note_opened(100 + number, 1, Opened(0))
        ledger.note_closed(100 + number)
        ledger.flush()
    assert path.stat().st_size < 2000
    assert Ledger.open(path).nodes == {0: b"env:0", 1: b"env:1", 2: b"env:2", 4: b"env:4"}


def test_what_cannot_be_written_is_given_up_whole(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = written(path)
    with Path("/dev/full").open("wb", buffering=0) as full:
        ledger._fd = full.fileno()
        ledger.note_node(50, b"env:x")
        ledger.flush()
        ledger.note_node(51, b"env:y")
        ledger.flush()
    assert not path.exists()
    assert caplog.text.count("cannot be written") == 1


@given(cut=st.integers(0, 400))
def test_a_torn_record_is_passed_over(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger"
    written(path)
    content = path.read_bytes()
    whole = list(read_records(content))
    part = list(read_records(content[: max(len(MARK), len(content) - cut)]))
    assert part == whole[: len(part)]


@pytest.mark.parametrize(
    "content",
    [
        b"N" + bytes(12) + b"of a daemon before there was a mark",
        MARK + record(b"L", 1, b"short"),
        MARK + record(b"O", 1),
        MARK + record(b"D", 0, b"\xff"),
        MARK + record(b"N", 1, b"env:foo") + record(b"N", 2, b"env:bar")[:-1] + record(b"N", 3, b"env:baz"),
    ],
)
def test_what_cannot_be_read_is_as_if_there_were_none(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    ledger = Ledger.open(path)
    assert (ledger.device, ledger.nodes, ledger.opened, ledger.listings) == ("", {}, {}, {})
    written(path)
    assert Ledger.open(path).device == "0:52"


@given(at=st.integers(0, 300), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger"
    written(path)
    content = bytearray(path.read_bytes())
    whole = list(read_records(content))
    content[at % len(content)] ^= 1 << bit
    try:
        found = list(read_records(content))
    except ValueError:
        return
    assert found == whole[: len(found)]  # a length that leads beyond the end
    assert len(found) < len(whole)


def test_one_that_could_not_be_written_wholly_is_given_up(path: Path) -> None:
    ledger = written(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, before[1]))
    try:
        ledger.note_node(50, b"env:x")
        ledger.flush()
        ledger.note_node(51, b"env:y")
        ledger.flush()
        assert not path.exists()
        assert not ledger._waiting
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    ledger.begin_anew("0:53")
    assert Ledger.open(path).device == "0:53"


def test_one_that_cannot_be_written_at_the_start_does_not_stay(path: Path) -> None:
    written(path)
    (path.parent / f".{path.name}").mkdir()
    with pytest.raises(OSError, match="ledger"):
        Ledger.open(path)
    assert not path.exists()


def test_no_handle_is_ever_given_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = written(path)
    ledger.note_listing(99, 4)
    ledger.note_closed(99)
    monkeypatch.setattr(module, "SLACK_BYTES", 0)
    for _ in range(20):
        ledger.note_opened(98, 1, Opened())
        ledger.note_closed(98)
        ledger.flush()
    assert path.stat().st_size < 600
    assert Ledger.open(path).last_handle == 99
    assert Ledger.open(path).last_handle == 99


def test_what_is_asked_for_long_after_a_takeover_is_asked_for_the_first_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(path).begin("unlink", 1, b"foo@-1", meaning="3f2a")
    after = Ledger.open(path)
    assert after.begin("unlink", 1, b"foo@-1", meaning="77e0") == "3f2a"
    monkeypatch.setattr(begun, "RESENT_SECONDS", -1)
    late = Ledger.open(path)
    late.note_handshake(Handshake(b"request", b"reply"))  # when the kernel was told to ask again
    assert late.begin("unlink", 1, b"foo@-1", meaning="77e0") is None


def test_a_start_that_takes_long_is_no_reason_to_do_things_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path).begin("unlink", 1, b"foo@-1", meaning="3f2a")
    monkeypatch.setattr(begun, "RESENT_SECONDS", -1)
    assert Ledger.open(path).begin("unlink", 1, b"foo@-1", meaning="77e0") == "3f2a"


def test_what_was_answered_is_another_persons_wish_when_it_is_asked_for_again(path: Path) -> None:
    ledger = written(path)
    change = ("unlink", 1, b"foo@-1")
    for meaning in ("3f2a", "77e0"):
        ledger.begin(*change, meaning=meaning)
        ledger.end(*change, meaning=meaning)
    assert Ledger.open(path).begin(*change, meaning="0000") == "77e0", "its answer may not have left"
    ledger = Ledger.open(path)
    ledger.end(*change, meaning="77e0")
    ledger.settle()
    ledger.flush()
    assert Ledger.open(path).begin(*change, meaning="0000") is None
