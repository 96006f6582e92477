"""condafs as a service of a box, as administrators and users see it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from tests.end_to_end.service.box import Box

CHANNEL = "/srv/channel"
CONDAFS = "/opt/condafs/bin/condafs"
PERSON = "ann"
STATE = "/var/lib/condafs"
DAEMON = "condafs.service"
SETTINGS = f"default-channels: ['file://{CHANNEL}']\nbackoff-initial-seconds: 1\n"


class Service:
    """The service.

    Args:
        box: The machine; condafs is installed there.
    """

    def __init__(self, box: Box) -> None:
        self.box = box

    def install(self, *options: str) -> None:
        """As the manual says."""
        self.write("/etc/condafs.yaml", SETTINGS)
        self.box.run(CONDAFS, "install-service", *options)
        self.box.run("usermod", "-aG", "condafs", PERSON)

    def write(self, path: str, text: str) -> None:
        """Make a file, as root."""
        self.box.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "sh", path, text=text)

    def submit(self, name: str, *dependencies: str, wait: bool = True) -> str:
        """Have an environment made, as an ordinary person; what was said."""
        path = f"/srv/{name}.yaml"
        self.write(path, f"name: {name}\ndependencies: [{', '.join(dependencies)}]\n")
        return self.box.run(CONDAFS, "build", *(["--wait"] if wait else []), path, user=PERSON).stderr

    def retire(self, name: str) -> None:
        self.box.run("rm", f"/envs/.specs/{name}.yaml", user=PERSON)

    def status(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load(self.box.run("cat", f"/envs/.status/{name}").stdout)
        return document

    def log(self, name: str) -> str:
        return self.box.run("sh", "-c", f"cat /envs/.logs/*-{name}.log").stdout

    def mounts(self) -> list[str]:
        """Mount points of condafs that everybody sees."""
        lines = self.box.run("cat", "/proc/1/mountinfo").stdout.splitlines()
        return [line.split()[4] for line in lines if "fuse.condafs" in line]

    def pid(self) -> int:
        """The daemon's."""
        return int(self.box.show(DAEMON, "MainPID")[0])

    def restart(self) -> None:
        """As often as a test wants, which systemd would take for a loop."""
        self.box.run("systemctl", "reset-failed", DAEMON)
        self.box.run("systemctl", "restart", DAEMON)

    def line(self) -> str:
        """What `systemctl status` says goes on."""
        return self.box.show(DAEMON, "StatusText")[0]

    def environments_over_http(self) -> int:
        """How many the HTTP server tells of."""
        said = self.box.run("curl", "-sS", "http://127.0.0.1:8080/api/v1/environment/").stdout
        return int(json.loads(said)["count"])

    def builds_on_disk(self) -> list[str]:
        return os.listdir(self.box.path(f"{STATE}/builds"))

    @contextmanager
    def builders_with(self, setting: str) -> Iterator[None]:
        """Another setting of their unit, for as long as a `with` block lasts."""
        drop_in = "/run/systemd/system/condafs-build@.service.d/test.conf"
        self.write(drop_in, f"[Service]\n{setting}\n")
        self._reload()
        yield
        self.box.run("rm", drop_in)
        self._reload()

    def _reload(self) -> None:
        self.box.run("systemctl", "daemon-reload")
        self.restart()  # the builder that waits is as it was before
