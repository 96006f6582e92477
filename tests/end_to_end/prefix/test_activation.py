"""Sourcing the script through the name pins the session to the build, in each shell, with a real python."""

import json
import subprocess
from shlex import quote

import pytest

from tests.end_to_end.prefix.conftest import Builds

SESSIONS = {
    "sh": ". {activate}; {flip}; {python}; deactivate; {gone}",
    "bash": "set -eu; source {activate}; {flip}; {python}; deactivate; {gone}",
    "dash": "set -eu; . {activate}; {flip}; {python}; deactivate; {gone}",
    "zsh": "set -eu; source {activate}; {flip}; {python}; deactivate; {gone}",
    "fish": "source {activate}.fish; {flip}; {python}; deactivate; {gone}",
}
LOOK = (
    "import generation, json, os, sys; "
    "print(json.dumps([sys.prefix, sys.executable, generation.NUMBER, os.environ['CONDA_PREFIX'],"
    " os.environ['GENERATION']]))"
)


@pytest.mark.parametrize("shell", SESSIONS)
def test_a_session_stays_on_the_build_that_it_activated(builds: Builds, shell: str) -> None:
    script = SESSIONS[shell].format(
        activate=builds.name / "bin/activate",
        flip=f"ln -sfn {builds.second} {builds.name}",
        python=f"python -c {quote(LOOK)}",
        gone='echo "<$CONDA_PREFIX>"' if shell == "fish" else 'echo "<${CONDA_PREFIX-}>"',
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(builds.name.parent), "PYTHONHOME": "/nowhere"}
    out = subprocess.check_output([shell, "-c", script], text=True, env=environment, timeout=60)
    seen, gone = out.splitlines()
    first = str(builds.first)
    assert json.loads(seen) == [first, f"{first}/bin/python{builds.python}", 1, first, "1"]
    assert gone == "<>"
