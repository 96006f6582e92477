"""Stylesheet, script and icon: read once, under URLs that hold their hash, so that browsers may keep them for ever."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

DIRECTORY = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file.

    Attributes:
        url: Where it is served.
        etag: With its quotes.
    """

    content: bytes
    media_type: str
    url: str
    etag: str


def load_assets(directory: Path = DIRECTORY) -> Mapping[str, Asset]:
    """All of them, by file name."""
    return {path.name: _load(path) for path in sorted(directory.iterdir()) if path.suffix in _MEDIA_TYPES}


def _load(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(content, _MEDIA_TYPES[path.suffix], f"/static/{digest}/{path.name}", f'"{digest}"')
