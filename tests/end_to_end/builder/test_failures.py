"""Builds that fail: of what kind, with which explanation. The errors are rattler's and the kernel's own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from condafs.builder.protocol import FailureKind, Phase
from condafs.spec.specification import LockedPackage
from tests.channel.faulty_server import Fault, FaultyServer
from tests.end_to_end.builder.conftest import Workshop


def test_conflicting_packages_are_explained_whole(workshop: Workshop) -> None:
    failed = workshop.fail(workshop.request("zz-a", "zz-b"))
    assert (failed.kind, failed.phase) == (FailureKind.UNSATISFIABLE, Phase.SOLVE)
    assert "zz-a 1.0 would require" in failed.message
    assert "zz-b 1.0 would require" in failed.message


@pytest.mark.parametrize(
    ("dependency", "words"),
    [
        ("zz-nobody-has-it", "No candidates were found for zz-nobody-has-it"),
        ("zz-lib >=99", "zz-lib"),
        ("zz-needs-glibc", "__glibc >=99"),
        ("zz-needs-cuda", "__cuda"),
        ("zz-old-python", "python <3"),
        ("zz-needs-nothing-here", "zz-not-in-any-channel"),
    ],
)
def test_what_cannot_be_satisfied_is_named(workshop: Workshop, dependency: str, words: str) -> None:
    failed = workshop.fail(workshop.request(dependency))
    assert failed.kind is FailureKind.UNSATISFIABLE
    assert words in failed.message


def test_a_dependency_that_cannot_be_read_is_named(workshop: Workshop) -> None:
    failed = workshop.fail(workshop.request("zz-lib =>3"))
    assert failed.kind is FailureKind.BAD_SPEC
    assert "zz-lib =>3" in failed.message


def test_an_override_that_is_no_version_is_the_specifications_fault(workshop: Workshop) -> None:
    failed = workshop.fail(workshop.request("zz-lib", variables=(("CONDA_OVERRIDE_GLIBC", "x y"),)))
    assert failed.kind is FailureKind.BAD_SPEC


def test_nothing_was_uploaded_before_the_cut_off(workshop: Workshop) -> None:
    failed = workshop.fail(workshop.request("zz-lib", exclude_newer="2000-01-01"))
    assert failed.kind is FailureKind.UNSATISFIABLE
    assert "2000-01-01" in failed.message


def test_a_channel_that_is_not_there_is_a_channels_fault(workshop: Workshop, tmp_path: Path) -> None:
    failed = workshop.fail(workshop.request("zz-lib", channels=((tmp_path / "none").as_uri(),)))
    assert failed.kind is FailureKind.CHANNEL
    assert "noarch" in failed.message


def test_a_missing_channel_over_http_is_a_channels_fault(workshop: Workshop, http_channel: FaultyServer) -> None:
    failed = workshop.fail(workshop.request("zz-lib", channels=(f"{http_channel.url}/none",)))
    assert failed.kind is FailureKind.CHANNEL
    assert "404" in failed.message


def test_a_refused_connection_may_pass(workshop: Workshop) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port meanwhile
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/channel"
        failed = workshop.fail(workshop.request("zz-lib", channels=(url,)))
    assert failed.kind is FailureKind.NETWORK
    assert "Connection refused" in failed.message


def test_a_server_error_may_pass(workshop: Workshop, http_channel: FaultyServer) -> None:
    http_channel.fail(Fault.ERROR, r"\.conda$")
    place = workshop.with_own_cache()
    failed = place.fail(place.request("zz-lib", channels=(http_channel.url,)))
    assert failed.kind is FailureKind.NETWORK
    assert "500" in failed.message


def test_a_server_that_never_answers_ends_with_the_wall_time(workshop: Workshop, http_channel: FaultyServer) -> None:
    http_channel.fail(Fault.HANG)
    request = replace(workshop.request("zz-lib", channels=(http_channel.url,)), wall_seconds=1)
    failed = workshop.fail(request)
    assert (failed.kind, failed.phase) == (FailureKind.TIMEOUT, Phase.SOLVE)
    assert "build-wall-seconds" in failed.message


@pytest.mark.parametrize("version", ["1.0", "3.0"])
def test_a_wrong_sum_is_refused_over_file(workshop: Workshop, version: str) -> None:
    failed = workshop.fail(workshop.request(f"zz-corrupt =={version}"))
    assert failed.kind is FailureKind.CHECKSUM
    assert f"zz-corrupt-{version}" in failed.message
    assert not list(workshop.packages.glob("pkgs/zz-corrupt*"))


def test_a_wrong_sum_is_refused_over_http(workshop: Workshop, http_channel: FaultyServer) -> None:
    failed = workshop.fail(workshop.request("zz-corrupt ==3.0", channels=(http_channel.url,)))
    assert failed.kind is FailureKind.CHECKSUM
    assert "hash mismatch" in failed.message


def test_a_truncated_archive_with_matching_sums_is_the_packages_fault(workshop: Workshop) -> None:
    assert workshop.fail(workshop.request("zz-corrupt ==2.0")).kind is FailureKind.PACKAGE


def test_a_file_that_the_archive_lacks_is_the_packages_fault(workshop: Workshop) -> None:
    failed = workshop.fail(workshop.request("zz-corrupt ==4.0"))
    assert (failed.kind, failed.phase) == (FailureKind.PACKAGE, Phase.LINK)
    assert "share/zz-corrupt/absent" in failed.message


def test_a_missing_archive_is_named_over_file_and_http(workshop: Workshop, http_channel: FaultyServer) -> None:
    for channel in (workshop.channel, http_channel.url):
        failed = workshop.fail(workshop.request("zz-missing", channels=(channel,)))
        assert failed.kind is FailureKind.PACKAGE
        assert "zz-missing-1.0-0.conda" in failed.message


def test_a_failing_post_link_script_fails_the_build_with_its_last_words(workshop: Workshop) -> None:
    failed = workshop.fail(workshop.request("zz-badlink"))
    assert (failed.kind, failed.phase) == (FailureKind.POST_LINK, Phase.POST_LINK)
    assert "zz-badlink 1.0 failed with status 3" in failed.message
    assert "zz-badlink gives up" in failed.message
    assert "zz-badlink | on stderr too" in workshop.log.read_text()


def test_a_locked_package_with_another_sum_is_refused(workshop: Workshop) -> None:
    package = LockedPackage(f"{workshop.channel}/noarch/zz-noarch-data-1.0-0.conda", "0" * 64)
    failed = workshop.fail(workshop.request(packages=(package,)))
    assert failed.kind is FailureKind.CHECKSUM


def test_two_locked_packages_of_one_name_are_refused(workshop: Workshop) -> None:
    packages = tuple(LockedPackage(f"{workshop.channel}/noarch/zz-noarch-data-{n}.0-0.conda") for n in (1, 2))
    failed = workshop.fail(workshop.request(packages=packages))
    assert failed.kind is FailureKind.BAD_SPEC
    assert "zz-noarch-data-1.0-0.conda and zz-noarch-data-2.0-0.conda" in failed.message


def test_credentials_of_a_channel_are_in_no_message_and_no_log(workshop: Workshop, http_channel: FaultyServer) -> None:
    parts = urlsplit(http_channel.url)
    http_channel.fail(Fault.ERROR, status=403)
    url = f"http://user:hunter2@{parts.netloc}/t/tk-4711/channel"
    failed = workshop.fail(workshop.request("zz-lib", channels=(url,)))
    assert failed.kind is FailureKind.CHANNEL
    for text in (failed.message, workshop.log.read_text()):
        assert "hunter2" not in text
        assert "tk-4711" not in text


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of two megabytes."""
    path = tmp_path / "disk"
    path.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)], check=False).returncode
    ):
        pytest.skip("mounting a small disk takes root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_may_pass_and_is_called_so(workshop: Workshop, small_disk: Path) -> None:
    request = replace(workshop.request("zz-bigfile"), packages=str(small_disk / "packages"))
    failed = workshop.fail(request)
    assert failed.kind is FailureKind.DISK_FULL


def test_a_damaged_repodata_is_the_channels_fault(workshop: Workshop, channel_path: Path, tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    for repodata in channel_path.glob("*/repodata.json"):
        (channel / repodata.parent.name).mkdir(parents=True)
        shutil.copy(repodata, channel / repodata.parent.name)
    (channel / "noarch" / "repodata.json").write_text('{"packages.conda": {')
    failed = workshop.fail(workshop.request("zz-lib", channels=(channel.as_uri(),)))
    assert failed.kind is FailureKind.CHANNEL
