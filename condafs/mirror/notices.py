"""inotify, which says that something changed in directories (inotify(7)). The door of inotify_simple.

It is a help, not a need: without the library, beyond the kernel's limits, or where it hears nothing (network file
systems), surveys come by the clock.
"""

import errno
from collections.abc import Callable, Mapping
from typing import Any

import trio

from condafs.mirror.survey import Interest

try:
    from inotify_simple import INotify, flags
except ModuleNotFoundError:  # `pip install condafs` without [watch]
    INotify = flags = None

QUIET_SECONDS = 0.1
"""A burst (git checkout, an editor's several renames) is over when nothing was heard for as long."""
LONGEST_BURST_SECONDS = 2.0
"""What never gets quiet is looked at all the same."""
HEARING_PAUSE_SECONDS = 30.0
"""Between surveys while all directories are heard: for what inotify does not tell."""
DEAF_PAUSE_SECONDS = 2.0
"""Between surveys while some are not."""

Wanted = Callable[[str, Interest, bool], bool]
"""Whether something that happened to an entry (name, what matters there, whether it is a directory) matters."""


class Notices:
    """Hears of changes in the directories that it covers.

    Args:
        is_wanted: What matters.

    Attributes:
        deafness: Why not everything is heard, in words; "" while it is.
    """

    def __init__(self, is_wanted: Wanted) -> None:
        self._is_wanted = is_wanted
        self._interests: dict[int, list[Interest]] = {}
        self.deafness = "" if INotify else "inotify_simple is not installed (pip install 'condafs[watch]')"
        self._inotify: Any = None
        if INotify:
            try:
                self._inotify = INotify(nonblocking=True)
            except OSError as error:  # EMFILE
                self.deafness = f"inotify cannot be used: {error.strerror} (fs.inotify.max_user_instances)"

    def close(self) -> None:
        """Hear nothing any more."""
        if self._inotify:
            self._inotify.close()
            self._inotify = None

    def cover(self, interests: Mapping[str, Interest]) -> bool:
        """Hear of these directories and of no others.

        They are named again each time, which costs the kernel a look-up: what is at a path may be another directory
        than it was, and the answer tells.

        Returns:
            Whether one is heard now that was not: what happened there meanwhile was not heard, so look again.
        """
        if self._inotify is None:
            return False
        heard: dict[int, list[Interest]] = {}
        self.deafness = ""
        for path, interest in interests.items():
            try:
                number = self._inotify.add_watch(path, _mask(interest))
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    self.deafness = "there are more directories than may be watched (fs.inotify.max_user_watches)"
                    break
                continue  # gone again, or not ours to read
            heard.setdefault(number, []).append(interest)
        is_new = not heard.keys() <= self._interests.keys()
        for number in self._interests.keys() - heard.keys():
            self._forget(number)
        self._interests = heard
        return is_new

    def _forget(self, number: int) -> None:
        try:
            self._inotify.rm_watch(number)
        except OSError:
            return  # its directory is gone, and it with it

    async def wait(self, longest_seconds: float | None = None) -> None:
        """Return when something changed and the burst that it belongs to is over, or it is time to look anyway."""
        pause = DEAF_PAUSE_SECONDS if self.deafness else HEARING_PAUSE_SECONDS
        with trio.move_on_after(min(pause, longest_seconds or pause)) as scope:
            await self._something()
        if not scope.cancelled_caught:
            await self._quiet()

    async def _something(self) -> None:
        while True:
            if self._inotify is None:
                await trio.sleep_forever()
            await trio.lowlevel.wait_readable(self._inotify.fileno())
            if self._read():
                return

    async def _quiet(self) -> None:
        with trio.move_on_after(LONGEST_BURST_SECONDS):
            while True:
                with trio.move_on_after(QUIET_SECONDS) as scope:
                    await self._something()
                if scope.cancelled_caught:
                    return

    def _read(self) -> bool:
        """Whether something that was told matters. An overflow does: nobody knows what was lost."""
        is_news = False
        for number, mask, _, name in self._inotify.read(timeout=0):
            if mask & flags.Q_OVERFLOW:
                is_news = True
            interests = self._interests.get(number, ())
            is_directory = bool(mask & flags.ISDIR)
            if name:
                is_news = is_news or any(self._is_wanted(name, interest, is_directory) for interest in interests)
            else:
                is_news = is_news or bool(interests)
        return is_news


def _mask(interest: Interest) -> int:
    mask = flags.ONLYDIR | flags.DELETE_SELF | flags.MOVE_SELF
    if interest.is_tree or interest.names:
        mask |= flags.CREATE | flags.CLOSE_WRITE | flags.MOVED_FROM | flags.MOVED_TO | flags.DELETE | flags.ATTRIB
    return int(mask)
