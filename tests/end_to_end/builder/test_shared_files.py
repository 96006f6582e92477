"""Scripts of packages cannot write to what environments share."""

from pathlib import Path

import pytest

from condafs.builder.protocol import FailureKind
from condafs.demo.channel import Channel
from condafs.demo.package import PLACEHOLDER, Package, PackageFile
from tests.end_to_end.builder.conftest import Workshop

SCRIPT = "bin/.{name}-post-link.sh"


@pytest.fixture
def channel(tmp_path: Path) -> str:
    """A channel with scripts that change a shared file in place, replace it, and change one of their own."""
    scripts = {
        "zz-in-place": "echo changed >> $PREFIX/share/zz/file",
        "zz-replaces": "sed -i s/kept/changed/ $PREFIX/share/zz/file",
        "zz-own": "echo changed >> $PREFIX/share/zz/own; echo made > $PREFIX/share/zz/made",
    }
    channel = Channel(tmp_path / "channel")
    for name, command in scripts.items():
        files = (
            PackageFile(SCRIPT.format(name=name), f"#!/bin/sh\nset -e\n{command}\n".encode(), 0o755),
            PackageFile("share/zz/file", b"kept\n"),
            PackageFile("share/zz/own", f"{PLACEHOLDER}\n".encode(), placeholder="text"),
        )
        channel.add(Package(name, "1.0", files))
    channel.finish()
    return (tmp_path / "channel").as_uri()


def cached_file(workshop: Workshop, name: str) -> str:
    return (workshop.packages / f"pkgs/{name}-1.0-0/share/zz/file").read_text()


def test_a_script_that_changes_a_shared_file_fails_and_the_cache_is_as_it_was(workshop: Workshop, channel: str) -> None:
    failed = workshop.fail(workshop.request("zz-in-place", channels=(channel,)))
    assert failed.kind is FailureKind.POST_LINK
    assert "Permission denied" in failed.message
    assert cached_file(workshop, "zz-in-place") == "kept\n"


def test_a_script_may_replace_a_shared_file(workshop: Workshop, channel: str) -> None:
    prefix = workshop.make(workshop.request("zz-replaces", channels=(channel,)))
    assert (prefix / "share/zz/file").read_text() == "changed\n"
    assert cached_file(workshop, "zz-replaces") == "kept\n"


def test_a_script_may_change_and_make_files_of_the_environments_own(workshop: Workshop, channel: str) -> None:
    prefix = workshop.make(workshop.request("zz-own", channels=(channel,)))
    assert (prefix / "share/zz/own").read_text() == f"{prefix}\nchanged\n"
    assert (prefix / "share/zz/made").read_text() == "made\n"
