"""What a prefix holds, from conda-meta and site-packages."""

from pathlib import Path

from condafs.prefix.contents import InstalledPackage, read_packages
from condafs.prefix.seal import seal
from tests.component.prefix.by_hand import add_record


def add_distribution(prefix: Path, name: str, version: str, record: str = "") -> str:
    """A dist-info directory as pip or conda would link it; returns the path of its METADATA."""
    path = f"lib/python3.12/site-packages/{name}-{version}.dist-info"
    (prefix / path).mkdir()
    (prefix / path / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText: no header\n"
    )
    if record:
        (prefix / path / "RECORD").write_text(record)
    return f"{path}/METADATA"


def test_conda_packages_come_with_build_channel_and_size(prefix: Path) -> None:
    add_record(prefix, "tool", [{"_path": "bin/a", "size_in_bytes": 3}, {"_path": "bin/b", "size_in_bytes": 4}])
    assert read_packages(prefix) == [InstalledPackage("tool", "1.0", "0", "file:///channel/", "conda", 7)]


def test_what_pip_installed_is_pypi_with_the_size_of_its_record(prefix: Path) -> None:
    add_distribution(prefix, "wheel", "0.42", 'a.py,sha256=xx,10\n"b,c.py",sha256=yy,5\nRECORD,,\n')
    assert read_packages(prefix) == [InstalledPackage("wheel", "0.42", "", "pypi", "pypi", 15)]


def test_a_distribution_that_conda_owns_is_not_listed_twice(prefix: Path) -> None:
    metadata = add_distribution(prefix, "tool", "1.0")
    add_record(prefix, "tool", [{"_path": metadata}])
    assert [package.kind for package in read_packages(prefix)] == ["conda"]


def test_a_link_to_the_library_lists_nothing_twice(prefix: Path) -> None:
    add_distribution(prefix, "wheel", "0.42")
    (prefix / "lib/python3.1").symlink_to("python3.12")
    assert len(read_packages(prefix)) == 1


def test_a_distribution_without_a_record_has_no_known_size(prefix: Path) -> None:
    add_distribution(prefix, "editable", "1")
    assert [package.size_bytes for package in read_packages(prefix)] == [0]


def test_sealing_keeps_the_list_so_that_conda_meta_need_not_be_read(prefix: Path) -> None:
    add_record(prefix, "tool", [])
    before = read_packages(prefix)
    seal(prefix)
    (prefix / "conda-meta").chmod(0o755)
    (prefix / "conda-meta/tool-1.0-0.json").unlink()
    assert read_packages(prefix) == before


def test_a_directory_that_is_no_environment_holds_nothing(tmp_path: Path) -> None:
    assert read_packages(tmp_path) == []
