"""`@EXPLICIT` lists."""

import pytest

from condafs.spec import LockedPackage
from tests.unit.spec.asked import assert_refused, read


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "@EXPLICIT\n  numpy=1.2\n",
            "2:3",
            "'numpy=1.2' is not the URL of an archive",
            "`conda list --explicit --md5` writes such lists; packages to be solved for go into a .yaml file",
        ),
        (
            "# platform: osx-64\n@EXPLICIT\n",
            "1:13",
            "the list is for osx-64, and this machine is linux-64",
            "make the list on a linux-64 machine",
        ),
        (
            "@EXPLICIT\nhttps://x.org/a/osx-64/b-1-0.conda\n",
            "2:1",
            "the list is for osx-64, and this machine is linux-64",
            "make the list on a linux-64 machine",
        ),
        ("@EXPLICIT\n", "1:1", "the list has no packages", "`conda list --explicit --md5` writes one"),
        (
            "@EXPLICIT\nhttps://x.org/a/linux-64/b-1-0.conda#abc\n",
            "2:38",
            "an md5 has 32 hex digits, not 'abc'",
            "copy it again",
        ),
        (
            "@EXPLICIT\nhttps://x.org/a/noarch/b-1-0.conda#00000000000000000000000000000000\nhttps://x.org/a/noarch/b-1-0.conda\n",
            "3:1",
            "the same archive with another sum",
            "keep one of the lines",
        ),
    ],
)
def test_a_list_that_cannot_be_installed_is_refused(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint, "foo.txt")


URL = "https://joe:secret@host.org/t/tk-1/a"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def test_a_list_is_read_sorted_and_with_its_sums() -> None:
    text = f"""
# This file may be used to create an environment using:
# platform: linux-64
@EXPLICIT
{URL}/noarch/tzdata-2026a-h1_0.conda#{MD5.upper()}
{URL}/linux-64/python-3.12.1-h1_0_cpython.tar.bz2#sha256:{SHA256}
{URL}/noarch/b-1-0.conda#{SHA256}
{URL}/noarch/b-1-0.conda#{SHA256}
/srv/my packages/c-1-0.conda
"""
    specification = read(text, "foo.txt")
    assert specification.name.text == "foo"
    assert specification.packages == (
        LockedPackage("file:///srv/my%20packages/c-1-0.conda"),
        LockedPackage(f"{URL}/linux-64/python-3.12.1-h1_0_cpython.tar.bz2", sha256=SHA256),
        LockedPackage(f"{URL}/noarch/b-1-0.conda", sha256=SHA256),
        LockedPackage(f"{URL}/noarch/tzdata-2026a-h1_0.conda", md5=MD5),
    )


def test_order_and_comments_do_not_count() -> None:
    lines = [f"{URL}/noarch/b-1-0.conda", f"{URL}/noarch/a-1-0.conda"]
    forwards = read("\n".join(["@EXPLICIT", *lines]), "foo.txt")
    assert forwards == read("\n".join(["# hello", "@EXPLICIT", "", *reversed(lines)]), "foo.txt")
