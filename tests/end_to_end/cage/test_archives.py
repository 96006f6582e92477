"""Archives and lists of files that lead out of where they belong: a matter of rattler, and of the outer ring."""

import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from condafs.builder.cage.level import Level
from condafs.builder.protocol import Failed, FailureKind, Succeeded
from condafs.demo.package import Package, PackageFile
from condafs.prefix.inventory import read_inventory
from tests.channel.hostile import add_file, add_raw, add_special, channel_of, listing
from tests.end_to_end.cage.cell import Cell, furnished

UP = "../../../"


@pytest.fixture(params=[("root", Level.LANDLOCK), ("somebody", Level.BUBBLEWRAP)], ids=["root", "somebody"])
def cell(request: pytest.FixtureRequest) -> Iterator[Cell]:
    with furnished(*request.param) as cell:
        yield cell


def build(cell: Cell, package: Package, members: Callable[[tarfile.TarFile], None]) -> Succeeded | Failed:
    """Build an archive of these members; whatever becomes of it, nothing else is touched."""
    channel = channel_of(cell.root / "channel")
    add_raw(channel, package, members)
    channel.finish()
    outcome = cell.run(cell.request((cell.root / "channel").as_uri(), package.name))
    cell.assert_unharmed()
    assert set(os.listdir(cell.root)) - {"disk"} == {"channel", "log", "state", "victim"}
    assert sorted(path.name for path in cell.builds.iterdir() if not path.name.endswith("-foo")) == ["other"]
    return outcome


@pytest.mark.parametrize(
    "name",
    [
        f"{UP * 2}etc/zz-evil",
        f"{UP}other/new",
        f"share/{UP * 3}victim/new",
        "/tmp/zz-evil",  # noqa: S108 - must not be there afterwards
        "./../zz-evil",
    ],
)
def test_a_member_that_leads_out_of_the_archive_is_nowhere_else(cell: Cell, name: str) -> None:
    def members(tar: tarfile.TarFile) -> None:
        add_file(tar, name, b"evil\n")
        add_file(tar, "share/zz-out", b"sound\n")

    build(cell, Package("zz-out", "1.0", (PackageFile("share/zz-out", b"sound\n"),)), members)
    assert not Path("/etc/zz-evil").exists()
    assert not Path("/tmp/zz-evil").exists()  # noqa: S108
    assert not [
        path for path in cell.root.rglob("*") if path.name in ("zz-evil", "new") and "pkgs/zz-out" not in str(path)
    ]


def test_a_link_in_an_archive_is_not_followed_by_the_next_member(cell: Cell) -> None:
    def members(tar: tarfile.TarFile) -> None:
        add_special(tar, "share/way", tarfile.SYMTYPE, str(cell.victim))
        add_file(tar, "share/way/file", b"evil\n")
        add_file(tar, "share/way/new", b"evil\n")

    build(cell, Package("zz-way", "1.0", (PackageFile("share/way", link=str(cell.victim)),)), members)


def test_a_hard_link_in_an_archive_takes_nothing_from_elsewhere(cell: Cell) -> None:
    def members(tar: tarfile.TarFile) -> None:
        add_special(tar, "share/taken", tarfile.LNKTYPE, str(cell.victim / "secret"))
        add_special(tar, "share/taken2", tarfile.LNKTYPE, f"{UP * 3}victim/secret")

    outcome = build(
        cell, Package("zz-takes", "1.0", (PackageFile("share/taken"), PackageFile("share/taken2"))), members
    )
    assert (cell.victim / "secret").stat().st_nlink == 1
    assert isinstance(outcome, Failed)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_in_an_archive_is_in_no_environment(cell: Cell, kind: bytes) -> None:
    def members(tar: tarfile.TarFile) -> None:
        add_special(tar, "share/device", kind)
        add_file(tar, "share/zz-device", b"sound\n")

    package = Package("zz-device", "1.0", (PackageFile("share/device"), PackageFile("share/zz-device", b"sound\n")))
    build(cell, package, members)  # rattler makes empty files of them
    kinds = {stat.S_IFMT(path.lstat().st_mode) for path in cell.state.rglob("*")}
    assert kinds <= {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}


@pytest.mark.parametrize(
    "path",
    [
        f"{UP}victim/file",
        f"share/{UP}{UP}other/file",
        "/etc/hostname",
        f"{UP}specs/ann.yaml",
        "site-packages/../../../.builders",
    ],
)
def test_a_list_that_names_files_elsewhere_is_refused(cell: Cell, path: str) -> None:
    package = Package("zz-lists", "1.0", (PackageFile("share/zz-lists", b"sound\n"),))
    channel = channel_of(cell.root / "channel")
    channel.add(package, listing(path))
    channel.finish()
    outcome = cell.run(cell.request((cell.root / "channel").as_uri(), "zz-lists"))
    assert isinstance(outcome, Failed), outcome
    cell.assert_unharmed()


