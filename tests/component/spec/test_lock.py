"""Locks, as the library that builds with them writes them."""

from pathlib import Path

from rattler import LockFile, LockPlatform, PackageRecord, RepoDataRecord
from rattler.lock import LockChannel
from rattler.package.build_string import BuildString

from condafs.spec import LockedPackage, parse

SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def record(name: str, subdir: str, channel: str) -> RepoDataRecord:
    package = PackageRecord(name, "1.0", BuildString("h1_0"), 0, subdir, None, None, sha256=bytes.fromhex(SHA256))
    file_name = f"{name}-1.0-h1_0.conda"
    return RepoDataRecord(package, file_name, f"{channel}/{subdir}/{file_name}", channel)


def test_a_lock_that_rattler_wrote_is_read(tmp_path: Path) -> None:
    platform = LockPlatform("linux-64")
    lock = LockFile([platform, LockPlatform("osx-arm64")])
    lock.set_channels("default", [LockChannel("https://host.org/a"), LockChannel("file:///srv/b")])
    lock.add_conda_package("default", platform, record("python", "linux-64", "https://host.org/a"))
    lock.add_conda_package("default", platform, record("pip", "noarch", "file:///srv/b"))
    lock.add_conda_package("default", LockPlatform("osx-arm64"), record("other", "osx-arm64", "https://host.org/a"))
    lock.add_pypi_package("default", platform, "six", "1.0", "https://host.org/six-1.0-py3-none-any.whl")
    path = tmp_path / "foo.lock"
    lock.to_path(path)
    specification = parse(path.read_bytes(), path.name, "linux-64", 100)
    assert specification is not None
    assert specification.packages == (
        LockedPackage("file:///srv/b/noarch/pip-1.0-h1_0.conda", SHA256),
        LockedPackage("https://host.org/a/linux-64/python-1.0-h1_0.conda", SHA256),
    )
    assert specification.pip == ("six @ https://host.org/six-1.0-py3-none-any.whl",)
