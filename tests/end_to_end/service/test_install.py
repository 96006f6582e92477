"""Putting the service into place, again, and taking it away."""

import json
import stat
from pathlib import Path

import pytest

from tests.end_to_end.service.box import Box
from tests.end_to_end.service.conftest import install_condafs
from tests.end_to_end.service.service import CONDAFS, DAEMON, PERSON, SETTINGS, STATE, Service

NOTHING_TO_DO = "Everything is as it should be.\n"


@pytest.fixture
def fresh(box: Box) -> Service:
    """A machine on which condafs is no service."""
    box.run(CONDAFS, "uninstall-service", "--purge")
    return Service(box)


def test_installed_again_it_changes_nothing_and_goes_on(fresh: Service) -> None:
    fresh.install()
    pid = fresh.pid()
    assert fresh.box.run(CONDAFS, "install-service").stdout == NOTHING_TO_DO
    assert fresh.pid() == pid


def test_after_an_upgrade_it_runs_what_was_installed(fresh: Service) -> None:
    fresh.install()
    pid = fresh.pid()
    fresh.box.run("sh", "-c", "touch /opt/condafs/lib/python3*/site-packages/condafs/daemon.py")
    assert fresh.box.run(CONDAFS, "install-service").stdout == f"did: start {DAEMON}\n"
    assert fresh.pid() not in (0, pid)


def test_a_dry_run_says_what_would_be_done(fresh: Service) -> None:
    said = fresh.box.run(CONDAFS, "install-service", "--mountpoint", "/srv/envs", "--dry-run", "--json").stdout
    steps = {step["step"]: step["result"] for step in json.loads(said)}
    assert steps["write /etc/systemd/system/condafs.service"] == "planned"
    assert steps[f"start {DAEMON}"] == "planned"
    assert not fresh.box.path("/etc/systemd/system/condafs.service").exists()


def test_it_can_wait_for_the_next_start_of_the_machine(fresh: Service) -> None:
    fresh.install("--no-start", "--mountpoint", "/srv/envs")
    assert fresh.box.show(DAEMON, "ActiveState", "UnitFileState") == ["inactive", "enabled"]
    fresh.box.run("systemctl", "start", DAEMON)
    assert fresh.mounts() == ["/srv/envs"]
    assert "write" not in fresh.box.run(CONDAFS, "install-service").stdout  # it is known where it serves
    for path in ("/etc/condafs.yaml", "/etc/systemd/system/condafs.service"):
        assert stat.S_IMODE(fresh.box.path(path).stat().st_mode) == 0o644


def test_it_moves_to_another_mount_point(fresh: Service) -> None:
    fresh.install()
    fresh.submit("moved", "zz-noarch-data")
    fresh.box.run(CONDAFS, "install-service", "--mountpoint", "/srv/envs")
    assert fresh.mounts() == ["/srv/envs"]
    assert not fresh.box.path("/envs").exists()
    assert fresh.box.run("readlink", "/srv/envs/moved", user=PERSON).stdout


def test_what_root_served_before_is_handed_over(fresh: Service) -> None:
    box = fresh.box
    fresh.write("/etc/condafs.yaml", SETTINGS)
    box.run("mkdir", "-p", "/envs")
    box.run(CONDAFS, "mount", "/envs", "--daemonize")
    fresh.submit("old", "zz-noarch-data")
    box.run("umount", "/envs")
    box.wait_until(lambda: box.run("pgrep", "-f", "condafs mount", check=False).returncode == 1, "its end")
    fresh.install()
    assert box.run("readlink", "/envs/old", user="nobody").stdout
    owners = box.run("sh", "-c", f"stat -c %U {STATE}/*/ {STATE}/*/*").stdout
    assert set(owners.split()) == {"condafs", "condafs-build"}
    assert "new is ready" in fresh.submit("new", "zz-noarch-data")


def test_uninstalling_keeps_environments_and_settings(fresh: Service) -> None:
    box = fresh.box
    fresh.install("--http")
    fresh.submit("kept", "zz-noarch-data")
    box.run(CONDAFS, "uninstall-service")
    assert fresh.mounts() == []
    places = "/etc/systemd/system/*condafs* /etc/systemd/system/*/*condafs* /etc/*.d/condafs.conf /envs"
    assert box.run("sh", "-c", f"ls -d {places}", check=False).stdout == ""
    assert box.run("cat", "/etc/condafs.yaml").stdout == SETTINGS
    assert len(fresh.builds_on_disk()) == 1
    assert box.run(CONDAFS, "uninstall-service").stdout == NOTHING_TO_DO
    fresh.install()
    assert box.run("readlink", "/envs/kept").stdout


