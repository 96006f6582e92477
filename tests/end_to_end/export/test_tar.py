"""`.tar`: the same bytes wherever the build was made, and what rattler installs wherever it is unpacked."""

import io
import json
import os
import re
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.builder.conftest import Workshop
from tests.end_to_end.export.conftest import EVERYTHING, Exported, export, install_at, unpack
from tests.end_to_end.wheel import make_wheel

OURS = re.compile(
    r"bin/(activate|activate\.fish|conda-unpack)|conda-meta/(history|state|condafs\.lock|conda-unpack)"
    r"|(.*/)?__pycache__(/.*\.pyc)?"
)
"""What an export has beside what rattler installs."""

OF_THE_MACHINE = ("link", "extracted_package_dir", "requested_spec", "requested_specs")
OF_THE_PREFIX = ("sha256", "sha256_in_prefix", "size_in_bytes")

TRUSTED: Any = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
"""3.11.4 brought filters (PEP 706); Debian 12 has 3.11.2."""


def tree(top: Path) -> dict[str, tuple[str, object]]:
    """Path -> what stands there: sort, and content, target or nothing."""
    found: dict[str, tuple[str, object]] = {}
    for directory, names, files in os.walk(top):
        for name in (*names, *files):
            path = Path(directory, name)
            mode = path.lstat().st_mode
            relative = str(path.relative_to(top))
            if stat.S_ISLNK(mode):
                found[relative] = "link", os.readlink(path)
            elif stat.S_ISDIR(mode):
                found[relative] = "directory", None
            elif relative.startswith("conda-meta/") and relative.endswith(".json"):
                found[relative] = "record", record(json.loads(path.read_bytes()))
            else:
                found[relative] = "executable" if mode & 0o100 else "file", path.read_bytes()
    return found


def record(document: dict[str, Any]) -> object:
    """What a package's record says everywhere."""
    paths = document.get("paths_data", {}).get("paths", [])
    for path in paths:
        if path.get("prefix_placeholder") or path["path_type"] == "unix_python_entry_point":
            for key in OF_THE_PREFIX:
                path.pop(key, None)
    paths.sort(key=lambda path: path["_path"])
    return {key: value for key, value in document.items() if key not in (*OF_THE_MACHINE, "files")}


def test_the_unpacked_tree_is_what_rattler_installs_there(
    everything: Exported, tmp_path: Path, shared_packages: Path
) -> None:
    place = tmp_path / "there"
    install_at(everything.channel, place, shared_packages, *EVERYTHING).rename(tmp_path / "by-rattler")
    unpack(everything.tar(), place)
    ours, theirs = tree(place), tree(tmp_path / "by-rattler")
    extra = {path for path in ours.keys() - theirs.keys() if not OURS.fullmatch(path)}
    missing = {path for path in theirs.keys() - ours.keys() if not path.startswith("__clobbers__")}
    assert extra == set()
    assert missing == {"CACHEDIR.TAG"}  # asks backups to leave the environment out; the builder removes it
    different = {path for path in theirs if path in ours and ours[path] != theirs[path]}
    assert different == {"conda-meta/history"}


def test_the_archive_does_not_depend_on_where_and_when_it_was_built(
    everything: Exported, tmp_path: Path, channel_url: str
) -> None:
    elsewhere = tmp_path / "a-place-with-a-longer-name"
    elsewhere.mkdir()
    again = export(Workshop(elsewhere, elsewhere / "packages", channel_url), *EVERYTHING)
    assert again.tar() == everything.tar()


def test_pips_files_do_not_depend_on_it_either(
    tmp_path: Path, open_directory: Path, shared_packages: Path, channel_url: str
) -> None:
    wheel = make_wheel(open_directory)  # what root builds with pip reads what everybody may
    archives = []
    for name in ("one", "another-of-them"):
        (tmp_path / name).mkdir()
        place = Workshop(tmp_path / name, shared_packages, channel_url)
        archives.append(
            export(
                place, "python", "pip", pip=("--no-index", f"--find-links={wheel.parent}", wheel.name.split("-")[0])
            ).tar()
        )
    assert archives[0] == archives[1]
    assert b"another-of-them" not in archives[0]


def test_nothing_of_the_machine_is_in_it(everything: Exported) -> None:
    assert str(everything.prefix.parent).encode() not in everything.tar()
    assert b".condafs-python" not in everything.tar()


def test_gnu_tar_bsdtar_and_python_see_the_same(everything: Exported, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(everything.tar())
    listings = []
    for command in ("tar", "bsdtar"):
        (tmp_path / command).mkdir()
        subprocess.run([command, "xf", path, "-C", tmp_path / command], check=True)
        listings.append(tree(tmp_path / command))
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "python", **TRUSTED)  # noqa: S202 - our own
    listings.append(tree(tmp_path / "python"))
    assert listings[0] == listings[1] == listings[2]


def test_members_stand_at_the_top_and_have_their_packages_times(everything: Exported) -> None:
    with tarfile.open(fileobj=io.BytesIO(everything.tar())) as archive:
        members = {member.name: member for member in archive.getmembers()}
    assert {"bin", "bin/python", "conda-meta/history"} <= members.keys()
    source = everything.prefix / "share/zz-clobber/a"
    assert members["share/zz-clobber/a"].mtime == int(source.stat().st_mtime)
    assert all((m.uid, m.gid) == (0, 0) and not m.mode & 0o7022 for m in members.values() if not m.issym())


def test_the_environment_works_where_it_was_unpacked(everything: Exported, tmp_path: Path) -> None:
    place = unpack(everything.tar(), tmp_path / "a new place")
    run = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: E731
    python = place / "bin/python"
    assert run(python, "-c", "import sys; print(sys.prefix)") == str(place)
    assert run(python, "-c", "import pip, condafs_hello; print(pip.__file__)").startswith(str(place))
    assert run(place / "bin/pip", "--version").startswith("pip ")
    assert run(place / "bin/condafs-hello")
    line = f'. "{place}/bin/activate" && printf "%s|%s|%s" "$CONDA_PREFIX" "$GREETING" "$(command -v python)"'
    for shell in ("bash", "dash", "zsh"):
        assert run(shell, "-c", line) == f"{place}|hello there|{python}"


def test_it_can_be_moved_and_unpacked_again(everything: Exported, tmp_path: Path) -> None:
    first = unpack(everything.tar(), tmp_path / "first")
    first.rename(tmp_path / "second place")
    moved = tmp_path / "second place"
    subprocess.run([moved / "bin/conda-unpack"], check=True)
    expected_at = tmp_path / "kept"
    moved.rename(expected_at)
    fresh = unpack(everything.tar(), tmp_path / "second place")
    names = {path for path in tree(fresh) if path != "conda-meta/conda-unpack"}
    found, expected = tree(expected_at), tree(fresh)
    assert [path for path in sorted(names) if found[path] != expected[path]] == []


@pytest.mark.parametrize("specs", [(), ("zz-noarch-data",)])
def test_an_environment_without_python_can_be_exported(
    specs: tuple[str, ...], tmp_path: Path, shared_packages: Path, channel_url: str
) -> None:
    made = export(Workshop(tmp_path, shared_packages, channel_url), *specs)
    place = unpack(made.tar(), tmp_path / "there")
    assert (place / "conda-meta/history").exists()
