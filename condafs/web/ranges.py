"""Parts of something with a known size: the headers of RFC 9110, 13 and 14, as far as one range goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be sent.

    Attributes:
        status: 200, 206, 304 or 416.
        offset, size_bytes: Of what is sent.
    """

    status: int
    offset: int = 0
    size_bytes: int = 0

    @property
    def has_body(self) -> bool:
        """Whether something is sent."""
        return self.status in {200, 206}

    def headers(self, total_bytes: int) -> dict[str, str]:
        """Those that follow from it."""
        if self.status == 304:  # noqa: PLR2004 - a status
            return {}
        if self.status == 416:  # noqa: PLR2004 - a status
            return {"content-range": f"bytes */{total_bytes}", "content-length": "0"}
        found = {"content-length": str(self.size_bytes)}
        if self.status == 206:  # noqa: PLR2004 - a status
            found["content-range"] = f"bytes {self.offset}-{self.offset + self.size_bytes - 1}/{total_bytes}"
        return found


def choose(headers: Mapping[str, str], total_bytes: int, etag: str, method: str = "GET") -> Part:
    """What a request asks for.

    Args:
        headers: Of the request, lower-case names.
        total_bytes: Of the whole.
        etag: Of the whole, with its quotes.
        method: Of the request: ranges are for GET alone (14.2).
    """
    if is_known(headers, etag):
        return Part(304)
    whole = Part(200, 0, total_bytes)
    if method != "GET":
        return whole
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    condition = headers.get("if-range")
    if match is None or (not match[1] and not match[2]) or (condition is not None and condition != etag):
        return whole  # several ranges, or another unit: the whole is always right (14.2)
    if not match[1]:
        length = min(int(match[2]), total_bytes)
        return Part(206, total_bytes - length, length) if length else Part(416)
    first = int(match[1])
    last = min(int(match[2]) if match[2] else total_bytes - 1, total_bytes - 1)
    if match[2] and int(match[2]) < first:
        return whole
    return Part(206, first, last - first + 1) if first < total_bytes else Part(416)


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether `If-None-Match` says that the client has it."""
    given = headers.get("if-none-match", "")
    return given.strip() == "*" or etag in [item.strip().removeprefix("W/") for item in given.split(",")]
