"""Restarts, kills, ends: who works in the mount notices as little as can be, and nothing is left behind."""

from tests.end_to_end.service.service import DAEMON, Service


def test_a_restart_keeps_the_mount(service: Service) -> None:
    before = service.box.run("stat", "-c", "%d", "/envs").stdout
    service.restart()
    assert service.box.run("stat", "-c", "%d", "/envs").stdout == before
    assert service.mounts() == ["/envs"]


def test_a_killed_daemon_is_started_again_and_keeps_the_mount(service: Service) -> None:
    box, old = service.box, service.pid()
    before = box.run("stat", "-c", "%d", "/envs").stdout
    box.run("kill", "-KILL", str(old))
    assert box.run("cat", "/envs/.status/hello", user="nobody").stdout  # waits for the next one
    assert service.pid() not in (0, old)
    assert service.environments_over_http() >= 1
    assert box.run("stat", "-c", "%d", "/envs").stdout == before


def test_a_mount_that_was_taken_away_is_made_again(service: Service) -> None:
    box = service.box
    box.run("systemctl", "reset-failed", DAEMON)
    box.run("umount", "-l", "/envs")
    box.wait_until(lambda: service.mounts() == ["/envs"] and service.line() != "", "it is mounted")
    assert box.run("cat", "/envs/.status/hello", user="nobody").stdout


def test_stopping_leaves_no_mount(service: Service) -> None:
    box = service.box
    box.run("systemctl", "stop", DAEMON)
    box.run("systemctl", "reset-failed", DAEMON)
    assert service.mounts() == []
    assert box.run("pgrep", "-u", "condafs-build", check=False).stdout == ""
    box.run("systemctl", "start", DAEMON)
    assert service.mounts() == ["/envs"]
    assert service.environments_over_http() >= 1


def test_a_daemon_that_crashes_for_ever_is_given_up_and_leaves_the_machine_clean(service: Service) -> None:
    box = service.box
    box.run("sed", "-i", "1i jobs: none", "/etc/condafs.yaml")
    box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", DAEMON)
    box.wait_until(lambda: box.show(DAEMON, "ActiveState") == ["failed"], "it is given up")
    box.wait_until(lambda: service.mounts() == [], "its mount goes")
    assert box.run("ls", "-A", "/envs", user="nobody").stdout == ""
    box.run("sed", "-i", "/^jobs: none$/d", "/etc/condafs.yaml")
    box.run("systemctl", "reset-failed", DAEMON)
    box.run("systemctl", "start", DAEMON)
    assert service.status("hello")["state"] == "ready"
