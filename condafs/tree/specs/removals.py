"""Files that were removed a moment ago, and may be back in the next.

mv, install and git remove a file before they write the new one. If that retired the environment, its name would vanish
under those who use it, its build would be cancelled, and what comes next might be refused: nothing would be left. So a
removal counts once the name has stayed away for a moment. Who asks for the environment meanwhile waits for what
becomes of it: after `rm` it is gone for everybody, and `mv` never shows.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

GRACE_SECONDS = 0.3
"""mv and install take 0.2 ms, git checkout of a hundred files 30 ms until a name is back (measured)."""

PATIENCE_SECONDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class _Removal:
    uids: tuple[int, ...]
    is_back: trio.Event = field(default_factory=trio.Event)
    decided: trio.Event = field(default_factory=trio.Event)


class Removals:
    """What was removed and is not decided yet. True while there is anything."""

    def __init__(self) -> None:
        self._removed: dict[str, _Removal] = {}

    def __bool__(self) -> bool:
        return bool(self._removed)

    def __contains__(self, name: str) -> bool:
        return name in self._removed

    def begin(self, name: str, *uids: int) -> None:
        """A file is gone; `finish` must follow. `uids`: who may bring it back."""
        self._removed[name] = _Removal(uids)

    def whose(self, name: str) -> tuple[int, ...]:
        """Who may bring a name back that is not decided; nobody for any other."""
        removal = self._removed.get(name)
        return removal.uids if removal else ()

    def came_back(self, name: str) -> None:
        """There is a file of that name again."""
        if removal := self._removed.get(name):
            removal.is_back.set()

    async def finish(self, name: str, retire: Callable[[], Awaitable[None]]) -> None:
        """Decide, after a moment: retire what has not come back."""
        removal = self._removed.get(name)
        if removal is None:
            return
        try:
            with trio.move_on_after(GRACE_SECONDS):
                await removal.is_back.wait()
            if not removal.is_back.is_set():
                await retire()
        finally:
            removal.decided.set()
            if self._removed.get(name) is removal:
                del self._removed[name]

    async def decided(self, *, only: str = "", but: str = "") -> None:
        """Wait until all removals are decided: all that there are now, `only` one, or all `but` one.

        Nobody waits for ever, whatever else may be stuck.
        """
        with trio.move_on_after(PATIENCE_SECONDS):
            for name, removal in tuple(self._removed.items()):
                if name != but and only in ("", name):
                    await removal.decided.wait()
