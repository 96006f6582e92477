"""`condafs-hello`: a package family that exists to be updated, pinned and rolled back between its versions."""

from datetime import UTC, datetime

from condafs.demo.package import Package, PackageFile

RELEASES = {
    "1.0": datetime(2024, 1, 15, tzinfo=UTC),
    "1.1": datetime(2024, 6, 15, tzinfo=UTC),
    "2.0": datetime(2025, 1, 15, tzinfo=UTC),
}
"""Version -> upload time, far enough apart for `exclude-newer` to choose among them."""

_INIT = '''"""Says hello."""

__version__ = "{version}"


def main() -> None:
    """The condafs-hello program."""
    print("hello from condafs-hello {version}")
'''
_LATER = '''"""Imported late, to see which build a running process imports from."""

VERSION = "{version}"
'''


def hello_packages() -> list[Package]:
    """Every release, oldest first."""
    return [_release(version, uploaded) for version, uploaded in RELEASES.items()]


def _release(version: str, uploaded: datetime) -> Package:
    site = "site-packages"
    metadata = f"Metadata-Version: 2.1\nName: condafs-hello\nVersion: {version}\nSummary: Says hello\n"
    contents = {
        f"{site}/condafs_hello/__init__.py": _INIT.format(version=version),
        f"{site}/condafs_hello/later.py": _LATER.format(version=version),
        f"{site}/condafs_hello-{version}.dist-info/METADATA": metadata,
        f"{site}/condafs_hello-{version}.dist-info/INSTALLER": "conda\n",
    }
    return Package(
        "condafs-hello",
        version,
        tuple(PackageFile(path, text.encode()) for path, text in contents.items()),
        build="pyh0_0",
        depends=("python >=3.8",),
        noarch="python",
        entry_points=("condafs-hello = condafs_hello:main",),
        timestamp=uploaded,
        summary="Says hello",
        license="BSD-3-Clause",
    )
