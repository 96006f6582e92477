"""Credentials in URLs, made unreadable wherever a URL is shown: logs, status, refusals, pages, images.

Masked are the user part (`https://user:password@host`, `https://token@host`), conda tokens (`/t/<token>/`) and the
values of query parameters that are secrets by their name. The user `git` of `ssh://git@host` is none.
"""

import re
from collections.abc import Callable

MASK = "***"

_USER_PART = re.compile(r"(?<=://)(?!git@)[^/\s'\"<>]+(?=@)")
_CONDA_TOKEN = re.compile(r"(?<=/t/)[^/\s'\"<>]+(?=/|\s|$)")
_QUERY = re.compile(r"(?i)(?<=[?&])((?:access_|auth_|api_?)?(?:token|key|password|secret|signature|sig)=)[^&\s'\"<>#]+")


def mask_credentials(text: str) -> str:
    """The text with every credential in it replaced by `***`.

    A conda token is only looked for behind a scheme, so paths such as `/srv/t/foo/` stay.
    """
    return _mask(text, lambda _: MASK)


def mask_in_place(text: str) -> str:
    """As `mask_credentials`, one star a character: columns after it stay what they were."""
    return _mask(text, lambda secret: "*" * len(secret))


def is_masked(text: str) -> bool:
    """Whether a URL's credentials were replaced by `***`, as in a lock that was made for showing."""
    return f"://{MASK}@" in text or f"/t/{MASK}/" in text


def _mask(text: str, star: Callable[[str], str]) -> str:
    if "://" not in text and "=" not in text:
        return text
    text = _USER_PART.sub(lambda match: star(match[0]), text)
    text = _URL.sub(lambda match: _CONDA_TOKEN.sub(lambda token: star(token[0]), match[0]), text)
    return _QUERY.sub(lambda match: match[1] + star(match[0][len(match[1]) :]), text)


_URL = re.compile(r"://[^\s'\"<>]*")
