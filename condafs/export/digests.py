"""Digests as OCI writes them: `sha256:` and 64 lower-case hex digits (OCI image specification, descriptor.md)."""

import re

_SHA256 = re.compile(r"sha256:([0-9a-f]{64})")


def hex_of(digest: object) -> str:
    """The digits of a digest: nothing else ever becomes part of a path.

    Raises:
        ValueError: It is no digest, or one of another algorithm; the text is the end of a sentence.
    """
    match = _SHA256.fullmatch(digest) if isinstance(digest, str) else None
    if not match:
        msg = f"{str(digest)[:100]!r} is not a SHA-256 digest"
        raise ValueError(msg)
    return match[1]
