"""Channels in one spelling: names and URLs without a slash at the end, absolute paths as file:// URLs.

Equal is only what is equal whatever the settings are: `conda-forge` and the URL that it stands for by default are two
channels, because the channel alias decides about the first.
"""

import re
from urllib.parse import quote

from condafs.spec.credentials import MASK, is_masked
from condafs.spec.platforms import SUBDIRS
from condafs.spec.version import refuse_at

_NAME = re.compile(r"[\w.+-]+(?:/[\w.+-]+)*", re.ASCII)
_URL = re.compile(r"([a-z][a-z0-9+]*)://[^\s'\"<>\[\]{}\\^`|]+", re.IGNORECASE)
_SCHEMES = frozenset({"https", "http", "file", "s3", "oci"})


def normalise_channel(text: str) -> str:
    """The one spelling of a channel.

    Raises:
        SpecificationError: It cannot be one; the position is within the text.
    """
    channel = text.strip().rstrip("/")
    if "$" in channel:
        hint = "condafs expands no variables: write the value (credentials are masked wherever they are shown)"
        raise refuse_at(text, text.index("$"), f"the channel {channel!r} has a variable in it", hint)
    if channel.startswith(("./", "../", "~")) or channel in (".", ".."):
        hint = "the daemon stands nowhere beside this file: write an absolute path or a URL"
        raise refuse_at(text, 0, f"the channel {channel!r} is a relative path", hint)
    if channel.startswith("/"):
        channel = "file://" + quote(channel)
    if is_masked(channel):
        raise refuse_at(text, text.index(MASK), "the credentials of this URL are masked", "put them back for '***'")
    _check(channel, text)
    if (last := channel.rpartition("/")[2]) in SUBDIRS:
        hint = f"remove /{last}: the platform's packages and noarch ones are found below the channel"
        raise refuse_at(text, text.rindex(last), "a channel is named without its platform", hint)
    return channel


def _check(channel: str, text: str) -> None:
    if match := _URL.fullmatch(channel):
        if match[1].lower() not in _SCHEMES:
            hint = "channels are read over https, http, file, s3 and oci"
            raise refuse_at(text, 0, f"a channel cannot be read over {match[1]!r}", hint)
    elif not _NAME.fullmatch(channel):
        raise refuse_at(text, 0, f"{channel!r} is neither a channel's name nor its URL", "as in conda-forge")
