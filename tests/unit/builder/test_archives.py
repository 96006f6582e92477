"""Sums of archives that are files of this machine."""

import hashlib
from pathlib import Path

import pytest

from condafs.builder.archives import Archive, verify_archives
from condafs.builder.failure import BuildError
from condafs.builder.protocol import FailureKind

CONTENT = b"an archive"
SHA256 = hashlib.sha256(CONTENT).digest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).digest()


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "with blank" / "zz-lib-1.0-h0_0.conda"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path.as_uri()


def test_a_url_tells_file_and_distribution(url: str) -> None:
    archive = Archive(url)
    assert (archive.file_name, archive.distribution) == ("zz-lib-1.0-h0_0.conda", "zz-lib-1.0-h0_0")
    assert archive.path
    assert archive.path.read_bytes() == CONTENT


def test_an_archive_elsewhere_has_no_path_and_is_left_to_the_installer() -> None:
    archive = Archive("https://example.invalid/noarch/zz-lib-1.0-0.tar.bz2", SHA256)
    assert archive.path is None
    assert archive.distribution == "zz-lib-1.0-0"
    assert verify_archives([archive]) == [archive]


@pytest.mark.parametrize(("sha256", "md5"), [(SHA256, None), (SHA256, b"\0" * 16), (None, MD5), (None, None)])
def test_what_is_sound_comes_back_with_its_sha256(url: str, sha256: bytes | None, md5: bytes | None) -> None:
    assert [archive.sha256 for archive in verify_archives([Archive(url, sha256, md5)])] == [SHA256]


@pytest.mark.parametrize(("sha256", "md5"), [(b"\0" * 32, MD5), (None, b"\0" * 16)])
def test_what_differs_is_refused_with_both_sums(url: str, sha256: bytes | None, md5: bytes | None) -> None:
    with pytest.raises(BuildError) as caught:
        verify_archives([Archive(url, sha256, md5)])
    assert caught.value.kind is FailureKind.CHECKSUM
    assert "zz-lib-1.0-h0_0.conda" in caught.value.message
    assert "00000000" in caught.value.message
    assert (SHA256 if sha256 else MD5).hex() in caught.value.message


def test_every_archive_that_differs_is_named(url: str) -> None:
    other = Path(Archive(url).path or "").with_name("zz-other-1.0-0.conda")
    other.write_bytes(b"another")
    with pytest.raises(BuildError, match=r"(?s)zz-lib.*zz-other"):
        verify_archives([Archive(other.as_uri(), SHA256), Archive(url, b"\0" * 32)])


def test_order_is_kept_whatever_the_sizes(url: str) -> None:
    archives = [Archive(url, SHA256, size_bytes=1), Archive("https://x.invalid/y", size_bytes=9), Archive(url, SHA256)]
    assert [archive.url for archive in verify_archives(archives)] == [archive.url for archive in archives]


def test_an_archive_that_is_not_there_is_named(url: str) -> None:
    with pytest.raises(BuildError, match=r"zz-none-1-0.conda is listed, but there is no ") as caught:
        verify_archives([Archive(url.replace("zz-lib-1.0-h0_0", "zz-none-1-0"), SHA256)])
    assert caught.value.kind is FailureKind.PACKAGE
