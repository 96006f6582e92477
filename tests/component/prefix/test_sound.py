"""What cannot be sealed, because sealing would write or read elsewhere."""

from pathlib import Path

import pytest

from condafs.errors import UnsoundPrefixError
from condafs.prefix.records import record_stamps
from condafs.prefix.sound import require_own_directories, require_own_paths


@pytest.mark.parametrize("name", ["bin", "lib", "conda-meta", "conda-meta/condafs", "lib/python3.12/site-packages"])
def test_a_directory_that_is_a_link_is_named(tmp_path: Path, name: str) -> None:
    prefix = tmp_path / "prefix"
    (prefix / name).parent.mkdir(parents=True)
    (prefix / name).symlink_to(tmp_path)
    with pytest.raises(UnsoundPrefixError, match=name):
        require_own_directories(prefix)


def test_a_library_is_the_environments_own_under_two_names_and_not_elsewhere(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    (prefix / "lib/python3.12/site-packages").mkdir(parents=True)
    (prefix / "lib/python3.1").symlink_to("python3.12")
    require_own_directories(prefix)
    (prefix / "lib/python3.11").symlink_to(tmp_path)
    with pytest.raises(UnsoundPrefixError, match=r"python3\.11"):
        require_own_directories(prefix)


@pytest.mark.parametrize("path", ["/etc/shadow", "../x", "share/../../x", "share/.."])
def test_a_listed_path_that_leads_out_is_refused(path: str) -> None:
    require_own_paths({"name": "zz", "paths_data": {"paths": [{"_path": "share/a..b/..c", "original_path": "x"}]}})
    for entry in ({"_path": path}, {"_path": "x", "original_path": path}):
        with pytest.raises(UnsoundPrefixError, match="zz"):
            require_own_paths({"name": "zz", "paths_data": {"paths": [entry]}})


def test_a_record_that_is_written_again_has_another_stamp(tmp_path: Path) -> None:
    meta = tmp_path / "conda-meta"
    meta.mkdir()
    (meta / "a.json").write_text("{}")
    before = record_stamps(tmp_path)
    assert record_stamps(tmp_path) == before
    (meta / "a.json").chmod(0o600)
    assert record_stamps(tmp_path) != before
    meta.rename(tmp_path / "away")
    meta.symlink_to(tmp_path / "away")
    assert record_stamps(tmp_path) == {}
