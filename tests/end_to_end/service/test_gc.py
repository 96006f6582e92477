"""Collections: when the daemon asks, and every day."""

from tests.end_to_end.service.service import DAEMON, STATE, Service

NOW = r"gc-keep-days: 0\ngc-keep-generations: 0\ngc-keep-packages-days: 0"


def test_the_daemon_has_somebody_collect_by_making_a_file(service: Service) -> None:
    box = service.box
    service.submit("spent", "zz-noarch-data =1.0")
    build = box.run("readlink", "/envs/spent").stdout.strip()
    assert build in service.builds_on_disk()
    assert "zz-noarch-data-1.0" in box.run("ls", f"{STATE}/packages/pkgs").stdout
    box.run("sed", "-i", f"1i {NOW}", "/etc/condafs.yaml")
    service.retire("spent")
    box.wait_until(lambda: bool(service.status("spent")["retired"]), "it is retired")  # a file may be being replaced
    box.run("touch", "/run/condafs/collect", user="condafs")
    box.wait_until(lambda: not box.path("/run/condafs/collect").exists(), "it is answered")
    box.wait_until(lambda: box.show("condafs-gc.service", "ActiveState") == ["inactive"], "the collection ends")
    assert box.show("condafs-gc.service", "Result") == ["success"]
    told = box.journal("-u", "condafs-gc.service")
    box.wait_until(lambda: not any(build in name for name in service.builds_on_disk()), f"its files go, after {told}")
    assert "may not" not in told
    box.wait_until(
        lambda: "zz-noarch-data-1.0" not in box.run("ls", f"{STATE}/packages/pkgs").stdout,
        f"nobody has that package, after {told}",
    )
    box.run("sed", "-i", "/^gc-keep/d", "/etc/condafs.yaml")


def test_a_process_of_another_user_keeps_what_it_uses(service: Service) -> None:
    box = service.box
    box.run("systemctl", "start", "condafs-gc.service")
    assert box.show("condafs-gc.service", "Result") == ["success"]
    assert service.status("hello")["state"] == "ready"
    assert box.show("condafs-gc.timer", "ActiveState") == ["active"]
    assert box.show(DAEMON, "ActiveState") == ["active"]
