"""What a watcher has to say, as values: one report an event."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What happened. The words are those of `--json`."""

    WATCHING = "watching"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    SUBMITTED = "submitted"
    KEPT = "kept"
    REFUSED = "refused"
    GONE = "gone"
    RETIRED = "retired"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    OFFLINE = "offline"
    ONLINE = "online"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Report:
    """One line.

    Attributes:
        kind: What happened.
        text: In words, after the environment's name; several lines for a refusal with its caret.
        name: Of the environment, if it is about one.
        file: The file elsewhere, if it is about one.
        build: Name of the build, if it is about one.
    """

    kind: Kind
    text: str
    name: str = ""
    file: str = ""
    build: str = ""

    def as_fields(self) -> dict[str, Any]:
        """For a line of JSON: what is empty is left out."""
        return {key: value for key, value in asdict(self).items() if value}

    @property
    def line(self) -> str:
        """`foo: ready after 3.2 s: …`."""
        return f"{self.name}: {self.text}" if self.name else self.text


def parse_report(fields: dict[str, Any]) -> Report:
    """The report that a line of JSON describes.

    Raises:
        ValueError, TypeError: It describes none.
    """
    return Report(**{**fields, "kind": Kind(fields.get("kind", "")), "text": str(fields.get("text", ""))})
