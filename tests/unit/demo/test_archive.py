"""Archives: valid zstd without a compressor, the same bytes for the same package."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from condafs.demo.archive import RawZstdFile, write_archive
from condafs.demo.package import Package, PackageFile

MAGIC, WINDOW = bytes.fromhex("28b52ffd"), bytes.fromhex("0038")


def decode(frame: bytes) -> bytes:
    """Read a zstd frame of raw blocks (RFC 8878, 3.1.1)."""
    assert frame[:6] == MAGIC + WINDOW
    content, position, is_last = b"", 6, False
    while not is_last:
        header = int.from_bytes(frame[position : position + 3], "little")
        is_last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        assert kind == 0
        assert size <= 128 * 1024
        content += frame[position + 3 : position + 3 + size]
        position += 3 + size
    assert position == len(frame)
    return content


def member(archive: Path, prefix: str) -> tarfile.TarFile:
    with zipfile.ZipFile(archive) as outer:
        name = next(name for name in outer.namelist() if name.startswith(prefix))
        return tarfile.open(fileobj=io.BytesIO(decode(outer.read(name))))


@given(st.lists(st.binary(max_size=100)), st.sampled_from([0, 1, 131_072, 131_073, 300_000]))
def test_a_frame_decodes_to_what_was_written(pieces: list[bytes], zeros: int) -> None:
    target = io.BytesIO()
    frame = RawZstdFile(target)
    for piece in [*pieces, bytes(zeros)]:
        frame.write(piece)
    frame.finish()
    assert decode(target.getvalue()) == b"".join(pieces) + bytes(zeros)


def test_the_record_tells_the_sums_of_the_archive(tmp_path: Path) -> None:
    archive = tmp_path / "a.conda"
    record = write_archive(Package("a", "1", (PackageFile("share/a", b"text"),)), archive)
    assert record["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert record["size"] == archive.stat().st_size
    assert record["name"] == "a"


def test_files_keep_their_mode_and_links_their_target(tmp_path: Path) -> None:
    files = (PackageFile("bin/a", b"#!/bin/sh\n", 0o755), PackageFile("bin/b", link="a"))
    write_archive(Package("a", "1", files), tmp_path / "a.conda")
    program, link = member(tmp_path / "a.conda", "pkg-").getmembers()
    assert program.mode == 0o755
    assert (link.issym(), link.linkname) == (True, "a")


def test_paths_json_declares_sums_and_placeholders(tmp_path: Path) -> None:
    files = (PackageFile("etc/a", b"text", placeholder="text"), PackageFile("etc/b", link="a"))
    write_archive(Package("a", "1", files), tmp_path / "a.conda")
    entry, link = json.load(member(tmp_path / "a.conda", "info-").extractfile("info/paths.json"))["paths"]  # type: ignore[arg-type]
    assert (entry["_path"], entry["file_mode"]) == ("etc/a", "text")
    assert entry["sha256"] == hashlib.sha256(b"text").hexdigest()
    assert len(entry["prefix_placeholder"]) == 255
    assert link["path_type"] == "softlink"


def test_the_same_package_gives_the_same_bytes(tmp_path: Path) -> None:
    package = Package("a", "1", (PackageFile("share/a", b"text"),))
    write_archive(package, tmp_path / "1.conda")
    write_archive(package, tmp_path / "2.conda")
    assert (tmp_path / "1.conda").read_bytes() == (tmp_path / "2.conda").read_bytes()


def test_paths_can_be_amended_for_packages_that_lie(tmp_path: Path) -> None:
    package = Package("a", "1", (PackageFile("share/a", b"text"),))
    write_archive(package, tmp_path / "a.conda", lambda entries: entries.clear())
    assert json.load(member(tmp_path / "a.conda", "info-").extractfile("info/paths.json"))["paths"] == []  # type: ignore[arg-type]
