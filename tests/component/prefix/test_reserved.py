"""What a package planted where condafs writes does not lead condafs elsewhere."""

from pathlib import Path

from condafs.prefix.reserved import clear_reserved


def test_links_out_of_the_prefix_go_and_what_they_point_at_stays(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("mine")
    prefix = tmp_path / "prefix"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "conda-meta" / "condafs").symlink_to(victim)
    for name in ("conda-meta/history", "conda-meta/condafs.lock", "conda-meta/state", "bin/activate"):
        (prefix / name).symlink_to(victim / "file")
    (prefix / "bin" / "activate.fish").symlink_to("other")
    clear_reserved(prefix)
    assert sorted(path.name for path in prefix.rglob("*")) == ["activate.fish", "bin", "conda-meta"]
    assert (victim / "file").read_text() == "mine"


def test_a_file_of_the_package_cache_is_not_written_to_by_a_second_name(tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    cached.write_text("shared")
    prefix = tmp_path / "prefix"
    (prefix / "conda-meta").mkdir(parents=True)
    names = ("history", "condafs.lock", "state")
    for name in names:
        (prefix / "conda-meta" / name).hardlink_to(cached)
    clear_reserved(prefix)
    for name in names:
        (prefix / "conda-meta" / name).write_text("written")
    assert cached.read_text() == "shared"


def test_a_directory_where_condafs_writes_a_file_goes(tmp_path: Path) -> None:
    (tmp_path / "conda-meta/history/below").mkdir(parents=True)
    (tmp_path / "conda-meta/condafs").touch()
    clear_reserved(tmp_path)
    assert list((tmp_path / "conda-meta").iterdir()) == []


def test_what_a_package_put_into_condafss_own_directory_goes(tmp_path: Path) -> None:
    own = tmp_path / "conda-meta" / "condafs"
    own.mkdir(parents=True)
    (own / "build.json").write_text("forged")
    clear_reserved(tmp_path)
    assert not own.exists()
