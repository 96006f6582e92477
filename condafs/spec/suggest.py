"""The nearest of the words that would have been right."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that this one is most likely a misspelling of, or None when none is near."""
    by_plain = {_plain(candidate): candidate for candidate in known}
    near = difflib.get_close_matches(_plain(word)[:80], list(by_plain), n=1, cutoff=0.66)
    return by_plain[near[0]] if near else None


def _plain(word: str) -> str:
    return word.casefold().replace("_", "-").strip(" :-")
