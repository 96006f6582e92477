"""The `pip:` section, with the environment's own pip."""

import os
import socket
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from condafs.builder.protocol import FailureKind, Phase
from condafs.prefix.contents import read_packages
from tests.end_to_end.builder.conftest import Workshop


@pytest.fixture
def wheels() -> Iterator[Path]:
    """A directory that everybody may read, with `zz-wheel` 1.0, a module and a command of its own."""
    with tempfile.TemporaryDirectory(prefix="condafs-wheels-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        write_wheel(directory)
        yield directory


def write_wheel(directory: Path) -> None:
    info = "zz_wheel-1.0.dist-info"
    files = {
        "zz_wheel/__init__.py": "def main():\n    print('zz-wheel runs')\n",
        "zz_wheel/broken.py": "print {{ no }}\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: zz-wheel\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nzz-wheel = zz_wheel:main\n",
    }
    record = f"{info}/RECORD"
    with zipfile.ZipFile(directory / "zz_wheel-1.0-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
        wheel.writestr(record, "".join(f"{name},,\n" for name in [*files, record]))


def test_lines_are_installed_by_the_environments_own_pip(workshop: Workshop, wheels: Path) -> None:
    request = workshop.request("zz-lib", pip=("--no-index", f"--find-links {wheels}", "zz-wheel==1.0  # a comment"))
    prefix = workshop.make(request)
    assert subprocess.check_output([prefix / "bin/zz-wheel"], text=True) == "zz-wheel runs\n"
    assert ("zz-wheel", "1.0", "pypi") in {(p.name, p.version, p.kind) for p in read_packages(prefix)}
    assert "pip | Successfully installed zz-wheel-1.0" in workshop.log.read_text()


def test_its_bytecode_is_unchecked_and_what_does_not_compile_is_noted(workshop: Workshop, wheels: Path) -> None:
    prefix = workshop.make(workshop.request(pip=("--no-index", f"--find-links {wheels}", "zz-wheel")))
    [bytecode] = prefix.glob("lib/python3*/site-packages/zz_wheel/__pycache__/__init__.*.pyc")
    assert bytecode.read_bytes()[4:8] == (1).to_bytes(4, "little")
    assert "zz_wheel/broken.py does not compile" in workshop.log.read_text()


def test_what_pip_installed_is_in_the_lock(workshop: Workshop, wheels: Path) -> None:
    prefix = workshop.make(workshop.request(pip=("--no-index", f"--find-links {wheels}", "zz-wheel")))
    lock = yaml.safe_load((prefix / "conda-meta/condafs.lock").read_text())
    [entry] = [entry for entry in lock["packages"] if "pypi" in entry]
    assert (entry["name"], entry["version"]) == ("zz-wheel", "1.0")
    assert "zz_wheel-1.0-py3-none-any.whl" in entry["pypi"]


def test_what_pip_does_not_find_fails_the_build_with_its_words(workshop: Workshop, wheels: Path) -> None:
    failed = workshop.fail(workshop.request(pip=("--no-index", f"--find-links {wheels}", "zz-nobody")))
    assert (failed.kind, failed.phase) == (FailureKind.PIP, Phase.PIP)
    assert "No matching distribution found for zz-nobody" in failed.message


def test_an_index_that_cannot_be_reached_may_pass(workshop: Workshop) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening
        line = f"--index-url http://127.0.0.1:{reserved.getsockname()[1]}/simple"
        request = workshop.request(pip=(line, "zz-wheel"), variables=(("PIP_RETRIES", "1"),))
        failed = workshop.fail(request)
    assert failed.kind is FailureKind.NETWORK
    assert "refused" in failed.message


def test_a_wheel_with_another_sum_is_refused(workshop: Workshop, wheels: Path) -> None:
    line = "zz-wheel==1.0 --hash=sha256:" + "0" * 64
    failed = workshop.fail(workshop.request(pip=("--no-index", f"--find-links {wheels}", line)))
    assert failed.kind is FailureKind.CHECKSUM


def test_what_not_everybody_may_read_is_not_read_for_a_line_by_root(workshop: Workshop, wheels: Path) -> None:
    if os.geteuid():
        pytest.skip("an ordinary user's lines name what that user may read")
    (wheels / "secret.txt").write_text("hunter2\n")
    (wheels / "secret.txt").chmod(0o600)
    workshop.fail(workshop.request(pip=(f"-r {wheels}/secret.txt",)))
    assert "hunter2" not in workshop.log.read_text()
    assert f"pip may not read {wheels}/secret.txt" in workshop.log.read_text()
