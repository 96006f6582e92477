"""Who did something: a user of the machine, or a token for whom the server did it."""

from dataclasses import dataclass

from condafs.catalog.events import EventRecord
from condafs.web.users import user_name


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody.

    Attributes:
        name: The token's, or the user's.
        full: Both.
    """

    name: str
    full: str


def person_of(event: EventRecord | None, owner_uid: int) -> Person:
    """Who an event tells of; the owner of the file when it is forgotten."""
    user = user_name(event.uid if event and event.uid >= 0 else owner_uid)
    if event and event.behalf:
        return Person(event.behalf, f"the token {event.behalf}, through the user {user}")
    return Person(user, f"the user {user}")
