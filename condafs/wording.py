"""Amounts, times and people in words, as tired people read them."""

import grp
import pwd
import time
from datetime import UTC, datetime


def size_text(size_bytes: int | None) -> str:
    """`1.3 GB`: powers of 1000, as `ls --si` and most tools' download bars."""
    if size_bytes is None:
        return ""
    if abs(size_bytes) < 1000:  # noqa: PLR2004 - the base of the units
        return f"{size_bytes} B"
    amount, units = size_bytes / 1000, "kMGTP"
    while abs(amount) >= 999.5 and len(units) > 1:  # noqa: PLR2004 - what would be rounded up to 1000
        amount, units = amount / 1000, units[1:]
    return f"{amount:.{1 if abs(amount) < 9.95 else 0}f} {units[0]}B"  # noqa: PLR2004 - two significant digits


def seconds_text(seconds: float) -> str:
    """`3.2 s`, `2 min 5 s`, `4 h 10 min`, `3 days`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days


def parse_time(text: str) -> float | None:
    """Unix seconds of an RFC 3339 text; without an offset it is UTC. None when it is not a time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def time_text(text: str, now: float | None = None) -> str:
    """`3 min 2 s ago (2026-11-01 12:00)` of an RFC 3339 text; a text that is no time is shown as it is."""
    moment = parse_time(text)
    if moment is None:
        return text
    distance = (time.time() if now is None else now) - moment
    clock = datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")
    relation = f"{seconds_text(distance)} ago" if distance >= 0 else f"in {seconds_text(-distance)}"
    return f"{clock} ({relation})"


def user_text(uid: str) -> str:
    """The name of a user, or the number when nobody has it."""
    try:
        return pwd.getpwuid(int(uid)).pw_name
    except (KeyError, ValueError, OverflowError):
        return uid


def group_text(gid: int) -> str:
    """The name of a group, or the number when none has it."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
