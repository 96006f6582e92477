"""A mount seen from outside: environments, builds and generations, found by looking at names and links below it."""

import difflib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from condafs.client.events import Event, parse_events
from condafs.client.status import Status, parse_status
from condafs.errors import ForbiddenError, InvalidNameError, NotFoundError, UserError
from condafs.names import BUILD, DIGEST_PREFIX, BuildName, EnvironmentName
from condafs.wording import user_text

_HISTORY_LINK = re.compile(r"(\d+)-([0-9a-f]+)")


@dataclass(frozen=True, slots=True, order=True)
class Generation:
    """One published build of an environment; `published` is RFC 3339 in UTC."""

    number: int
    build: BuildName
    published: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """A link of `.pins`; `made` is RFC 3339 in UTC."""

    label: str
    build: BuildName
    owner_uid: int
    made: str


@dataclass(frozen=True, slots=True)
class Envs:
    """The tree below one mount point. Every method looks afresh."""

    mount: Path

    @property
    def specs(self) -> Path:
        """Where specification files are written."""
        return self.mount / ".specs"

    def names(self) -> list[str]:
        """Every environment, the retired ones too, sorted."""
        return sorted(entry.name for entry in (self.mount / ".status").iterdir())

    def status(self, name: str) -> Status:
        """What the mount says about one environment.

        Raises:
            NotFoundError: No such environment; the text suggests a near name.
        """
        text = self._status_text(EnvironmentName(name))
        if text is None:
            names = self.names()
            near = difflib.get_close_matches(name, names, n=1)
            known = (
                f"did you mean {near[0]}?" if near else f"there are {', '.join(names[:20])}" if names else "none yet"
            )
            msg = f"there is no environment {name} under {self.mount}: {known}"
            raise NotFoundError(msg)
        return parse_status(text, name)

    def find_status(self, name: str) -> Status | None:
        """As `status`; None when there is no such environment (yet)."""
        text = self._status_text(EnvironmentName(name))
        return None if text is None else parse_status(text, name)

    def statuses(self) -> Iterator[Status]:
        """One after the other, by name; an environment that vanishes meanwhile is left out."""
        for name in self.names():
            if status := self.find_status(name):
                yield status

    def log(self, build: BuildName | str) -> Path:
        """Where the log of a build is."""
        return self.mount / ".logs" / f"{build}.log"

    def _status_text(self, name: EnvironmentName) -> str | None:
        try:
            return (self.mount / ".status" / name.text).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def history(self, name: str) -> list[Generation]:
        """The generations, oldest first; empty before the first success."""
        found = []
        try:
            for link in (self.mount / ".history" / EnvironmentName(name).text).iterdir():
                if match := _HISTORY_LINK.fullmatch(link.name):
                    published = datetime.fromtimestamp(link.lstat().st_mtime, UTC).isoformat(timespec="seconds")
                    found.append(Generation(int(match[1]), BuildName.parse(link.readlink().name), published))
        except FileNotFoundError:
            return found
        return sorted(found)

    def pins(self) -> list[Pin]:
        """What is kept from garbage collection, by label; empty where the daemon knows no pins."""
        found = []
        with suppress(FileNotFoundError):
            for link in (self.mount / ".pins").iterdir():
                with suppress(FileNotFoundError, InvalidNameError):  # removed meanwhile
                    stat = link.lstat()
                    made = datetime.fromtimestamp(stat.st_mtime, UTC).isoformat(timespec="seconds")
                    found.append(Pin(link.name, BuildName.parse(link.readlink().name), stat.st_uid, made))
        return sorted(found)

    def events(self, name: str) -> list[Event]:
        """What happened to one environment as far as it is remembered, oldest first; empty when nothing is known."""
        place = self.mount / ".history" / EnvironmentName(name).text / ".events"
        try:
            return parse_events(place.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return []

    def current_build(self, name: str) -> BuildName | None:
        """What the name points at; None while it points nowhere."""
        try:
            return BuildName.parse((self.mount / EnvironmentName(name).text).readlink().name)
        except OSError:
            return None

    def generation(self, name: str, wanted: str) -> Generation:
        """One generation of an environment.

        Args:
            name: The environment.
            wanted: `3` (its number), `-1` (the one before the current one) or the beginning of its digest.
        """
        generations = self.history(name)
        if not generations:
            self.status(name)  # complains when the name itself is unknown
            msg = f"{name} has no generation yet"
            raise NotFoundError(msg)
        if re.fullmatch(r"-\d+", wanted):
            found = self._counted_back(name, generations, -int(wanted))
        elif wanted.isdecimal() and len(wanted) <= len(str(generations[-1].number)):
            found = [item for item in generations if item.number == int(wanted)]
        elif DIGEST_PREFIX.fullmatch(wanted):
            found = [item for item in generations if item.build.digest.hex.startswith(wanted)]
        else:
            msg = f"{wanted!r} is no generation: a number (3), a step back (-1) or the beginning of a digest is"
            raise InvalidNameError(msg)
        if len(found) == 1:
            return found[0]
        msg = (
            f"more than one generation of {name} begins with {wanted}: give more digits"
            if found
            else f"{name} has no generation {wanted}: it has {', '.join(str(item.number) for item in generations)}"
        )
        raise UserError(msg) if found else NotFoundError(msg)

    def _counted_back(self, name: str, generations: list[Generation], steps: int) -> list[Generation]:
        current = self.current_build(name)
        position = next((i for i, item in enumerate(generations) if item.build == current), len(generations))
        return generations[position - steps : position - steps + 1] if 0 < steps <= position else []

    def prefix(self, reference: str) -> Path:
        """The sealed prefix behind `foo`, `foo@3f2a`, `foo@-1`, a build's name or a path.

        Raises:
            NotFoundError: It leads nowhere (yet).
        """
        place = Path(reference).absolute() if "/" in reference else self.mount / reference
        try:
            return place.resolve(strict=True)
        except FileNotFoundError:
            pass
        if "/" in reference or BUILD.fullmatch(reference):
            msg = f"there is no environment at {place}"
            raise NotFoundError(msg)
        name, separator, wanted = reference.partition("@")
        status = self.status(name)
        if separator:
            builds = ", ".join(f"{name}@{item.build.digest.short}" for item in self.history(name)) or "none"
            msg = f"{name} has no build {wanted}; it has {builds}"
            raise NotFoundError(msg)
        raise NotFoundError(_why_not_ready(status))


def not_yours(what: str, owner: str) -> ForbiddenError:
    """The refusal of a kernel that knows numbers only, with names: what is owned by whom."""
    me, theirs = user_text(str(os.geteuid())), user_text(owner)
    return ForbiddenError(f"you ({me}) may not change {what}: it belongs to {theirs}")


def _why_not_ready(status: Status) -> str:
    name = status.name
    if status.retired:
        return f"{name} is retired: write its specification again, or take one of its builds (condafs history {name})"
    if status.is_active:
        return f"{name} is not ready yet, it is {status.state}. Watch it: condafs status {name}"
    story = {"failed": "its build failed", "cancelled": "its build was cancelled"}.get(
        status.state, "none was made yet"
    )
    return f"{name} has no build to use: {story}. See: condafs status {name}; condafs logs {name}"
