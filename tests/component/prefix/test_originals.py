"""The packages' own files are kept beside those that had the prefix written into them."""

import os
from pathlib import Path
from typing import Any

import pytest

from condafs.errors import MachineError
from condafs.prefix.originals import keep_originals
from tests.component.prefix.by_hand import add_record


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An extracted package in the cache, with one file of each kind of place."""
    path = tmp_path / "cache/pkg-1.0-0"
    for name in ("bin/tool", "site-packages/mod.py", "python-scripts/run", "share/plain"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(f"/placeholder in {name}")
    return path


def replaced(path: str, **fields: str) -> dict[str, Any]:
    return {"_path": path, "path_type": "hardlink", "prefix_placeholder": "/placeholder", "file_mode": "text", **fields}


def original(prefix: Path, path: str) -> Path:
    return prefix / "conda-meta/condafs/originals" / path


def test_originals_are_hard_links_into_the_cache(prefix: Path, package: Path) -> None:
    add_record(prefix, "pkg", [replaced("bin/tool")], extracted_package_dir=str(package))
    assert keep_originals(prefix) == 1
    assert original(prefix, "bin/tool").stat().st_ino == (package / "bin/tool").stat().st_ino


def test_files_without_a_placeholder_are_not_kept(prefix: Path, package: Path) -> None:
    add_record(prefix, "pkg", [{"_path": "share/plain", "path_type": "hardlink"}], extracted_package_dir=str(package))
    assert keep_originals(prefix) == 0


def test_noarch_python_files_are_found_where_the_archive_has_them(prefix: Path, package: Path) -> None:
    paths = [replaced("lib/python3.12/site-packages/mod.py"), replaced("bin/run")]
    add_record(prefix, "pkg", paths, extracted_package_dir=str(package), noarch="python")
    assert keep_originals(prefix) == 2
    kept = original(prefix, "lib/python3.12/site-packages/mod.py")
    assert kept.read_text() == "/placeholder in site-packages/mod.py"
    assert original(prefix, "bin/run").read_text() == "/placeholder in python-scripts/run"


def test_a_file_that_lost_against_another_package_is_found_by_its_own_path(prefix: Path, package: Path) -> None:
    paths = [replaced("bin/__clobber-tool", original_path="bin/tool")]
    add_record(prefix, "pkg", paths, extracted_package_dir=str(package))
    keep_originals(prefix)
    assert original(prefix, "bin/__clobber-tool").read_text() == "/placeholder in bin/tool"


def test_keeping_them_again_makes_the_same(prefix: Path, package: Path) -> None:
    add_record(prefix, "pkg", [replaced("bin/tool")], extracted_package_dir=str(package))
    keep_originals(prefix)
    original(prefix, "left-over").write_text("of an interrupted run")
    assert keep_originals(prefix) == 1
    assert not original(prefix, "left-over").exists()


def test_one_path_of_two_packages_is_kept_once(prefix: Path, package: Path) -> None:
    add_record(prefix, "pkg", [replaced("bin/tool")], extracted_package_dir=str(package))
    add_record(prefix, "twin", [replaced("bin/tool")], extracted_package_dir=str(package))
    keep_originals(prefix)
    assert original(prefix, "bin/tool").read_text() == "/placeholder in bin/tool"


def test_a_cache_on_another_filesystem_is_copied_from(prefix: Path, package: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - the one other filesystem that every Linux has
    if not memory.is_dir() or memory.stat().st_dev == prefix.stat().st_dev or not os.access(memory, os.W_OK):
        pytest.skip("no second filesystem here")
    source = memory / f"condafs-test-{os.getpid()}"
    (source / "bin").mkdir(parents=True)
    try:
        (source / "bin/tool").write_bytes((package / "bin/tool").read_bytes())
        add_record(prefix, "pkg", [replaced("bin/tool")], extracted_package_dir=str(source))
        assert keep_originals(prefix) == 1
        assert original(prefix, "bin/tool").read_text() == "/placeholder in bin/tool"
    finally:
        (source / "bin/tool").unlink()
        (source / "bin").rmdir()
        source.rmdir()


def test_a_cache_that_lost_the_file_is_an_error_that_names_it(prefix: Path, package: Path) -> None:
    add_record(prefix, "pkg", [replaced("bin/other")], extracted_package_dir=str(package))
    with pytest.raises(MachineError, match=r"bin/other of pkg"):
        keep_originals(prefix)
