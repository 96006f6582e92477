"""Identity: the canonical bytes of a specification and their SHA-256.

Format: one JSON object, UTF-8, keys sorted, no blanks, empty values left out::

    {"channels":["conda-forge"],"dependencies":["numpy >=1.2","python 3.12.*"],"format":1,"name":"foo",
     "pip":["requests"],"platform":"linux-64","variables":{"A":"1"}}

`image` is left out: it says how a build is wrapped, not what is built.

A golden table in the tests holds digests down: changing this module changes who every existing build is.
"""

import hashlib
import json
from typing import Any

from condafs.names import EnvironmentName, SpecDigest
from condafs.spec.specification import LockedPackage, Specification

FORMAT = 1


def to_canonical(specification: Specification) -> bytes:
    """The bytes that identity is the hash of; equal for specifications that differ in `image` at most."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "name": specification.name.text,
        "platform": specification.platform,
        "channels": list(specification.channels),
        "dependencies": list(specification.dependencies),
        "pip": list(specification.pip),
        "variables": dict(specification.variables),
        "exclude-newer": specification.exclude_newer,
        "packages": [[p.url, p.sha256, p.md5] for p in specification.packages],
    }
    kept = {key: value for key, value in document.items() if value}
    return json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def from_canonical(content: bytes) -> Specification:
    """The specification that `to_canonical` wrote; the two are inverse, but for `image`, which is the default."""
    document = json.loads(content)
    return Specification(
        name=EnvironmentName(document["name"]),
        platform=document["platform"],
        channels=tuple(document.get("channels", ())),
        dependencies=tuple(document.get("dependencies", ())),
        pip=tuple(document.get("pip", ())),
        variables=tuple(sorted(document.get("variables", {}).items())),
        exclude_newer=document.get("exclude-newer", ""),
        packages=tuple(LockedPackage(*fields) for fields in document.get("packages", ())),
    )


def digest_of(specification: Specification) -> SpecDigest:
    """The identity of a specification: SHA-256 of its canonical bytes."""
    return SpecDigest(hashlib.sha256(to_canonical(specification)).hexdigest())
