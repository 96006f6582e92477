"""What a builder may use, each tried in a process of its own."""

import subprocess
import sys

from condafs.builder.limits import LEAST_MEMORY_BYTES


def run_python(script: str) -> subprocess.CompletedProcess[str]:
    begin = "import sys, threading\nfrom condafs.builder.limits import *\n"
    return subprocess.run(
        [sys.executable, "-c", begin + script], check=False, capture_output=True, text=True, timeout=30
    )


def test_more_memory_than_allowed_is_refused_to_it_and_to_its_children() -> None:
    limit = 2 * LEAST_MEMORY_BYTES
    script = f"""
import subprocess
limit_memory({limit})
for argv in ([], [sys.executable, "-c", "bytearray({limit})"]):
    try:
        bytearray({limit}) if not argv else subprocess.run(argv, check=True, stderr=subprocess.DEVNULL)
    except (MemoryError, subprocess.CalledProcessError) as error:
        print(type(error).__name__)
"""
    assert run_python(script).stdout.split() == ["MemoryError", "CalledProcessError"]


def test_less_memory_than_rattler_can_fail_with_is_never_set() -> None:
    script = "limit_memory(1); print(resource.getrlimit(resource.RLIMIT_DATA)[0])"
    assert int(run_python(script).stdout) == LEAST_MEMORY_BYTES


def test_no_limit_is_none() -> None:
    script = "before = resource.getrlimit(resource.RLIMIT_DATA); limit_memory(0)\n"
    assert run_python(script + "assert before == resource.getrlimit(resource.RLIMIT_DATA)").returncode == 0


def test_past_the_wall_time_the_end_is_called() -> None:
    script = "over = threading.Event(); end_after(0.01, over.set); print(over.wait(20))"
    assert run_python(script).stdout == "True\n"


def test_the_end_of_the_daemon_is_the_end_of_the_builder() -> None:
    script = "r, w = os.pipe(); die_with_daemon(r); os.close(w); threading.Event().wait(20)"
    assert run_python(script).returncode == -9
