"""`exclude-newer:` in one spelling: a day (`2026-11-01`) or a moment in UTC (`2026-11-01T12:00:00Z`)."""

import re
from datetime import UTC, date, datetime

from condafs.spec.version import refuse_at

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?\s*(?:[Zz]|[+-]\d{2}:?\d{2})?")


def normalise_date(text: str) -> str:
    """The day or the moment; a moment without a zone is UTC, fractions of a second are dropped.

    Raises:
        SpecificationError: Neither, or a day that no calendar has; the position is within the text.
    """
    word = text.strip()
    try:
        if _DAY.fullmatch(word):
            return date.fromisoformat(word).isoformat()
        if _MOMENT.fullmatch(word):
            return _in_utc(word)
    except (ValueError, OverflowError):
        raise refuse_at(text, 0, f"there is no {word!r} in the calendar", "as in 2026-11-01") from None
    if word.lower() in ("today", "now", "yesterday"):
        hint = "`condafs update NAME` writes the day of today; a specification means the same whenever it is read"
        raise refuse_at(text, 0, f"{word!r} is another day tomorrow", hint)
    raise refuse_at(text, 0, f"{word!r} is neither a day nor a moment", "as in 2026-11-01 or 2026-11-01T12:00:00Z")


def _in_utc(word: str) -> str:
    moment = datetime.fromisoformat(re.sub(r"\.\d+|\s+(?=[Zz+-])", "", word).upper())
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
