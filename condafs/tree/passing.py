"""Links in passing: `ln -sfn` and os.replace make one under a temporary name, and rename it over an environment's.

They live in memory, for a minute, under any name that is no environment's; the first half of a roll-back, they wait for
the second. Another process may have told the kernel of one: its key has all that it is made of.
"""

import errno
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from condafs.names import BuildName
from condafs.tree.links import link_attributes
from condafs.tree.node import Attributes, Caller, Link, refuse
from condafs.tree.resolve import find_environment
from condafs.tree.sources import Catalog

PASSING_SECONDS = 60

MAX_PASSING_LINKS = 100
"""Of one user, root apart: nobody's links may keep others from theirs."""


@dataclass(frozen=True, slots=True)
class PassingLink(Link):
    """A link that `ln -sfn` is about to rename over an environment's name.

    Attributes:
        name, text: As it was made.
        build: What it led to then: once the name has moved, `foo@-1` is another build.
        uid, gid: Who made it.
        made: When, in monotonic seconds.
    """

    name: str
    text: str
    build: BuildName
    uid: int
    gid: int
    made: float

    @property
    def key(self) -> bytes:
        """All of it: there is nothing else to make it of again. The same temporary name may come again, later."""
        head = f"passing:{self.made}:{self.uid}:{self.gid}:{self.build}:"
        return f"{head}{self.name}/{self.text}".encode(errors="surrogateescape")

    @classmethod
    def decode(cls, rest: str) -> "PassingLink":
        """The inverse of `key`, without its tag; ValueError for anything else."""
        made, uid, gid, build, both = rest.split(":", 4)
        name, _, text = both.partition("/")
        return cls(name, text, BuildName.parse(build), int(uid), int(gid), float(made))

    async def target(self) -> str:
        """What it was made with."""
        return self.text

    def attributes(self) -> Attributes:
        """Owned by its maker."""
        return link_attributes(len(self.text.encode(errors="surrogateescape")), self.uid, gid=self.gid)


class PassingLinks:
    """Those that are there now.

    Args:
        catalog: Knows the environments, before whose names they give way.
        now: Monotonic seconds.
    """

    def __init__(self, catalog: Catalog, now: Callable[[], float]) -> None:
        self._catalog = catalog
        self._now = now
        self._links: dict[str, PassingLink] = {}

    def make(self, name: str, target: str, build: BuildName, caller: Caller) -> PassingLink:
        """A new one, in place of one of that name; `target` means `build`.

        Raises:
            OSError: EDQUOT, when the caller has too many.
        """
        if caller.uid and sum(link.uid == caller.uid for link in self._live().values()) >= MAX_PASSING_LINKS:
            refuse(errno.EDQUOT, name)
        link = PassingLink(name, target, build, caller.uid, caller.gid, self._now())
        self._links[name] = link
        return link

    def find(self, name: str) -> PassingLink | None:
        """The link of that name, unless an environment has taken the name since."""
        if not self._links or name not in self._live():
            return None
        with self._catalog.snapshot() as snapshot:
            return None if find_environment(snapshot, name) else self._links.get(name)

    def drop(self, name: str) -> None:
        """It is not needed any more, if it is still there."""
        self._links.pop(name, None)

    def recall(self, link: PassingLink) -> PassingLink:
        """One that another process was told of."""
        return self._links.setdefault(link.name, link)

    def _live(self) -> Mapping[str, PassingLink]:
        horizon = self._now() - PASSING_SECONDS
        # In order of making: the outdated ones come first.
        for name in list(itertools.takewhile(lambda n: self._links[n].made <= horizon, self._links)):
            del self._links[name]
        return self._links
