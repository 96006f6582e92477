"""`.history/foo/.events`: what happened to an environment and who did it, as JSON, a line for each event, oldest first.

Format, keys that say nothing left out; `at` is RFC 3339, a `uid` that is missing is the daemon's, `behalf` is whom that
user named::

    {"number":7,"at":"2026-11-01T12:00:00+00:00","kind":"submitted","build":"<digest>-foo","uid":1000,"behalf":"ci"}
    {"number":9,"at":"2026-11-01T12:00:02+00:00","kind":"published","build":"<digest>-foo","generation":3,"attempts":1}
    {"number":12,"at":"2026-11-01T12:05:00+00:00","kind":"refused","uid":1000,"detail":"foo.yaml"}

Its size must be right, for who copies with sendfile(2) gets no more than that, and `stat` must not wait for a hundred
thousand events to be read: so what was read of an environment is kept, and grows as the journal does.
"""

import errno
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import trio

from condafs.catalog.events import DAEMON, EventRecord
from condafs.names import EnvironmentName
from condafs.tree.node import refuse
from condafs.tree.sources import Catalog
from condafs.tree.text import Document, TextFile

EVENTS = ".events"

KEPT_TEXTS = 16
"""Of the environments that were asked for last; 20 MB when one of them has all of the journal."""


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class _Text:
    """Lines, with the numbers of the first and the last event in them and the time of the last."""

    content: bytes = b""
    first: int = 0
    last: int = 0
    moment: float = 0


class EventTexts:
    """The texts of all environments. Any thread.

    Args:
        catalog: Has the journal.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._kept: dict[EnvironmentName, _Text] = {}

    def document(self, name: EnvironmentName) -> Document:
        """All events of an environment that are remembered; FileNotFoundError when there is none of that name."""
        kept = self._kept.pop(name, _Text())
        with self._catalog.snapshot() as snapshot:
            record = snapshot.environment(name)
            if record is None:
                refuse(errno.ENOENT, name.text)
            if kept.first < snapshot.first_event():  # the oldest are forgotten
                kept = _Text()
            news = list(snapshot.events_of(name, kept.last))
        if news:
            content = kept.content + b"".join(map(line_of, news))
            kept = _Text(content, kept.first or news[0].number, news[-1].number, news[-1].at)
        self._keep(name, kept)
        return Document(kept.content, record.owner_uid, 0, kept.moment)

    def _keep(self, name: EnvironmentName, text: _Text) -> None:
        self._kept[name] = text
        for oldest in list(self._kept)[:-KEPT_TEXTS]:
            self._kept.pop(oldest, None)

    async def read_ahead(self, name: EnvironmentName) -> None:
        """Read them in a thread, so that the next `document` has little to do."""
        try:
            await trio.to_thread.run_sync(self.document, name)
        except FileNotFoundError:
            return  # whoever asks next hears of it


class EventsFile(TextFile):
    """The file of one environment.

    Args:
        texts: Has its content.
        name: The environment.
        settled: Waits until what was asked for before now is in it.
    """

    __slots__ = ("_name", "_settled", "_texts")

    def __init__(self, texts: EventTexts, name: EnvironmentName, settled: Callable[[], Awaitable[None]]) -> None:
        self._texts = texts
        self._name = name
        self._settled = settled

    @property
    def key(self) -> bytes:
        """The environment."""
        return b"events:" + self._name.text.encode()

    def document(self) -> Document:
        """What is remembered now; owned by who describes the environment."""
        return self._texts.document(self._name)

    async def settle(self) -> None:
        """Files closed before now are submitted, and most of the events are read."""
        await self._settled()
        await self._texts.read_ahead(self._name)


def line_of(event: EventRecord) -> bytes:
    """One event as a line of JSON."""
    said = {
        "number": event.number,
        "at": datetime.fromtimestamp(event.at, UTC).isoformat(timespec="seconds"),
        "kind": event.kind.value,
        "build": str(event.build or ""),
        "generation": event.generation,
        "attempts": event.attempts,
        "uid": None if event.uid == DAEMON.uid else event.uid,
        "behalf": event.behalf,
        "detail": event.detail,
    }
    kept = {key: value for key, value in said.items() if value or (key == "uid" and value is not None)}
    return _encode(kept).encode() + b"\n"
