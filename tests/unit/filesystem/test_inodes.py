"""Inode numbers."""

import sys
import threading

import pytest

from condafs.filesystem import inodes as module
from condafs.filesystem.inodes import Inodes, number_of
from condafs.filesystem.memory import Memory
from condafs.tree.node import Link, Node


class Named(Node):
    """A node with nothing but a key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def key(self) -> bytes:
        return self._key


class NamedLink(Named, Link):
    """A link likewise."""


ROOT = Named(b"root")


def acquire(table: Inodes, node: Node) -> int:
    number = table.peek(node)
    table.remember(node, number)
    return number


def test_numbers_have_bit_62_and_fit_63_bits() -> None:
    for key in (b"", b"env:foo", b"\xff" * 300):
        assert number_of(key) >> 62 == 1


def test_equal_keys_have_one_number_whatever_object_holds_them() -> None:
    table = Inodes(ROOT, Memory())
    assert acquire(table, Named(b"a")) == acquire(table, Named(b"a"))
    assert acquire(table, Named(b"a")) != acquire(table, Named(b"b"))


def test_the_root_is_number_one_and_stays() -> None:
    table = Inodes(ROOT, Memory())
    assert acquire(table, Named(b"root")) == 1
    table.forget([(1, 10**6)])
    assert table.find(1) is ROOT


def test_a_node_is_known_until_every_reference_is_dropped() -> None:
    table = Inodes(ROOT, Memory())
    node = Named(b"a")
    number = acquire(table, node)
    acquire(table, Named(b"a"))
    table.forget([(number, 1)])
    assert table.find(number) is node
    table.forget([(number, 1)])
    assert table.find(number) is None
    assert len(table) == 1


def test_forgetting_what_is_not_known_is_harmless() -> None:
    Inodes(ROOT, Memory()).forget([(12345, 1), (0, 0)])


def test_a_number_stays_when_the_one_that_was_in_its_way_is_forgotten() -> None:
    table = Inodes(ROOT, Memory())
    old, new = Named(b"underneath:7"), Named(b"underneath:7")
    first = acquire(table, old)
    old._key = b"underneath:7:detached"
    second = acquire(table, new)
    assert second != first
    table.forget([(first, 1)])
    assert table.peek(new) == second
    new._key = b"underneath:7:detached too"
    third = acquire(table, Named(b"underneath:7"))
    assert third != second
    table.forget([(second, 1), (third, 1)])
    assert len(table) == 1
    assert acquire(table, Named(b"underneath:7")) == first


def test_two_keys_that_fall_on_one_number_get_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "number_of", lambda _key, salt=0: 100 + salt)
    table = Inodes(ROOT, Memory())
    first, second = acquire(table, Named(b"a")), acquire(table, Named(b"b"))
    assert (first, second) == (100, 101)
    assert acquire(table, Named(b"b")) == 101


def test_links_are_listed_while_others_are_learned() -> None:
    table = Inodes(ROOT, Memory())
    for number in range(30_000):
        acquire(table, NamedLink(f"{number}".encode()))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend([len(table.links()) for _ in range(5)]))
    try:
        thread.start()
        while thread.is_alive():
            acquire(table, NamedLink(f"{len(table)}".encode()))
    finally:
        sys.setswitchinterval(before)
        thread.join()
    assert len(found) == 5
    assert found[0] >= 30_000
    assert found == sorted(found)
