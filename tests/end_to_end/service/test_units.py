"""The units as systemd judges them, and what processes are in fact."""

import re

import pytest

from condafs.service.templates import SYSTEM_UNITS
from tests.end_to_end.service.service import STATE, Service


def test_they_are_in_order(service: Service) -> None:
    units = [unit.replace("@", "@instance") for unit in SYSTEM_UNITS]
    done = service.box.run("systemd-analyze", "verify", *units)
    assert [line for line in (done.stdout + done.stderr).splitlines() if "condafs" in line] == []


@pytest.mark.parametrize(
    ("unit", "most"), [("condafs.service", 1.0), ("condafs-build@.service", 2.0), ("condafs-http.service", 2.0)]
)
def test_little_is_exposed(service: Service, unit: str, most: float) -> None:
    path = f"/etc/systemd/system/{unit}"
    said = service.box.run("systemd-analyze", "security", "--offline=yes", "--no-pager", path).stdout
    match = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert match, said
    assert float(match[1]) <= most, said


def test_the_daemon_is_nobody_special(service: Service) -> None:
    text = service.box.run("cat", f"/proc/{service.pid()}/status").stdout
    fields = dict(re.findall(r"(\w+):\t(.*)", text))
    uid = service.box.run("id", "-u", "condafs").stdout.strip()
    assert set(fields["Uid"].split()) == {uid}
    assert {int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


def test_daemon_and_builder_cannot_write_what_is_not_theirs(service: Service) -> None:
    box = service.box
    daemon = ["nsenter", "-t", str(service.pid()), "--mount"]
    for place in (f"{STATE}/builds", "/etc", "/usr/bin"):
        assert "Read-only" in box.run(*daemon, "touch", f"{place}/x", check=False).stderr  # though it is root who tries
    assert box.run("ls", f"{STATE}/packages", user="condafs", check=False).returncode == 2
    for place in ("catalog", "specs", "logs", "exports"):
        assert "denied" in box.run("touch", f"{STATE}/{place}/x", user="condafs-build", check=False).stderr
    assert "Permission denied" in box.run("touch", f"{STATE}/builds/x", user="condafs", check=False).stderr
