"""Lists in pages: `n` and `last`, and a `Link` to what follows (OCI distribution specification, "Listing Tags").

The specification wants them in "lexical (i.e. case-insensitive alphanumeric) order" or that of ASCII; names here have
no capitals, so that is one.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

MOST = 10_000
"""Names on a page; clients that ask for no number expect all."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        items: On it.
        has_more: Whether some follow.
    """

    items: list[str]
    has_more: bool

    @classmethod
    def of(cls, names: Collection[str], n: int | None, last: str) -> "Page":
        """The first `n` names behind `last`, which need not be one of them."""
        ordered = sorted(names)
        first = bisect_right(ordered, last) if last else 0
        size = MOST if n is None else min(n, MOST)
        return cls(ordered[first : first + size], size > 0 and first + size < len(ordered))

    def headers(self, path: str, n: int | None) -> Mapping[str, str]:
        """`Link`, when some follow (RFC 8288)."""
        if not self.has_more:
            return {}
        size = MOST if n is None else min(n, MOST)
        return {"link": f'<{path}?{urlencode({"n": size, "last": self.items[-1]})}>; rel="next"'}
