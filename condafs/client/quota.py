"""The documents `.status/.quota/<user id>` as values: what users have, and what they may have."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from condafs.client.envs import Envs


@dataclass(frozen=True, slots=True)
class Quota:
    """Of one user. A limit that is None does not exist.

    Attributes:
        used_up: Why one more environment or build would be refused; "" when neither would.
    """

    uid: int
    environments: int = 0
    max_environments: int | None = None
    builds_today: int = 0
    max_builds_per_day: int | None = None
    own_bytes: int = 0
    max_own_bytes: int | None = None
    used_up: str = ""


_NUMBERS = ("environments", "max_environments", "builds_today", "max_builds_per_day", "own_bytes", "max_own_bytes")


def parse_quota(text: str, uid: int) -> Quota:
    """Read a document; what is missing or of the wrong kind is as if it were not there."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        document = None
    fields = document if isinstance(document, dict) else {}
    numbers = {key: fields[key] for key in _NUMBERS if type(fields.get(key)) is int}
    return Quota(uid, used_up=str(fields.get("used_up") or ""), **numbers)


def read_quota(envs: Envs, uid: int | None = None) -> Quota:
    """What a user has and may have; None: who asks. Nothing when the daemon is one that does not count."""
    uid = os.geteuid() if uid is None else uid
    try:
        return parse_quota((envs.mount / ".status" / ".quota" / str(uid)).read_text(errors="replace"), uid)
    except OSError:
        return Quota(uid)


def read_quotas(envs: Envs) -> Iterator[Quota]:
    """Of everybody who has anything, by user id."""
    try:
        names = [entry.name for entry in (envs.mount / ".status" / ".quota").iterdir()]
    except FileNotFoundError:
        return
    for uid in sorted(int(name) for name in names if name.isdecimal()):
        yield read_quota(envs, uid)
