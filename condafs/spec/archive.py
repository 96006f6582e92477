"""Package archives named by URL: `https://host/channel/linux-64/numpy-1.2-py_0.conda#<md5>`.

Used by match specs and by `@EXPLICIT` lists. The sum behind `#` is 32 hex digits (md5), 64 hex digits or `sha256:` and
64 hex digits. An absolute path becomes a file:// URL; a relative one is refused: nothing lies beside a specification.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from condafs.errors import SpecificationError
from condafs.spec.brackets import HASH_LENGTHS, normalise_hash
from condafs.spec.credentials import MASK, is_masked
from condafs.spec.platforms import SUBDIRS
from condafs.spec.version import refuse_at

_START = re.compile(r"[a-z][a-z0-9+]*://|/", re.IGNORECASE)
_SCHEMES = ("https", "http", "file", "s3", "oci")
FILE_NAME = re.compile(r"([A-Za-z0-9_][\w.-]*)-([^-/]+)-([^-/]+)\.(?:conda|tar\.bz2)")
_URL = re.compile(r"[^\s'\"<>\[\]{}\\^`|]+")


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive; sums are "" when the text gives none; `subdir` is "" when the URL does not show it."""

    name: str
    url: str
    subdir: str = ""
    md5: str = ""
    sha256: str = ""

    def keys(self) -> tuple[tuple[str, str], ...]:
        """As keys of a match spec, sorted."""
        pairs = (("md5", self.md5), ("sha256", self.sha256), ("url", self.url))
        return tuple((key, value) for key, value in pairs if value)


def is_archive(text: str) -> bool:
    """Whether a text is meant as an archive's URL or path, not as `channel-url::package`."""
    return _START.match(text.strip()) is not None and "::" not in text


def read_archive(text: str) -> Archive:
    """Read a URL or an absolute path, with or without a sum.

    Raises:
        SpecificationError: Not the URL of a conda package, or a sum that is none; the position is within the text.
    """
    url, hash_mark, fragment = text.partition("#")
    url = url.strip()
    if url.startswith("/"):
        url = "file://" + quote(url)
    scheme = url.partition("://")[0].lower()
    if scheme not in _SCHEMES:
        raise refuse_at(text, 0, f"a package cannot be fetched over {scheme!r}", f"there are {', '.join(_SCHEMES)}")
    if not _URL.fullmatch(url):
        raise refuse_at(text, 0, "a URL with characters that no URL has", "one URL, and nothing else behind it")
    if is_masked(url):
        raise refuse_at(text, text.index(MASK), "the credentials of this URL are masked", "put them back for '***'")
    match = FILE_NAME.fullmatch(unquote(url.rpartition("/")[2]))
    if not match:
        raise _no_package(text, url)
    subdir = url.rpartition("/")[0].rpartition("/")[2]
    sums = _sum(text, len(text) - len(fragment), fragment.strip()) if hash_mark else {}
    return Archive(match[1].lower(), url, subdir if subdir in SUBDIRS else "", **sums)


def _sum(text: str, offset: int, fragment: str) -> dict[str, str]:
    kind, colon, digits = fragment.rpartition(":")
    if not colon:
        kind = "sha256" if len(digits) == HASH_LENGTHS["sha256"] else "md5"
    if kind not in HASH_LENGTHS:
        raise refuse_at(text, offset, f"{kind!r} is no sum that packages are known by", "there are md5 and sha256")
    return {kind: normalise_hash(kind, digits, text, offset)}


def _no_package(text: str, url: str) -> SpecificationError:
    if url.endswith((".whl", ".tar.gz", ".zip", ".git")):
        return refuse_at(text, 0, "this is nothing conda can install", "pip can: write the line below 'pip:'")
    hint = "a channel's package is written <channel URL>::<package>"
    return refuse_at(text, 0, "the URL does not end in name-version-build.conda or .tar.bz2", hint)
