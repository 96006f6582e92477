"""The service as those use it who know nothing of it, and as an administrator looks at it."""

import json

from tests.end_to_end.service.service import CONDAFS, PERSON, STATE, Service


def test_another_user_uses_what_a_person_made(service: Service) -> None:
    box = service.box
    prefix = box.run("readlink", "-f", "/envs/hello").stdout.strip()
    script = '. /envs/hello/bin/activate && python -c "import sys; print(sys.prefix)"'
    assert box.run("sh", "-c", script, user="nobody").stdout.strip() == prefix
    assert box.run("stat", "-c", "%U", prefix, f"{prefix}/bin").stdout.split() == ["condafs-build"] * 2
    assert box.run("stat", "-c", "%U", "/envs/.specs/hello.yaml").stdout.strip() == PERSON
    assert box.run("sh", "-c", f"stat -c %U {STATE}/logs/*-hello.log").stdout.strip() == "condafs"


def test_systemctl_says_what_goes_on_until_somebody_cancels(service: Service) -> None:
    box = service.box
    service.submit("slow", "zz-slowlink", wait=False)
    box.wait_until(lambda: "building slow (post-link" in service.line(), "the status line")
    assert service.line().startswith("serving /envs: ")
    assert box.run("pgrep", "-u", "condafs-build", "sleep").stdout
    box.run(CONDAFS, "cancel", "slow", user=PERSON)
    box.wait_until(lambda: box.run("pgrep", "-u", "condafs-build", "sleep", check=False).returncode == 1, "the end")
    service.retire("slow")


def test_the_journal_knows_environments_and_builds(service: Service) -> None:
    box = service.box
    service.submit("noted", "zz-noarch-data")
    build = box.run("readlink", "/envs/noted").stdout.strip()
    box.run("journalctl", "--sync")
    lines = box.run("journalctl", "-o", "json", f"CONDAFS_BUILD={build}").stdout.splitlines()
    entries = [json.loads(line) for line in lines]
    assert any("published after" in entry["MESSAGE"] for entry in entries)
    assert {entry["CONDAFS_ENV"] for entry in entries} == {"noted"}
    builder = next(entry for entry in entries if entry["_SYSTEMD_UNIT"].startswith("condafs-build@"))
    assert builder["MESSAGE"].endswith(f"builds {build}, attempt 1")
    assert "noted" not in box.journal("CONDAFS_ENV=hello")


def test_deleted_builds_are_gone_from_the_disk(service: Service) -> None:
    service.submit("twice", "zz-noarch-data =1.0")
    service.submit("twice", "zz-noarch-data =2.0")
    old = service.box.run("readlink", "/envs/twice@-1").stdout.strip()
    assert old in service.builds_on_disk()
    service.box.run("rm", f"/envs/{old}", user=PERSON)
    service.box.wait_until(lambda: not any(old in name for name in service.builds_on_disk()), "it goes")


def test_an_export_is_read_from_what_belongs_to_another_user(service: Service) -> None:
    listed = service.box.run("sh", "-c", "tar tf /envs/hello.tar | grep -c conda-meta", user="nobody").stdout
    assert int(listed) > 1


def test_the_http_server_answers_and_submits_as_its_own_user(service: Service) -> None:
    box = service.box
    address = "http://127.0.0.1:8080/api/v1"
    assert service.environments_over_http() >= 1
    assert json.loads(box.run("curl", "-sS", "--unix-socket", "/run/condafs-http/socket", "http://x/api/v1/").stdout)
    token = box.run(CONDAFS, "token", "create", "ann", "--role", "editor").stdout.strip()
    headers = ["-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"]
    body = json.dumps({"specification": "name: web\ndependencies: [zz-noarch-data]"})
    said = box.run("curl", "-sS", *headers, "-d", body, f"{address}/specification/").stdout
    assert json.loads(said)["status"] == "ok", said
    box.wait_until(lambda: box.run("readlink", "/envs/web", check=False).returncode == 0, "it is built")
    assert box.run("stat", "-c", "%U", "/envs/.specs/web.yaml").stdout.strip() == "condafs-http"
    solved = box.run("curl", "-sS", *headers, f"{address}/specification/?conda=zz-noarch-data").stdout
    assert [package["name"] for package in json.loads(solved)["solve"]] == ["zz-noarch-data"]


def test_files_that_the_settings_name_are_mirrored(service: Service) -> None:
    box = service.box
    service.write("/srv/specs/mirrored.yaml", "name: mirrored\ndependencies: [zz-noarch-data]\n")
    box.run("sed", "-i", "1i watch: [/srv/specs]", "/etc/condafs.yaml")
    service.restart()
    box.wait_until(lambda: box.run("readlink", "/envs/mirrored", check=False).returncode == 0, "it is built")
    box.run("sed", "-i", "/^watch:/d", "/etc/condafs.yaml")
    service.restart()
