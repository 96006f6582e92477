"""The misbehaving server misbehaves as it is told."""

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channel.faulty_server import Fault, FaultyServer, serving

CONTENT = b"0123456789"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultyServer]:
    (tmp_path / "file").write_bytes(CONTENT)
    with serving(tmp_path) as faulty:
        yield faulty


def get(server: FaultyServer, path: str = "file") -> bytes:
    with urllib.request.urlopen(f"{server.url}/{path}", timeout=20) as answer:  # noqa: S310 - our own http:
        content: bytes = answer.read()
    return content


def status(server: FaultyServer) -> int:
    try:
        get(server)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 200


def test_it_is_sound_until_told_otherwise_and_counts(server: FaultyServer) -> None:
    assert get(server) == CONTENT
    assert (server.requests, server.count("fi")) == (["/file"], 1)


def test_errors_end_after_as_many_times_as_asked(server: FaultyServer) -> None:
    server.fail(Fault.ERROR, times=2, status=503)
    assert [status(server) for _ in range(3)] == [503, 503, 200]


def test_a_pattern_chooses_the_requests(server: FaultyServer) -> None:
    server.fail(Fault.ERROR, "other")
    assert status(server) == 200


def test_recovery_ends_all_faults(server: FaultyServer) -> None:
    server.fail(Fault.ERROR)
    server.recover()
    assert status(server) == 200


def test_a_truncated_answer_is_shorter_than_promised(server: FaultyServer) -> None:
    server.fail(Fault.TRUNCATE)
    with pytest.raises(http.client.IncompleteRead):
        get(server)


def test_a_corrupt_answer_has_the_right_length(server: FaultyServer) -> None:
    server.fail(Fault.CORRUPT)
    answer = get(server)
    assert len(answer) == len(CONTENT)
    assert answer != CONTENT


def test_a_hanging_request_is_let_go_at_recovery(server: FaultyServer) -> None:
    server.fail(Fault.HANG)
    problems: list[Exception] = []

    def ask() -> None:
        try:
            get(server)
        except OSError as error:
            problems.append(error)

    client = threading.Thread(target=ask)
    client.start()
    assert server.hanging.wait(20)
    assert not problems
    server.recover()
    client.join(20)
    assert problems
