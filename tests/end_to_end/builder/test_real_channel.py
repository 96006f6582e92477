"""Environments of a larger channel, which `CONDAFS_TEST_CHANNEL` names: every python that it has."""

import os
import subprocess
from dataclasses import replace

import pytest

from tests.end_to_end.builder.conftest import Workshop

CHANNEL = os.environ.get("CONDAFS_TEST_CHANNEL", "")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


@pytest.mark.skipif(not CHANNEL, reason="CONDAFS_TEST_CHANNEL names no channel")
@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_compiles_and_imports(workshop: Workshop, python: str) -> None:
    place = replace(workshop, channel=CHANNEL)
    outcome = place.run(place.request(f"python {python}.*", "requests"))
    if getattr(outcome, "kind", None) == "unsatisfiable":
        pytest.skip(f"the channel has no python {python}")
    prefix = place.make(place.request(f"python {python}.*", "requests"))
    tag = f"cpython-{python.replace('.', '')}"
    site_packages = prefix / f"lib/python{python}/site-packages"
    for package in ("requests", "urllib3", "idna"):
        modules = {path.stem for path in (site_packages / package).glob("*.py")}
        compiled = {
            path.name.split(".", maxsplit=1)[0] for path in (site_packages / package).glob(f"__pycache__/*.{tag}.pyc")
        }
        assert modules == compiled
    code = "import requests, sys; print(requests.__file__, sys.prefix)"
    ran = subprocess.check_output([prefix / "bin/python", "-c", code], text=True).split()
    assert ran == [str(site_packages / "requests/__init__.py"), str(prefix)]
