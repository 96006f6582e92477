"""Bytecode of modules that are not the same in every environment."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from condafs.demo.channel import Channel
from condafs.demo.interpreter import running_interpreter
from condafs.demo.package import PLACEHOLDER, Package, PackageFile
from tests.end_to_end.builder.conftest import Workshop


@pytest.fixture
def channel(tmp_path: Path) -> str:
    """A channel with two packages that ship one module, and one whose module has the prefix in it."""
    channel = Channel(tmp_path / "channel")
    for letter in "ab":
        files = (
            PackageFile("site-packages/zz_shared/__init__.py", f"OF = {letter!r}\n".encode()),
            PackageFile(f"site-packages/zz_shared/{letter}.py", b"VALUE = 1\n"),
        )
        channel.add(Package(f"zz-shares-{letter}", "1.0", files, depends=("python",), noarch="python"))
    placed = PackageFile("site-packages/zz_placed.py", f"PREFIX = '{PLACEHOLDER}'\n".encode(), placeholder="text")
    channel.add(Package("zz-placed", "1.0", (placed,), depends=("python",), noarch="python"))
    channel.finish()
    return (tmp_path / "channel").as_uri()


def import_and_print(prefix: Path, expression: str) -> str:
    module = expression.split(".", maxsplit=1)[0]
    code = f"import {module}; print({expression})"
    return subprocess.check_output([prefix / "bin/python", "-c", code], text=True).strip()


def test_of_a_contested_module_the_winners_source_is_compiled(workshop: Workshop, channel: str) -> None:
    prefix = workshop.make(workshop.request("zz-shares-a", "zz-shares-b", channels=(channel, workshop.channel)))
    source = next(prefix.glob("lib/python3*/site-packages/zz_shared/__init__.py")).read_text()
    assert f"OF = {import_and_print(prefix, 'zz_shared.OF')!r}\n" == source
    assert list(prefix.glob("lib/python3*/site-packages/zz_shared/__pycache__/__init__.*.pyc"))


def test_a_module_with_the_prefix_in_it_has_each_environments_own(workshop: Workshop, channel: str) -> None:
    channels = (channel, workshop.channel)
    for dependencies in (("zz-placed",), ("zz-placed", "zz-lib")):
        prefix = workshop.make(workshop.request(*dependencies, channels=channels))
        assert import_and_print(prefix, "zz_placed.PREFIX") == str(prefix)
        assert list(prefix.glob("lib/python3*/site-packages/__pycache__/zz_placed.*.pyc"))


EVIL = f"""#!/bin/sh
echo '{{"tag": "{sys.implementation.cache_tag}", "magic": "{importlib.util.MAGIC_NUMBER.hex()}"}}'
while read -r line; do
  while [ "${{line#*'"]'}}" != "$line" ]; do
    start=${{line%%'"]'*}}
    echo evil > "${{start##*'"'}}"
    line=${{line#*'"]'}}
  done
  echo '{{"failed": [], "errno": null, "why": ""}}'
done
"""
"""Takes itself for the python of this channel, and makes what it likes of modules."""


@pytest.fixture
def evil(tmp_path: Path) -> str:
    """A channel with a python of its own."""
    channel = Channel(tmp_path / "evil")
    python = running_interpreter()
    program = PackageFile(f"bin/python{python.minor}", EVIL.encode(), 0o755)
    channel.add(Package("python", python.version, (program,), build="h0_0_evil"))
    channel.finish()
    return (tmp_path / "evil").as_uri()


def bytecode_of(prefix: Path) -> bytes:
    [path] = prefix.glob("lib/python3*/site-packages/zz_noarch_py/__pycache__/part.*.pyc")
    return path.read_bytes()


def test_what_another_python_of_the_same_tag_makes_is_in_its_own_environments_only(
    workshop: Workshop, evil: str
) -> None:
    workshop = workshop.with_own_cache()
    request = workshop.request("zz-noarch-py", channels=(evil, workshop.channel))
    assert bytecode_of(workshop.make(request)) == b"evil\n"
    genuine = workshop.make(workshop.request("zz-noarch-py"))
    assert bytecode_of(genuine)[:4] == importlib.util.MAGIC_NUMBER
