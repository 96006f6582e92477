"""The inventory says what is in the prefix."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condafs.prefix.inventory import Entry, read_inventory, read_summary, write_inventory
from condafs.prefix.layout import INVENTORY
from condafs.prefix.pinning import pin_interpreters
from tests.component.prefix.by_hand import ELF, add_record

NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: b"/" not in name and b"\0" not in name and name[:1] != b"."
)


def entries(prefix: Path) -> dict[str, Entry]:
    return {entry.path: entry for entry in read_inventory(prefix)}


def test_every_file_directory_and_link_is_in_it(prefix: Path) -> None:
    (prefix / "share").mkdir()
    (prefix / "share/file").write_bytes(b"four")
    os.utime(prefix / "share/file", ns=(1, 1_700_000_000_123_456_789))
    inventory = write_inventory(prefix)
    found = entries(prefix)
    assert found["share"].kind == "d"
    assert found["share/file"] == Entry("share/file", "f", 4, 1_700_000_000_123_456_789, mode=0o444)
    assert (found["bin/python"].kind, found["bin/python"].target) == ("l", "python3")
    assert found["bin/python3.12"].kind == "x"
    assert inventory.size_bytes == len(ELF) + 4
    assert inventory.file_count == 4


def test_the_sums_can_be_read_alone(prefix: Path) -> None:
    inventory = write_inventory(prefix)
    assert read_summary(prefix) == inventory


def test_condafs_s_own_directory_is_not_in_it_but_counts_as_its_own(prefix: Path) -> None:
    before = write_inventory(prefix)
    (prefix / "conda-meta/condafs/more").write_text("x")
    assert write_inventory(prefix) == before
    assert not [path for path in entries(prefix) if path.startswith("conda-meta/")]
    assert before.own_bytes > before.size_bytes


def test_digests_come_from_conda_meta_as_linked(prefix: Path) -> None:
    (prefix / "share").mkdir()
    (prefix / "share/text").write_bytes(b"text")
    linked = hashlib.sha256(b"text").hexdigest()
    path = {"_path": "share/text", "path_type": "hardlink", "sha256": "00" * 32, "sha256_in_prefix": linked}
    add_record(prefix, "text", [{**path, "size_in_bytes": 4}])
    write_inventory(prefix)
    assert entries(prefix)["share/text"].sha256 == linked


def test_a_file_of_another_size_than_conda_meta_says_has_no_digest(prefix: Path) -> None:
    (prefix / "share").mkdir()
    (prefix / "share/text").write_bytes(b"changed by a post-link script")
    path = {"_path": "share/text", "path_type": "hardlink", "sha256": "11" * 32, "size_in_bytes": 4}
    add_record(prefix, "text", [path])
    write_inventory(prefix)
    assert entries(prefix)["share/text"].sha256 == ""


def test_the_interpreter_keeps_its_digest_under_its_hidden_name(prefix: Path) -> None:
    digest = hashlib.sha256(ELF).hexdigest()
    path = {"_path": "bin/python3.12", "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(ELF)}
    add_record(prefix, "python", [path])
    pin_interpreters(prefix)
    write_inventory(prefix)
    assert entries(prefix)["bin/.condafs-python3.12"].sha256 == digest
    assert entries(prefix)["bin/python3.12"].sha256 == ""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(NAMES, max_size=8), st.sets(NAMES, max_size=8))
def test_whatever_the_names_it_reads_back_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, files: set[bytes], links: set[bytes]
) -> None:
    prefix = tmp_path_factory.mktemp("names")
    for name in files:
        (prefix / os.fsdecode(name)).write_bytes(name)
    for name in links - files:
        (prefix / os.fsdecode(name)).symlink_to(os.fsdecode(name))
    write_inventory(prefix)
    found = {os.fsencode(entry.path): entry for entry in read_inventory(prefix) if entry.kind != "d"}
    assert found.keys() == files | links
    assert all(found[name].size_bytes == len(name) for name in files)
    assert all(os.fsencode(found[name].target) == name for name in links - files)


def test_a_truncated_inventory_is_refused(prefix: Path) -> None:
    write_inventory(prefix)
    path = prefix / INVENTORY
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match="damaged"):
        list(read_inventory(prefix))


def test_an_inventory_of_another_version_is_refused(prefix: Path) -> None:
    write_inventory(prefix)
    path = prefix / INVENTORY
    header, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(json.dumps({**json.loads(header), "version": 3}).encode() + b"\n" + rest)
    with pytest.raises(ValueError, match="version 3"):
        read_summary(prefix)
