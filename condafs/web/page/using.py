"""What to type to use an environment: here, in a container, on another machine."""

from dataclasses import dataclass
from pathlib import Path

from condafs.catalog.records import BuildRecord
from condafs.repository import repository_name
from condafs.web.ids import build_id


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to copy.

    Attributes:
        label: What it is for.
        text: To be typed.
        note: What else is to be known.
    """

    label: str
    text: str
    note: str = ""


def commands_for(current: BuildRecord, mount: Path, base_url: str, *, is_open: bool) -> list[Command]:
    """Those for the current build of an environment.

    Args:
        current: It.
        mount: Where condafs is mounted on the server's machine.
        base_url: How the server is called from outside.
        is_open: Whether reading needs no token.
    """
    name = current.name.text
    repository = repository_name(name)
    host = base_url.partition("://")[2]
    login = "" if is_open else '-H "Authorization: Bearer $CONDAFS_TOKEN" '
    archive = f"{base_url}/api/v1/build/{build_id(current.digest)}/archive/"
    return [
        Command("On this machine", f"source {mount}/{name}/bin/activate"),
        Command(
            "In a container",
            f"docker pull {host}/{repository}",
            f"podman, skopeo and containerd take it, too; {repository}:{current.digest.short} stays this build",
        ),
        Command(
            "On another machine",
            f"mkdir {name} && curl -fsS {login}{archive} | tar xz -C {name} && {name}/bin/conda-unpack",
            "Works anywhere on Linux with the same processor; needs neither conda nor condafs",
        ),
    ]
