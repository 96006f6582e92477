"""The warden: what it starts, what it answers, what it ends; each time in a process of its own that has one."""

import os
import select
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

BEGIN = """
import os, sys, threading
from pathlib import Path
from condafs.builder.cage.inmate import CANNOT_START, Order
from condafs.builder.cage.keeper import CageKeeper, Limits
from condafs.builder.cage.view import View
from condafs.builder.cage.warden import fork_warden
place = Path(sys.argv[1])
keeper = CageKeeper(fork_warden())
keeper.close_ring([place], Limits(processes=20))
def start(*command, environment={}, **view):
    return keeper.start(Order(command, environment, Path("/"), View((place,), **view)), (0, 1, 2))
"""


def run(script: str, place: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, str(place)], check=False, capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


def test_status_and_output_are_the_programs(tmp_path: Path) -> None:
    assert run('print(start("/bin/sh", "-c", "echo said; exit 7").wait(), flush=True)', tmp_path) == (
        "said\nEnd(status=7, notes=())\n"
    )


def test_a_signal_is_told_as_subprocess_does(tmp_path: Path) -> None:
    assert "End(status=-9" in run('print(start("/bin/sh", "-c", "kill -9 $$").wait())', tmp_path)


def test_what_cannot_be_started_says_why(tmp_path: Path) -> None:
    said = run('print(start("/nonexistent").wait().status == CANNOT_START)', tmp_path)
    assert "/nonexistent cannot be started in its cage" in said
    assert "True" in said


def test_a_place_that_is_gone_costs_that_program_and_not_the_warden(tmp_path: Path) -> None:
    script = """
start("/bin/rmdir", str(place / "gone"), environment={}).wait()
order = Order(["/bin/true"], {}, Path("/"), View((place / "gone",)))
print(keeper.start(order, (0, 1, 2)).wait(), start("/bin/true").wait())
"""
    said = run(script, tmp_path)
    assert "its cage cannot be made" in said
    assert "End(status=127, notes=()) End(status=0, notes=())" in said


def test_variables_larger_than_any_message_arrive(tmp_path: Path) -> None:
    script = """
environment = {f"V{n}": "x" * 100_000 for n in range(10)}
print(start("/bin/sh", "-c", "echo ${#V9}", environment=environment).wait())
"""
    assert "100000\n" in run(script, tmp_path)


def test_several_run_beside_each_other_and_end_by_themselves(tmp_path: Path) -> None:
    script = """
slow = start("/bin/sh", "-c", "until [ -e $0/go ]; do sleep 0.01; done; echo slow", str(place))
print(start("/bin/sh", "-c", "sleep 600 & echo quick").wait().status, flush=True)
start("/bin/touch", str(place / "go")).wait()
print(slow.wait().status, flush=True)
"""
    assert run(script, tmp_path).split() == ["quick", "0", "slow", "0"]


def test_one_can_be_ended_with_what_is_below_it(tmp_path: Path) -> None:
    script = """
running = start("/bin/sh", "-c", "sleep 600 & wait")
running.kill()
print(running.wait())
"""
    assert "End(status=-9" in run(script, tmp_path)


def test_too_many_processes_end_what_started_them_and_nothing_else(tmp_path: Path) -> None:
    script = """
other = start("/bin/sh", "-c", "until [ -e $0/go ]; do :; done; echo other", str(place))
print(start("/bin/sh", "-c", "for i in 1 2 3 4 5; do for j in 1 2 3 4 5; do sleep 600 & done; done; wait").wait())
start("/bin/touch", str(place / "go")).wait()
print(other.wait().status, flush=True)
"""
    said = run(script, tmp_path)
    assert "more than 20 processes and threads" in said
    assert "other\n" in said


def test_as_many_one_after_the_other_are_not_too_many(tmp_path: Path) -> None:
    script = 'print(start("/bin/sh", "-c", "for i in $(seq 500); do (exit 0); done").wait())'
    assert run(script, tmp_path) == "End(status=0, notes=())\n"


def test_a_warden_that_is_killed_ends_what_it_watches_over(tmp_path: Path) -> None:
    script = """
from condafs.builder.offspring import children_of, descendants_of
running = start("/bin/sh", "-c", "echo up; sleep 600")
[warden] = children_of(os.getpid())
while len(descendants_of(warden)) < 2:
    pass
from condafs.builder.offspring import kill_descendants
kill_descendants(os.getpid())
print(running.wait())
"""
    assert "its warden was killed" in run(script, tmp_path)


def test_it_ends_with_the_builder(tmp_path: Path) -> None:
    script = """
from condafs.builder.offspring import children_of
[warden] = children_of(os.getpid())
print(warden, flush=True)
start("/bin/sh", "-c", "sleep 600")
sys.stdin.read()
os._exit(0)
"""
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN + script, str(tmp_path)], stdin=PIPE, stdout=PIPE, text=True
    ) as builder:
        assert builder.stdin
        assert builder.stdout
        warden = os.pidfd_open(int(builder.stdout.readline()))
        builder.stdin.close()
        builder.stdout.read()  # until nobody holds it any more
    assert select.select([warden], [], [], 10)[0]
    os.close(warden)


LIST_OWN = "ls /proc/$$/fd; :"
"""The shell's own, not those of the program that lists them."""


def test_beside_others_each_has_standard_input_output_and_error_and_no_descriptor_more(tmp_path: Path) -> None:
    script = f"""
first = start("/bin/sh", "-c", "echo up; until [ -e $0/go ]; do sleep 0.01; done; {LIST_OWN}", str(place))
print(start("/bin/sh", "-c", "{LIST_OWN}").wait().status, flush=True)
start("/bin/touch", str(place / "go")).wait()
print(first.wait().status, flush=True)
"""
    assert sorted(run(script, tmp_path).split()) == sorted(["up", *"012", "0", *"012", "0"])


def test_a_warden_apart_keeps_its_orders_to_itself(tmp_path: Path) -> None:
    script = f"""
from condafs.builder.cage.apart import keeper_apart
with keeper_apart([place]) as keeper:
    order = Order(("/bin/sh", "-c", "{LIST_OWN}"), {{}}, Path("/"), View((place,)))
    print(keeper.start(order, (0, 1, 2)).wait().status, flush=True)
"""
    assert run(script, tmp_path).split() == ["0", "1", "2", "0"]