def test_purging_leaves_nothing(fresh: Service) -> None:
    fresh.install("--http")
    fresh.box.run(CONDAFS, "uninstall-service")
    fresh.box.run(CONDAFS, "uninstall-service", "--purge")
    for path in (STATE, "/var/lib/condafs-http", "/var/lib/condafs-build", "/etc/condafs.yaml", "/run/condafs-build"):
        assert not fresh.box.path(path).exists()
    assert fresh.box.run("id", "condafs", check=False).returncode == 1


def test_who_is_not_root_is_told_what_to_type(fresh: Service) -> None:
    refused = fresh.box.run(CONDAFS, "install-service", user=PERSON, check=False)
    assert refused.returncode == 2
    assert f"sudo {CONDAFS} install-service" in refused.stderr


def test_a_place_that_the_service_cannot_reach_is_refused(fresh: Service, wheel: Path) -> None:
    install_condafs(fresh.box, wheel, "/root/venv")
    refused = fresh.box.run("/root/venv/bin/condafs", "install-service", check=False)
    assert refused.returncode == 4
    assert "/root/venv/bin/python is in /root" in refused.stderr
    assert not fresh.box.path("/etc/systemd/system/condafs.service").exists()


def test_a_broken_settings_file_is_shown_and_left_alone(fresh: Service) -> None:
    fresh.write("/etc/condafs.yaml", "jbos: 4\n")
    refused = fresh.box.run(CONDAFS, "install-service", check=False)
    assert refused.returncode == 2
    assert "did you mean `jobs`?" in refused.stderr
    assert not fresh.box.path("/etc/systemd/system/condafs.service").exists()
    assert fresh.box.run("cat", "/etc/condafs.yaml").stdout == "jbos: 4\n"
    fresh.box.run("rm", "/etc/condafs.yaml")


def test_a_service_whose_settings_are_broken_can_be_taken_away(fresh: Service) -> None:
    fresh.install()
    fresh.box.run("sh", "-c", "echo 'jbos: 4' >> /etc/condafs.yaml")
    fresh.box.run(CONDAFS, "uninstall-service", "--purge")
    assert fresh.mounts() == []
    assert not fresh.box.path(STATE).exists()


def test_a_person_has_a_service_of_their_own(fresh: Service) -> None:
    box = fresh.box
    runtime = "/run/user/4000"
    box.run("install", "-d", "-m", "700", "-o", PERSON, "-g", PERSON, runtime)
    properties = [f"--uid={PERSON}", f"--setenv=XDG_RUNTIME_DIR={runtime}", "--property=Delegate=yes", "--unit=own"]
    box.run("systemd-run", "--quiet", *properties, "/lib/systemd/systemd", "--user")
    own = ["env", f"XDG_RUNTIME_DIR={runtime}", f"HOME=/home/{PERSON}"]
    question = [*own, "systemctl", "--user", "is-system-running"]
    box.wait_until(lambda: "ing" in box.run(*question, user=PERSON, check=False).stdout, "it answers")
    box.run(*own, "mkdir", "-p", f"/home/{PERSON}/.config", user=PERSON)
    box.run("sh", "-c", f"cat > /home/{PERSON}/.config/condafs.yaml", text=SETTINGS)
    said = box.run(*own, CONDAFS, "install-service", "--user", user=PERSON)
    assert f"condafs serves /home/{PERSON}/envs" in said.stderr
    assert box.run(*own, CONDAFS, "install-service", "--user", user=PERSON).stdout == NOTHING_TO_DO
    assert fresh.mounts() == [f"/home/{PERSON}/envs"]
    fresh.submit("mine", "zz-noarch-data")
    before = box.run("stat", "-c", "%d", f"/home/{PERSON}/envs", user=PERSON).stdout
    box.run(*own, "systemctl", "--user", "kill", "--signal=KILL", "--kill-whom=main", "condafs", user=PERSON)
    assert box.run("cat", f"/home/{PERSON}/envs/.status/mine", user=PERSON).stdout  # waits for the next one
    box.run(*own, "systemctl", "--user", "restart", "condafs", user=PERSON)
    assert box.run("stat", "-c", "%d", f"/home/{PERSON}/envs", user=PERSON).stdout == before
    box.run(*own, CONDAFS, "uninstall-service", "--user", user=PERSON)
    assert fresh.mounts() == []
    box.run("systemctl", "stop", "own.service")
