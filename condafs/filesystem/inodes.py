"""Inode numbers: a hash of the node's key, kept for as long as the kernel knows the inode.

A number is 62 bits of BLAKE2 with bit 62 set, so it never meets the root's 1, and is the same after a restart. When
the number of a key is taken, the hash of key and salt is used, for as long as the kernel knows it under that. It is
taken whenever a number underneath is used again while the kernel still knows the file that had it before.
"""

from collections.abc import Iterable
from hashlib import blake2b

import pyfuse3

from condafs.filesystem.memory import Memory
from condafs.tree.node import Link, Node

_MARK = 1 << 62
_UNKNOWN = 1 << 62


def number_of(key: bytes, salt: int = 0) -> int:
    """The number that a key has when nothing else has it."""
    hashed = blake2b(key, digest_size=8, salt=salt.to_bytes(2, "little") if salt else b"").digest()
    return int.from_bytes(hashed, "little") >> 2 | _MARK


class Inodes:
    """Nodes by number.

    Args:
        root: Has number 1 and is never forgotten.
        memory: Told of numbers that the kernel hears for the first time, and forgets.
    """

    def __init__(self, root: Node, memory: Memory) -> None:
        self._memory = memory
        self._nodes: dict[int, Node] = {pyfuse3.ROOT_INODE: root}
        self._lookups: dict[int, int] = {}
        # Both ways, of those numbers only that are not the hash of the key.
        self._odd_numbers: dict[bytes, int] = {root.key: pyfuse3.ROOT_INODE}
        self._odd_keys: dict[int, bytes] = {pyfuse3.ROOT_INODE: root.key}

    def __len__(self) -> int:
        return len(self._nodes)

    def find(self, number: int) -> Node | None:
        """The node of that number, if it is known."""
        return self._nodes.get(number)

    def links(self) -> list[int]:
        """Numbers of all symbolic links that are known. Any thread may ask."""
        known = self._nodes.copy()  # at one go, while the event loop goes on learning and forgetting
        return [number for number, node in known.items() if isinstance(node, Link)]

    def peek(self, node: Node) -> int:
        """The number of a node, without counting it as known to the kernel. Any thread may ask."""
        key = node.key
        odd = self._odd_numbers.get(key)
        # The key of a node changes when its last name is removed, and may be another's by now.
        if odd is not None and (known := self._nodes.get(odd)) is not None and known.key == key:
            return odd
        number, salt = number_of(key), 0
        while (known := self._nodes.get(number)) is not None and known is not node and known.key != key:
            salt += 1
            number = number_of(key, salt)
        return number

    def remember(self, node: Node, number: int) -> None:
        """The kernel was told of a node under the number that `peek` gave."""
        known = self._lookups.get(number)
        if known is not None:
            self._lookups[number] = known + 1
        elif number != pyfuse3.ROOT_INODE:
            self._know(number, node, 1)
            self._memory.note_node(number, node.key)

    def recall(self, number: int, node: Node) -> None:
        """The kernel was told of a node by another process; how often is not known, so it is never forgotten."""
        self._know(number, node, _UNKNOWN)

    def _know(self, number: int, node: Node, lookups: int) -> None:
        self._nodes[number] = node
        self._lookups[number] = lookups
        key = node.key
        if number != number_of(key):
            self._odd_numbers[key] = number
            self._odd_keys[number] = key

    def flush(self) -> None:
        """What was remembered is safe when this returns: before the kernel hears of it."""
        self._memory.flush()

    def forget(self, counts: Iterable[tuple[int, int]]) -> None:
        """The kernel dropped that many of its references; never raises."""
        for number, count in counts:
            left = self._lookups.get(number, 0) - count
            if left > 0:
                self._lookups[number] = left
            elif number != pyfuse3.ROOT_INODE:
                self._lookups.pop(number, None)
                self._nodes.pop(number, None)
                self._memory.note_forgotten(number)
                key = self._odd_keys.pop(number, b"")
                if self._odd_numbers.get(key) == number:
                    del self._odd_numbers[key]
