"""A machine on which condafs was installed with pip, from the wheel that people get."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.service.box import SYSTEMD, Box
from tests.end_to_end.service.service import CHANNEL, PERSON, Service

HOUSE = Path(__file__).parents[3]
LIBRARIES = "/opt/libraries"
PYTHON = "/opt/python"
PIP = (sys.executable, "-m", "pip")


@pytest.fixture(scope="session")
def wheel() -> Iterator[Path]:
    """condafs as a wheel."""
    directory = Path(tempfile.mkdtemp(prefix="condafs-wheel-"))
    options = ["--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*PIP, "wheel", *options, "-w", directory, HOUSE], check=True, capture_output=True)
    yield next(directory.glob("*.whl"))
    shutil.rmtree(directory)


@contextmanager
def booted(channel: Path) -> Iterator[Box]:
    """A machine with a person, a channel, and what condafs needs; without condafs."""
    if os.geteuid() != 0 or not SYSTEMD.exists():
        pytest.skip("root boots machines, and with systemd")
    box = Box({LIBRARIES: Path(sysconfig.get_path("purelib")), PYTHON: Path(sys.base_prefix), CHANNEL: channel})
    try:
        box.boot()
        if sysconfig.get_config_var("Py_ENABLE_SHARED"):  # its library is where it was built for; here it has moved
            box.run("sh", "-c", f"echo {PYTHON}/lib > /etc/ld.so.conf.d/00-python.conf && ldconfig")
        box.run("useradd", "--create-home", "--uid", "4000", "--shell", "/bin/sh", PERSON)
        yield box
    finally:
        box.shut_down()


def install_condafs(box: Box, wheel: Path, place: str = "/opt/condafs") -> None:
    """As pip does; its dependencies are those of the tests, seen through a path file."""
    minor = f"python3.{sys.version_info.minor}"
    site = f"{place}/lib/{minor}/site-packages"
    box.run(f"{PYTHON}/bin/{minor}", "-m", "venv", "--without-pip", place)
    box.run("sh", "-c", f"echo {LIBRARIES} > {site}/libraries.pth")
    shutil.copy(wheel, box.path("/opt"))  # what was made here after the box was booted may not be seen there
    options = ["--no-index", "--no-deps", "--ignore-installed", "--quiet"]
    box.run(*PIP, "--python", f"{place}/bin/python", "install", *options, f"/opt/{wheel.name}")


@pytest.fixture(scope="module")
def box(wheel: Path, channel_path: Path) -> Iterator[Box]:
    """A machine with condafs, which is not a service yet."""
    with booted(channel_path) as box:
        install_condafs(box, wheel)
        yield box


@pytest.fixture(scope="session")
def service(wheel: Path, channel_path: Path) -> Iterator[Service]:
    """The service of a machine, with the environment `hello`. Tests leave it as it was: running."""
    with booted(channel_path) as box:
        install_condafs(box, wheel)
        found = Service(box)
        found.install("--http")
        found.submit("hello", "python", "condafs-hello")
        yield found
        journal = box.journal()
        assert "Traceback" not in journal, journal[journal.index("Traceback") - 2000 :][:6000]
