"""What sealing writes down is enough to find any byte that changes."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.prefix.layout import INVENTORY, MARKER, OWN_INVENTORY, PACKAGES, SUMS
from condafs.prefix.marker import Marker, read_marker, write_marker
from condafs.prefix.seal import seal, vouch
from condafs.prefix.sums import Provenance, parse_sums
from tests.component.prefix.by_hand import ELF, add_record

BUILD = BuildName(SpecDigest("ab" * 32), EnvironmentName("foo"))


def sums_of(prefix: Path, provenance: Provenance | None = None) -> dict[str, str]:
    sealed = seal(prefix)
    vouched = vouch(prefix, sealed, provenance) if provenance else vouch(prefix, sealed)
    text = (prefix / SUMS).read_bytes()
    assert hashlib.sha256(text).hexdigest() == vouched
    return parse_sums(text)


def add_file(prefix: Path, path: str, content: bytes) -> dict[str, object]:
    (prefix / path).parent.mkdir(parents=True, exist_ok=True)
    (prefix / path).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return {"_path": path, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(content)}


def test_files_that_no_package_has_get_their_sums_and_others_do_not(prefix: Path) -> None:
    add_record(prefix, "known", [add_file(prefix, "share/known", b"known")])
    add_file(prefix, "share/unknown", b"unknown")
    sums = sums_of(prefix, Provenance())
    assert sums["share/unknown"] == hashlib.sha256(b"unknown").hexdigest()
    assert "share/known" not in sums
    assert {"conda-meta/known-1.0-0.json", INVENTORY, OWN_INVENTORY, PACKAGES, "bin/.condafs-python3.12"} <= sums.keys()
    assert MARKER not in sums


def test_where_scripts_ran_a_file_of_the_same_size_is_not_taken_for_the_packages(prefix: Path) -> None:
    record = add_file(prefix, "share/known", b"known")
    add_record(prefix, "known", [record])
    (prefix / "share/known").write_bytes(b"other")
    assert "share/known" not in sums_of(prefix, Provenance())
    assert sums_of(prefix)["share/known"] == hashlib.sha256(b"other").hexdigest()


def test_a_package_without_sums_has_its_files_hashed(prefix: Path, tmp_path: Path) -> None:
    record = add_file(prefix, "share/old", b"old")
    os.link(prefix / "share/old", tmp_path / "in-the-cache")
    add_record(prefix, "old", [{**record, "sha256": None}])
    assert sums_of(prefix, Provenance())["share/old"] == hashlib.sha256(b"old").hexdigest()


def test_a_file_with_the_prefix_inside_is_known_by_the_sum_of_what_was_linked(prefix: Path) -> None:
    record = add_file(prefix, "share/text", b"/prefix")
    linked = record["sha256"]
    placed = {**record, "sha256": "0" * 64, "prefix_placeholder": "/p", "sha256_in_prefix": linked}
    package = prefix.parent / "package"
    (package / "share").mkdir(parents=True)
    (package / "share/text").write_bytes(b"/p")
    add_record(prefix, "text", [placed], extracted_package_dir=str(package))
    assert "share/text" not in sums_of(prefix, Provenance())


def test_what_the_cache_told_is_believed_of_links_into_it_only(prefix: Path, tmp_path: Path) -> None:
    for name in ("shared", "own"):
        add_file(prefix, f"share/{name}", b"bytecode")
    os.link(prefix / "share/shared", tmp_path / "in-the-cache")
    sums = sums_of(prefix, Provenance(told={"share/shared": "1" * 64, "share/own": "2" * 64}))
    assert sums["share/shared"] == "1" * 64
    assert sums["share/own"] == hashlib.sha256(b"bytecode").hexdigest()


def test_the_interpreter_is_hashed_once_more_when_its_package_does_not_say(prefix: Path) -> None:
    assert sums_of(prefix)["bin/.condafs-python3.12"] == hashlib.sha256(ELF).hexdigest()


def test_every_byte_of_the_marker_counts(prefix: Path) -> None:
    seal(prefix)
    written = write_marker(prefix, BUILD, '{"name":"foo"}', lock_sha256="b" * 64, finished=12.5, sums_sha256="c" * 64)
    path = prefix / MARKER
    text = path.read_bytes()
    path.chmod(0o644)
    for place in range(len(text)):
        path.write_bytes(text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :])
        with pytest.raises(ValueError, match=r"."):
            read_marker(prefix)
    path.write_bytes(text)
    assert read_marker(prefix) == written


def test_a_marker_of_before_there_were_sums_is_read(prefix: Path) -> None:
    seal(prefix)
    (prefix / MARKER).write_text(json.dumps({"build": str(BUILD), "specification": "{}", "finished": 1.0}))
    assert read_marker(prefix) == Marker(str(BUILD), "{}", "", 1.0)
