"""What the kernel remembers of the tree, and how it is made to forget.

Two things with two rules:

- **Where a link leads** is forgotten by inode. The call waits for a readlink of that link that is under way, which the
  event loop answers at once. It may be made from any other thread, also when a handler waits for that thread.
- **That a name is there** is forgotten by directory and name. The call waits for the kernel's lock of the directory,
  which a request holds that makes, renames, removes or looks up a name there. Nobody whom a handler waits for may make
  it: a thread of its own does, soon.

On the event loop either is a deadlock that not even SIGKILL ends.
"""

import contextlib
import logging
import queue
import threading

import pyfuse3

from condafs.filesystem.encode import encode_name
from condafs.filesystem.forgetter import Teller
from condafs.filesystem.inodes import Inodes
from condafs.tree.node import Directory, Link

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 10
"""How long the end waits for who tells the kernel something; a look-up that waits for a removal takes 5 at most."""


class KernelCache:
    """Makes the kernel forget, from the moment it is mounted until `close`.

    Args:
        inodes: Numbers of nodes.
        teller: Who tells the kernel; else this process does.
    """

    def __init__(self, inodes: Inodes, teller: Teller = pyfuse3) -> None:
        self._inodes = inodes
        self._teller = teller
        self._is_open = True
        self._untold: set[int] = set()
        self._telling = threading.Lock()
        self._names: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._forget_names, name="forget-names", daemon=True)
        self._thread.start()

    def forget(self, directory: Directory, name: str, link: Link) -> None:
        """Where a link leads is forgotten when this returns, its name soon after. Blocking."""
        with self._telling:
            if not self._is_open:
                return
            number = self._inodes.peek(link)
            try:
                self._teller.invalidate_inode(number)
            except FileNotFoundError:
                return  # the kernel does not know it
            except OSError as error:
                logger.warning("the kernel goes on to lead %r where it led, until it can be told: %s", name, error)
                self._untold.add(number)
            else:
                self._tell_again()
        self._names.put((self._inodes.peek(directory), encode_name(name)))

    def _tell_again(self) -> None:
        for number in tuple(self._untold):
            try:
                self._teller.invalidate_inode(number)
            except FileNotFoundError:
                pass  # the kernel has forgotten it anyway
            except OSError:
                return
            self._untold.discard(number)

    def forget_links(self) -> None:
        """Where any link leads is forgotten: it may have moved when nobody could tell. Blocking."""
        for number in self._inodes.links():
            with self._telling, contextlib.suppress(OSError):  # the kernel does not know it
                if self._is_open:
                    self._teller.invalidate_inode(number)

    def close(self) -> None:
        """The kernel is not told of anything any more. Blocking; the event loop must go on answering meanwhile.

        When it does not, because it failed, this ends all the same.
        """
        is_quiet = self._telling.acquire(timeout=PATIENCE_SECONDS)
        self._is_open = False
        if is_quiet:
            self._telling.release()
        self._names.put(None)
        self._thread.join(PATIENCE_SECONDS)

    def _forget_names(self) -> None:
        while item := self._names.get():
            try:
                self._teller.invalidate_entry(*item)
            except FileNotFoundError:
                pass  # the kernel did not know it
            except OSError as error:
                logger.warning("the kernel may show %r for up to a minute: %s", item[1], error)
