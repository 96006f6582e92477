"""Builds that succeed: what stands at the prefix afterwards."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from condafs.builder.protocol import TRANSIENT_KINDS, FailureKind, Phase, Progress, Succeeded
from condafs.prefix.marker import read_marker
from condafs.spec.specification import LockedPackage
from tests.channel.faulty_server import FaultyServer
from tests.end_to_end.builder.conftest import Workshop


def run_python(prefix: Path, code: str) -> str:
    return subprocess.run(
        [str(prefix / "bin/python"), "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def bytecode_of(prefix: Path, module: str) -> list[Path]:
    directory, _, name = module.rpartition("/")
    return list(prefix.glob(f"lib/python3*/site-packages/{directory}/__pycache__/{name}.*.pyc"))


def is_unchecked(bytecode: Path) -> bool:
    return bytecode.read_bytes()[4:8] == (1).to_bytes(4, "little")


def test_an_environment_is_complete_sealed_and_runs(workshop: Workshop) -> None:
    request = workshop.request("zz-noarch-py", "python")
    prefix = workshop.make(request)
    assert subprocess.check_output([prefix / "bin/zz-noarch-py"], text=True) == "zz-noarch-py runs\n"
    assert run_python(prefix, "import sys; print(sys.prefix)") == str(prefix)
    assert (prefix / "bin/activate").exists()
    marker = read_marker(prefix)
    assert marker
    assert (marker.build, marker.specification) == (request.build, request.specification)
    writable = [path for path in prefix.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o222]
    assert writable == []


def test_the_outcome_tells_sizes_counts_and_seconds(workshop: Workshop) -> None:
    request = workshop.request("zz-manyfiles", "zz-bigfile")
    outcome = workshop.run(request)
    assert isinstance(outcome, Succeeded)
    assert outcome.package_count == 2
    assert outcome.file_count > 2000
    assert outcome.size_bytes > 8 << 20 > outcome.own_bytes
    lock = Path(request.prefix, "conda-meta/condafs.lock").read_bytes()
    assert outcome.lock_sha256 == hashlib.sha256(lock).hexdigest()
    assert set(outcome.seconds) >= {"solve", "fetch", "link", "seal"}


def test_progress_goes_through_the_phases_in_order(workshop: Workshop) -> None:
    seen: list[Progress] = []
    workshop.run(workshop.request("zz-postlink", "zz-noarch-py", pip=("# nothing",)), seen.append)
    phases = list(dict.fromkeys(progress.phase for progress in seen))
    assert phases == list(Phase)
    assert all(progress.done <= progress.total for progress in seen)


def test_an_environment_without_packages_is_one(workshop: Workshop) -> None:
    prefix = workshop.make(workshop.request())
    assert read_marker(prefix)


def test_files_are_hard_links_into_the_cache(workshop: Workshop) -> None:
    prefix = workshop.make(workshop.request("zz-bigfile"))
    cached = workshop.packages / "pkgs/zz-bigfile-1.0-0/share/zz-bigfile/noise.bin"
    assert cached.samefile(prefix / "share/zz-bigfile/noise.bin")


def test_bytecode_of_noarch_packages_is_made_once_and_linked(workshop: Workshop) -> None:
    first = workshop.make(workshop.request("zz-noarch-py"))
    second = workshop.make(workshop.request("zz-noarch-py", "zz-lib"))
    for module in ("zz_noarch_py/__init__", "zz_noarch_py/part"):
        [one], [other] = bytecode_of(first, module), bytecode_of(second, module)
        assert is_unchecked(one)
        assert one.samefile(other)


def test_importing_writes_nothing_and_finds_bytecode(workshop: Workshop) -> None:
    prefix = workshop.make(workshop.request("zz-noarch-py"))
    ran = subprocess.run(
        [str(prefix / "bin/python"), "-v", "-c", "import zz_noarch_py.part"], check=True, capture_output=True, text=True
    )
    lines = [line for line in ran.stderr.splitlines() if "zz_noarch_py/" in line]
    loaded = [line for line in lines if line.startswith("# code object from ")]
    assert len(loaded) == 2
    assert all(".pyc" in line for line in loaded)
    assert not [line for line in lines if "wrote" in line]


def test_what_does_not_compile_is_noted_and_left_alone(workshop: Workshop) -> None:
    place = workshop.with_own_cache()
    prefix = place.make(place.request("zz-uncompilable"))
    assert bytecode_of(prefix, "zz_uncompilable/__init__")
    for name in ("template", "nul"):
        assert not bytecode_of(prefix, f"zz_uncompilable/{name}")
        assert f"{name}.py does not compile" in place.log.read_text()


def test_post_link_scripts_see_condas_variables_and_their_messages_are_shown(workshop: Workshop) -> None:
    prefix = workshop.make(workshop.request("zz-postlink"))
    facts = (prefix / "etc/zz-postlink.txt").read_text().split()
    assert facts == [str(prefix), "zz-postlink", "1.0", "0"]
    log = workshop.log.read_text()
    assert "zz-postlink | zz-postlink was here" in log
    assert "zz-postlink | zz-postlink has a message" in log
    assert not (prefix / ".messages.txt").exists()


def test_history_and_conda_meta_are_condas(workshop: Workshop) -> None:
    prefix = workshop.make(workshop.request("zz-lib ==2.0", "zz-noarch-data"))
    history = (prefix / "conda-meta/history").read_text().splitlines()
    assert history[0].startswith("==> ")
    assert f"+{workshop.channel}/noarch::zz-noarch-data-2.0-0" in history
    assert history[-1] == '# update specs: ["zz-lib ==2.0", "zz-noarch-data"]'
    record = json.loads(next(prefix.glob("conda-meta/zz-lib-2.0-*.json")).read_text())
    assert record["requested_specs"] == ["zz-lib ==2.0"]


def locked_packages(prefix: Path) -> tuple[LockedPackage, ...]:
    """As the specification room reads a lock; a bare path is a file of this machine."""
    document = yaml.safe_load((prefix / "conda-meta/condafs.lock").read_text())
    assert document["version"] == 7
    packages = [
        LockedPackage(entry["conda"] if "://" in entry["conda"] else Path(entry["conda"]).as_uri(), entry["sha256"])
        for entry in document["packages"]
    ]
    return tuple(sorted(packages))


def installed(prefix: Path) -> dict[str, str]:
    records = [json.loads(path.read_text()) for path in (prefix / "conda-meta").glob("*.json")]
    return {record["name"]: record["sha256"] for record in records}


@pytest.mark.parametrize("is_cached", [True, False])
def test_a_lock_builds_the_same_packages_again(workshop: Workshop, *, is_cached: bool) -> None:
    first = workshop.make(workshop.request("zz-noarch-py", "zz-postlink", "zz-lib <2"))
    place = workshop if is_cached else workshop.with_own_cache()
    second = place.make(place.request(packages=locked_packages(first)))
    assert installed(first) == installed(second)
    assert subprocess.check_output([second / "bin/zz-noarch-py"], text=True) == "zz-noarch-py runs\n"


@pytest.mark.parametrize("sums", ["sha256", "md5", ""])
def test_explicit_packages_over_http_need_no_repodata(
    workshop: Workshop, http_channel: FaultyServer, channel_path: Path, sums: str
) -> None:
    archive = next(channel_path.glob("noarch/zz-noarch-data-1.0-*"))
    digests = {sums: hashlib.new(sums, archive.read_bytes()).hexdigest()} if sums else {}
    package = LockedPackage(f"{http_channel.url}/noarch/{archive.name}", **digests)
    place = workshop.with_own_cache()
    prefix = place.make(place.request(packages=(package,)))
    assert (prefix / "share/zz-noarch-data").read_text() == "1.0\n"
    assert installed(prefix) == {"zz-noarch-data": hashlib.sha256(archive.read_bytes()).hexdigest()}
    assert http_channel.count("repodata") == 0


def test_over_http_what_is_cached_is_not_fetched_again(workshop: Workshop, http_channel: FaultyServer) -> None:
    place = workshop.with_own_cache()
    request = place.request("zz-lib", channels=(http_channel.url,))
    place.make(request)
    place.make(request)
    assert http_channel.count(r"\.conda$") == 1


def test_credentials_of_a_channel_are_nowhere_in_the_environment(
    workshop: Workshop, http_channel: FaultyServer
) -> None:
    url = http_channel.url.replace("://", "://user:hunter2@")
    prefix = workshop.make(workshop.request("zz-lib", f"{url}::zz-noarch-data", channels=(url,)))
    files = [path for path in prefix.rglob("*") if path.is_file()]
    assert not [path for path in files if b"hunter2" in path.read_bytes()]
    assert "hunter2" not in workshop.log.read_text()
    assert (prefix / "share/zz-noarch-data").exists()


def test_names_are_below_the_alias_and_channels_of_packages_are_found(workshop: Workshop) -> None:
    parent, _, name = workshop.channel.rpartition("/")
    request = workshop.request("zz-lib", f"{name}::zz-noarch-data", channels=(name,))
    prefix = workshop.make(replace(request, channel_alias=parent))
    assert (prefix / "share/zz-noarch-data").exists()


def test_a_specification_without_channels_takes_the_default_ones(workshop: Workshop) -> None:
    request = replace(workshop.request("zz-lib"), default_channels=(workshop.channel,))
    without = json.loads(request.specification)
    del without["channels"]
    workshop.make(replace(request, specification=json.dumps(without)))


def test_overrides_decide_about_virtual_packages(workshop: Workshop) -> None:
    workshop.make(workshop.request("zz-needs-glibc", variables=(("CONDA_OVERRIDE_GLIBC", "99"),)))
    workshop.make(workshop.request("zz-needs-cuda", variables=(("CONDA_OVERRIDE_CUDA", "12.4"),)))


def test_the_setuid_bit_and_odd_names_survive_as_they_should(workshop: Workshop) -> None:
    prefix = workshop.make(workshop.request("zz-edgecases"))
    share = prefix / "share/zz-edgecases"
    assert not (share / "mode-4755").stat().st_mode & (stat.S_ISUID | 0o222)
    assert (share / "names/Straße 北京").exists()
    assert os.readlink(share / "loop") == "loop"


def test_two_packages_with_one_path_leave_one_file(workshop: Workshop) -> None:
    prefix = workshop.make(workshop.request("zz-clobber-a", "zz-clobber-b"))
    assert (prefix / "share/zz-clobber/file").read_text() in ("from a\n", "from b\n")


def test_a_build_can_be_made_again_after_it_was_removed(workshop: Workshop) -> None:
    request = workshop.request("zz-lib")
    workshop.make(request)
    workshop.make(request)


def test_a_lost_file_of_the_cache_is_fetched_again(workshop: Workshop) -> None:
    place = workshop.with_own_cache()
    request = place.request("zz-noarch-data")
    place.make(request)
    cached = next(place.packages.glob("pkgs/zz-noarch-data-*/share/zz-noarch-data"))
    cached.unlink()
    failed = place.fail(request)
    assert failed.kind is FailureKind.CACHE
    assert failed.kind in TRANSIENT_KINDS
    assert "zz-noarch-data-2.0" in failed.message
    prefix = place.make(request)
    assert (prefix / "share/zz-noarch-data").read_text() == "2.0\n"


def test_a_cache_that_lost_much_is_looked_through_at_the_second_try(workshop: Workshop) -> None:
    place = workshop.with_own_cache()
    request = place.request("zz-noarch-data", "zz-noarch-py")
    place.make(request)
    for cached in [*place.packages.glob("pkgs/zz-noarch-data-*/share/*"), *place.packages.glob("pkgs/zz-noarch-py-*")]:
        if cached.is_dir():
            shutil.rmtree(cached)
        else:
            cached.unlink()
    assert (place.make(replace(request, attempt=2)) / "share/zz-noarch-data").exists()


def test_a_package_that_was_removed_from_the_cache_is_fetched_again(workshop: Workshop) -> None:
    place = workshop.with_own_cache()
    request = place.request("zz-noarch-data")
    place.make(request)
    for cached in place.packages.glob("pkgs/zz-noarch-data-*"):
        if cached.is_dir():
            shutil.rmtree(cached)
    assert (place.make(request) / "share/zz-noarch-data").exists()


def test_builds_leave_no_drafts_behind(workshop: Workshop) -> None:
    place = workshop.with_own_cache()
    place.make(place.request("zz-noarch-py"))
    assert list((place.packages / ".drafts").iterdir()) == []
    assert not [path for path in place.packages.glob("pkgs/.*") if path.is_dir()]