def refused(cell: Cell, package: Package, members: Callable[[tarfile.TarFile], None]) -> str:
    """Build an archive that leads to secrets: nothing of them is anywhere. Returns what is said."""
    outcome = build(cell, package, members)
    assert isinstance(outcome, Failed), outcome
    assert outcome.kind is FailureKind.PACKAGE
    assert outcome.message.splitlines()[0] in cell.text
    assert not list(cell.packages.glob(f"pkgs/{package.name}*/**/*"))
    assert (cell.victim / "secret").stat().st_nlink == 1
    return outcome.message


def linking(path: str, target: Path) -> Callable[[tarfile.TarFile], None]:
    """What an archive holds: one link."""
    return partial(add_special, name=path, kind=tarfile.SYMTYPE, target=str(target))


@pytest.mark.parametrize("placeholder", ["", "text"])
def test_a_file_behind_a_link_of_its_archive_is_not_the_packages(cell: Cell, placeholder: str) -> None:
    for number, (target, name) in enumerate([(cell.victim, "secret"), (Path("/etc"), "passwd")]):
        package = Package(f"zz-takes{number}", "1.0", (PackageFile(f"share/way/{name}", placeholder=placeholder),))
        said = refused(cell, package, linking("share/way", target))
        assert f"zz-takes{number}-1.0-0 cannot be used: it lists 'share/way/{name}'" in said
        assert f"its 'share/way' is a link to '{target}'" in said


def test_a_link_that_is_listed_as_a_file_to_write_the_prefix_into_is_not_read(cell: Cell) -> None:
    package = Package("zz-takes", "1.0", (PackageFile("share/secret", placeholder="text"),))
    said = refused(cell, package, linking("share/secret", cell.victim / "secret"))
    assert "lists 'share/secret' as a file, and that is a link" in said


def test_a_package_that_is_in_the_cache_already_is_looked_at_too(cell: Cell) -> None:
    """As when an earlier version of condafs, which did not look, put it there."""
    package = Package("zz-cached", "1.0", (PackageFile("share/way/secret", b"sound\n"),))
    channel = cell.channel(package)
    cell.make(channel, "zz-cached")
    cached = cell.packages / "pkgs/zz-cached-1.0-0"
    assert (cell.packages / "pkgs/zz-cached-1.0-0.sound").is_file()
    (cached / "share/way/secret").unlink()
    (cached / "share/way").rmdir()
    (cached / "share/way").symlink_to(cell.victim)
    cached.chmod(0o755)  # another ctime
    failed = cell.fail(channel, "zz-cached", wall_seconds=41)
    assert failed.kind is FailureKind.PACKAGE
    assert not cached.exists()
    cell.make(channel, "zz-cached", wall_seconds=42)


def test_nobody_brings_records_of_packages(cell: Cell) -> None:
    """Sealing takes files from where a record says the package is."""
    channel = cell.channel(Package("zz-model", "1.0", (PackageFile("secret", placeholder="text"),)))
    model = json.loads((cell.make(channel, "zz-model") / "conda-meta/zz-model-1.0-0.json").read_bytes())
    for name, record in (("zz-records", "zz-none-1.0-0"), ("zz-own", "zz-own-1.0-0")):
        document = model | {"name": name, "extracted_package_dir": str(cell.victim)}
        file = PackageFile(f"conda-meta/{record}.json", json.dumps(document).encode())
        said = refused(cell, Package(name, "1.0", (file,)), partial(add_file, name=file.path, content=file.read()))
        assert "records of packages are not for packages to bring" in said


def test_links_and_set_id_files_of_an_archive_are_harmless(cell: Cell) -> None:
    before = {path: path.stat() for path in (Path("/etc/shadow"), cell.victim / "secret")}
    files = (
        PackageFile("share/shadow", link="/etc/shadow"),
        PackageFile("share/secret", link=str(cell.victim / "secret")),
        PackageFile("share/elsewhere", link=str(cell.victim)),
        PackageFile("bin/su", b"#!/bin/sh\n", 0o6755),
    )
    channel = cell.channel(Package("zz-links", "1.0", files))
    prefix = cell.make(channel, "zz-links")
    for path, status in before.items():
        assert (path.stat().st_mode, path.stat().st_ctime_ns) == (status.st_mode, status.st_ctime_ns)
    kinds = {entry.path: entry.kind for entry in read_inventory(prefix)}
    assert (kinds["share/shadow"], kinds["share/elsewhere"]) == ("l", "l")
    assert (prefix / "bin/su").stat().st_mode & 0o6000 == 0
    assert not [path for path in cell.packages.rglob("su") if path.stat().st_mode & 0o6000]


def test_environments_share_their_files_with_the_cache_in_every_level(cell: Cell) -> None:
    package = Package("zz-shared", "1.0", (PackageFile("share/zz-shared", b"kept\n"),))
    prefix = cell.make(cell.channel(package), "zz-shared")
    assert (prefix / "share/zz-shared").samefile(cell.packages / "pkgs/zz-shared-1.0-0/share/zz-shared")
