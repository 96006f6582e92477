"""Other people's tests of filesystems, on `.specs`: stress-ng's stressors, libfuse's test_syscalls, fio's verification.

They may fail where a directory of specifications is no ordinary filesystem; but the daemon must not, and nothing may
hang. `test_syscalls` is compiled from Debian's source package of libfuse, which is fetched.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from condafs.filesystem.mounting import mount_at, unmount
from tests.mounted.keeper import Keeper

STRESSORS = (
    "access chmod chown copy-file dentry dir dirdeep dup fallocate fcntl fiemap filename",
    "flock fstat getdent hdd inode-flags link locka lockf mknod open rename seek",
    "sendfile symlink sync-file touch unlink utime xattr",
)
"""Names of stress-ng(1), several in a line."""

SOURCE = "fuse3"
FIO_SHARE, STRESS_SHARE = 0.25, 0.65


def run_suites(directory: Path, minutes: float) -> list[str]:
    """Run them; what went wrong.

    Args:
        directory: To work in; made here.
        minutes: For all of them.
    """
    directory.mkdir()
    mount, state = directory / "envs", directory / "state"
    mount.mkdir()
    keeper = Keeper([sys.executable, "-m", "condafs", "mount", str(mount), "--state", str(state)], directory)
    complaints: list[str] = []
    try:
        keeper.start()
        place = mount / ".specs" / "suites"
        place.mkdir()
        stressors = " ".join(STRESSORS).split()
        complaints += _stress(place, stressors, minutes * 60 * STRESS_SHARE / len(stressors))
        complaints += _fio(place, minutes * 60 * FIO_SHARE)
        complaints += _system_calls(directory, place)
        assert keeper.process
        if keeper.process.poll() is not None:
            complaints.append(f"the daemon has ended with {keeper.process.returncode}")
        else:
            (mount / ".specs" / "note.md").write_text("it still answers")
            if keeper.end() != 0:
                complaints.append("the daemon does not end cleanly")
        log = keeper.log.read_text()
        complaints += [line for line in log.splitlines() if "Traceback" in line or " ERROR " in line]
    finally:
        keeper.close()
        while mount_at(mount):
            unmount(mount)
    return complaints


def _stress(place: Path, stressors: list[str], seconds: float) -> list[str]:
    """Each stressor for so long, with two workers; one that hangs is a complaint, one that is refused is not."""
    complaints = []
    began = time.monotonic()
    results: dict[int, int] = {}
    for stressor in stressors:
        command = [
            "stress-ng",
            f"--{stressor}",
            "2",
            "--timeout",
            f"{max(2, int(seconds))}s",
            "--temp-path",
            str(place),
        ]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, check=False)
        except subprocess.TimeoutExpired:
            complaints.append(f"stress-ng --{stressor} hangs")
            continue
        results[ended.returncode] = results.get(ended.returncode, 0) + 1
        if (
            ended.returncode not in (0, 3, 4) and "unrecognized option" not in ended.stderr
        ):  # 3: out of resources, 4: not there on this machine (stress-ng(1))
            complaints.append(f"stress-ng --{stressor} ends with {ended.returncode}: {ended.stderr[-300:]}")
    print(f"  stress-ng: {len(stressors)} stressors in {time.monotonic() - began:.0f} s, exit statuses {results}")
    return complaints


def _fio(place: Path, seconds: float) -> list[str]:
    complaints = []
    for pattern in ("randwrite", "write", "randrw"):
        command = ["fio", "--name=v", f"--directory={place}", f"--rw={pattern}", "--bs=4k", "--size=32m", "--numjobs=2"]
        command += ["--verify=crc32c", "--verify_fatal=1", "--do_verify=1", "--fsync=64", "--group_reporting"]
        command += ["--time_based", f"--runtime={int(seconds / 3)}"]
        ended = subprocess.run(
            command, cwd=place.parent, capture_output=True, text=True, timeout=seconds + 300, check=False
        )
        if ended.returncode:
            complaints.append(f"fio {pattern}: {ended.stderr[-500:]}{ended.stdout[-500:]}")
        for file in place.glob("v.*"):
            file.unlink()
    print(f"  fio --verify: 3 patterns, {len(complaints)} failed")
    return complaints


def _system_calls(directory: Path, place: Path) -> list[str]:
    source = directory / "libfuse"
    source.mkdir()
    said = _fetch_source(source)
    archive = next((path for path in source.glob("*.orig.tar.*") if path.suffix != ".asc"), None)
    if archive is None:
        return [f"libfuse's tests cannot be fetched: {said}"]
    subprocess.run(["tar", "xf", archive], cwd=source, check=True)
    file = next(source.rglob("test_syscalls.c"))
    (source / "fuse_config.h").write_text("")
    program = source / "test_syscalls"
    subprocess.run(["cc", "-w", "-D_GNU_SOURCE", f"-I{source}", "-o", program, file], check=True)
    real = directory / "state" / "specs" / "suites"
    ended = subprocess.run([program, place, f":{real}", "-u"], capture_output=True, text=True, timeout=600, check=False)
    lines = (ended.stdout + ended.stderr).splitlines()
    failed = [line for line in lines if "OK" not in line and not line.endswith("tests failed")]
    print(f"  test_syscalls: {len(lines) - len(failed)} tests, {len(failed)} of them failed")
    for line in failed[:40]:
        print(f"    {line}")
    unexpected = [line for line in failed if "mkfifo" not in line and "socket" not in line]  # there are only files
    shutil.rmtree(source)
    return [f"test_syscalls: {line}" for line in unexpected]


def _fetch_source(directory: Path) -> str:
    """Download the source package, whether or not the machine has deb-src lines; what apt-get says."""
    lists = directory / "sources"
    lists.mkdir()
    for file in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")):
        if file.is_file() and file.suffix in {".list", ".sources"}:
            text = re.sub(r"^deb(?=\s)|(?<=^Types: )deb$", "deb-src", file.read_text(), flags=re.MULTILINE)
            (lists / file.name).write_text(text)
    (directory / "state").mkdir()
    options = [f"Dir::Etc::sourcelist={os.devnull}", f"Dir::Etc::sourceparts={lists}", f"Dir::State={directory}/state"]
    command = ["apt-get", "-qq", *(part for option in options for part in ("-o", option))]
    subprocess.run([*command, "update"], cwd=directory, capture_output=True, check=False)
    ended = subprocess.run(
        [*command, "source", "--download-only", SOURCE], cwd=directory, capture_output=True, text=True, check=False
    )
    return ended.stderr[-300:]
