"""Installers are turned away from a sealed environment."""

import configparser
from pathlib import Path

from condafs.prefix.externally_managed import refuse_installers


def test_every_python_s_library_gets_the_file_that_installers_read(prefix: Path) -> None:
    (prefix / "lib/python3.13t").mkdir()
    refuse_installers(prefix)
    for library in ("python3.12", "python3.13t"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(prefix / "lib" / library / "EXTERNALLY-MANAGED")
        assert "never change" in parser["externally-managed"]["Error"]
        assert "python -m venv" in parser["externally-managed"]["Error"]


def test_a_package_s_own_file_is_left_alone(prefix: Path) -> None:
    path = prefix / "lib/python3.12/EXTERNALLY-MANAGED"
    path.write_text("its own")
    refuse_installers(prefix)
    assert path.read_text() == "its own"


def test_links_and_other_directories_get_none(prefix: Path) -> None:
    (prefix / "lib/python3.1").symlink_to("python3.12")
    (prefix / "lib/pkgconfig").mkdir()
    refuse_installers(prefix)
    assert [path.parent.name for path in prefix.glob("lib/*/EXTERNALLY-MANAGED")] in (
        ["python3.12", "python3.1"],
        ["python3.1", "python3.12"],
    )
    refuse_installers(prefix.with_name("gone"))
