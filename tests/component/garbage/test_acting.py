"""Root empties a package cache that is somebody else's, and leaves nothing of its own there."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from condafs.catalog.store import Catalog
from condafs.garbage.acting import acting_as_owner
from condafs.garbage.packages import PackageCache
from tests.way import open_the_way_to

UID = 12345

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for others")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    place = tmp_path / "packages"
    (place / "pkgs" / "zz-1.0-0").mkdir(parents=True)
    (place / "pkgs" / "zz-1.0-0" / "file").write_text("x")
    subprocess.run(["chown", "-R", f"{UID}:{UID}", place], check=True)
    open_the_way_to(tmp_path)
    return place


def test_what_is_left_is_the_owners(packages: Path, tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog") as catalog:
        cache = PackageCache(catalog, tmp_path / "builds", packages)
        spare = cache.find(time.time() + 10, 0)
        with acting_as_owner(packages):
            removed = cache.remove(spare)
    assert removed.count == 1
    assert {path.stat().st_uid for path in packages.rglob("*")} == {UID}
    assert (packages / ".drafts").is_dir()
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_link_in_the_way_leads_root_nowhere(packages: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (packages / ".drafts").symlink_to(outside)
    with Catalog.open(tmp_path / "catalog") as catalog:
        cache = PackageCache(catalog, tmp_path / "builds", packages)
        with acting_as_owner(packages), pytest.raises(PermissionError):
            cache.remove(cache.find(time.time() + 10, 0))
    assert list(outside.iterdir()) == []


def test_a_cache_that_is_a_link_is_nobodys(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(packages)
    with pytest.raises(NotADirectoryError), acting_as_owner(tmp_path / "link"):
        pass
