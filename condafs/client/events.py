"""The document `.history/<name>/.events` as values: what happened to an environment, when, and who did it.

Everything is optional to this reader, and a kind of event that it does not know is a word like any other, so that a
newer daemon and an older command line understand each other.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from condafs.wording import user_text

_TYPES = dict.fromkeys(("number", "generation", "attempts", "uid"), int) | dict.fromkeys(
    ("at", "kind", "build", "behalf", "detail"), str
)


@dataclass(frozen=True, slots=True)
class Event:
    """One line.

    Attributes:
        at: RFC 3339 in UTC.
        build: Name of the build that it is about, "" if none.
        generation: Of that build, 0 before it is published.
        uid: The user who did it; None is the daemon.
        behalf: On whose behalf, as that user said; "" if nobody's.
        detail: Why a build failed, which file was refused.
    """

    number: int
    at: str
    kind: str
    build: str = ""
    generation: int = 0
    attempts: int = 0
    uid: int | None = None
    behalf: str = ""
    detail: str = ""

    @property
    def by(self) -> str:
        """`ann`, or `ci (via condafs-web)`; "" for the daemon."""
        user = "" if self.uid is None else user_text(str(self.uid))
        return f"{self.behalf} (via {user})" if self.behalf and user else self.behalf or user


def parse_events(text: str) -> list[Event]:
    """The events of a document; what is no event is left out."""
    found = (_parse_line(line) for line in text.splitlines())
    return [event for event in found if event]


def _parse_line(line: str) -> Event | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    known: dict[str, Any] = {"number": 0, "at": "", "kind": ""}
    known |= {key: value for key, value in fields.items() if type(value) is _TYPES.get(key)}
    return Event(**known)


def submissions(events: Iterable[Event]) -> dict[str, Event]:
    """By the name of each build that was published: who asked for it.

    That is the last submission before the last publication: a build that was deleted may have been made again.
    """
    asked: dict[str, Event] = {}
    found: dict[str, Event] = {}
    for event in events:
        if event.kind == "submitted":
            asked[event.build] = event
        elif event.kind == "published" and event.build in asked:
            found[event.build] = asked[event.build]
    return found
