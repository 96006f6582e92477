"""What a lock or an explicit list tells of its packages by itself."""

import pytest

from condafs.builder.failure import BuildError
from condafs.builder.protocol import FailureKind
from condafs.builder.solve_only import list_locked
from condafs.builder.solved import SolvedPackage
from condafs.spec.specification import LockedPackage


def test_a_url_in_a_channel_tells_package_channel_and_platform() -> None:
    package = LockedPackage("https://host/c/linux-64/py-lib-1!2.0-h1_3.conda", "a" * 64, "b" * 32)
    assert list_locked([package]) == [
        SolvedPackage(
            "py-lib",
            "1!2.0",
            "h1_3",
            channel="https://host/c/",
            subdir="linux-64",
            url=package.url,
            sha256="a" * 64,
            md5="b" * 32,
        )
    ]


def test_a_url_elsewhere_tells_no_platform() -> None:
    (package,) = list_locked([LockedPackage("file:///srv/files/a-1-0.tar.bz2")])
    assert (package.channel, package.subdir) == ("file:///srv/files/", "")


def test_an_escaped_name_is_read() -> None:
    (package,) = list_locked([LockedPackage("https://host/c/noarch/A-1%2B2-0.conda")])
    assert (package.name, package.version) == ("a", "1+2")


def test_packages_are_sorted_by_name_and_show_no_credentials() -> None:
    urls = ["https://me:secret@host/c/noarch/b-1-0.conda", "https://host/t/secret/c/noarch/a-1-0.conda"]
    listed = list_locked([LockedPackage(url) for url in urls])
    assert [package.name for package in listed] == ["a", "b"]
    assert "secret" not in str(listed)


def test_two_packages_of_a_name_are_refused_as_a_build_refuses_them() -> None:
    urls = ["https://host/c/noarch/a-1-0.conda", "https://host/c/noarch/a-2-0.conda"]
    with pytest.raises(BuildError, match=r"two packages of the name a") as caught:
        list_locked([LockedPackage(url) for url in urls])
    assert caught.value.kind is FailureKind.BAD_SPEC
