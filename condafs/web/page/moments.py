"""Times and amounts as a page shows them: short, with the exact one behind."""

from datetime import UTC, datetime

from markupsafe import Markup

from condafs.wording import size_text

_STEPS = ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h"), (14 * 86400, 86400, "days"))
"""Up to how many seconds a unit of how many seconds is used."""


def distance_text(seconds: float) -> str:
    """`12 s`, `5 min`, `3 h`, `9 days`, rounded; as people say it."""
    for most, unit, word in _STEPS:
        if seconds < most:
            return f"{round(seconds / unit)} {word}"
    return ""


def ago(moment: float, now: float) -> Markup:
    """`<time>`: how long ago, or the day when that is long; the exact time in its title. `never` for 0."""
    if not moment:
        return Markup("never")
    exact = datetime.fromtimestamp(moment, UTC)
    distance = now - moment
    near = distance_text(abs(distance))
    if abs(distance) < 5:  # noqa: PLR2004 - clocks and reading take so long
        text = "just now"
    elif not near:
        text = f"{exact.day} {exact:%b %Y}"
    else:
        text = f"{near} ago" if distance > 0 else f"in {near}"
    title = f"{exact:%Y-%m-%d %H:%M:%S} UTC"
    # Numbers and words of ours: there is nothing to be escaped, and a list has a hundred of them.
    return Markup(f'<time datetime="{exact:%Y-%m-%dT%H:%M:%SZ}" title="{title}">{text}</time>')  # noqa: S704


def signed_size(size_bytes: int) -> str:
    """`+449 kB`, `\N{MINUS SIGN}1.2 MB`; "" for nothing."""
    if not size_bytes:
        return ""
    return f"{'+' if size_bytes > 0 else chr(0x2212)}{size_text(abs(size_bytes))}"


def count_text(number: int, word: str) -> str:
    """`1 package`, `10,000 packages`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
