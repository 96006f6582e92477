"""A sealed build of a package of sorts, made without conda, and how to hurt it."""

import hashlib
from pathlib import Path

import pytest

from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.prefix.activation import write_activation
from condafs.prefix.marker import write_marker
from condafs.prefix.seal import seal, vouch
from tests.component.prefix.by_hand import add_python, add_record

BUILD = BuildName(SpecDigest("ab" * 32), EnvironmentName("foo"))
SPECIFICATION = '{"dependencies":["zz"],"format":1,"name":"foo","platform":"linux-64","variables":{"A":"1"}}'


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """The prefix; its package cache lies where a state directory has it."""
    return make_build(tmp_path)


def make_build(tmp_path: Path, *, is_linked: bool = True) -> Path:
    """Make one; unless its package's files are linked, they are copies."""
    prefix = tmp_path / "s" / "builds" / str(BUILD)
    package = tmp_path / "s" / "packages" / "pkgs" / "zz-1.0-0"
    (prefix / "conda-meta").mkdir(parents=True)
    add_python(prefix)
    paths = []
    for path, content in {"share/zz/data": b"data\n" * 50, "share/zz/empty": b"", "bin/zz": b"#!/bin/sh\n"}.items():
        for root in (package, prefix):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_bytes(content)
        if is_linked:
            (prefix / path).hardlink_to(package / path)
        else:
            (prefix / path).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        paths.append({"_path": path, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(content)})
    (prefix / "share/zz/link").symlink_to("data")
    add_record(prefix, "zz", paths, extracted_package_dir=str(package), sha256="0" * 64, url="file:///nowhere/zz.conda")
    (prefix / "share/zz/own").write_text("what a script wrote")
    write_activation(prefix, BUILD.name, {"A": "1"})
    sealed = seal(prefix)
    sums_sha256 = vouch(prefix, sealed)
    write_marker(prefix, BUILD, SPECIFICATION, finished=1_700_000_000.5, sums_sha256=sums_sha256)
    return prefix
