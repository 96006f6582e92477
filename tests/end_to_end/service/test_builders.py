"""What ends a builder costs one try, and is said."""

from tests.end_to_end.service.service import Service


def test_memory_that_runs_out(service: Service) -> None:
    with service.builders_with("MemoryMax=300M"):
        service.submit("greedy", "zz-greedy", wait=False)
        service.box.wait_until(lambda: "try 1 of 5 failed (killed)" in service.log("greedy"), "the try fails")
        error = service.status("greedy")["last_error"]
        assert "memory" in str(error)
        service.retire("greedy")
    assert "modest is ready" in service.submit("modest", "zz-noarch-data")


def test_a_unit_that_is_killed(service: Service) -> None:
    box = service.box
    service.submit("killed", "zz-slowlink", wait=False)
    box.wait_until(lambda: "zz-slowlink waits" in service.log("killed"), "the script runs")
    script = box.run("pgrep", "-o", "-u", "condafs-build", "sleep").stdout.strip()
    unit = box.run("ps", "-o", "unit=", "-p", script).stdout.strip()
    assert unit.startswith("condafs-build@")
    box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", unit)
    box.wait_until(lambda: "try 1 of 5 failed (killed)" in service.log("killed"), "the try fails")
    assert "failed (killed): the builder was killed by SIGKILL" in service.log("killed")
    assert "the builder was killed by SIGKILL" in str(service.status("killed")["last_error"])
    service.retire("killed")


def test_one_that_takes_too_long(service: Service) -> None:
    with service.builders_with("RuntimeMaxSec=6"):
        service.submit("late", "zz-slowlink", "zz-lib", wait=False)
        service.box.wait_until(lambda: "try 1 of 5 failed (killed)" in service.log("late"), "the try fails")
        assert "it ran too long (RuntimeMaxSec= of condafs-build@.service)" in service.log("late")
        service.retire("late")
