"""What programs that run for a build see of the daemon, and how their output is read."""

import os
from pathlib import Path

import pytest

from condafs.builder.programs import LONGEST_LINE, clean_environment, read_lines


def test_programs_see_how_the_machine_reaches_the_network_and_nothing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "BASH_ENV", "PYTHONPATH", "PIP_TARGET", "CONDA_PREFIX", "LD_PRELOAD"):
        monkeypatch.setenv(name, "hostile")
    for name in ("https_proxy", "PIP_INDEX_URL", "LC_ALL", "HOME"):
        monkeypatch.setenv(name, "useful")
    environment = clean_environment(Path("/p"), {"OWN": "1"}, has_network=True)
    assert "hostile" not in environment.values()
    assert {name for name, value in environment.items() if value == "useful"} == {
        "https_proxy",
        "PIP_INDEX_URL",
        "LC_ALL",
        "HOME",
    }
    assert environment["OWN"] == "1"
    assert environment["PATH"].startswith("/p/bin:")


def test_programs_without_network_do_not_see_how_the_machine_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "ALL_PROXY", "PIP_INDEX_URL", "PIP_PROXY", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE"):
        monkeypatch.setenv(name, "https://user:secret@host.invalid")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    environment = clean_environment(Path("/p"), {}, has_network=False)
    assert "secret" not in str(environment)
    assert environment["LC_ALL"] == "C.UTF-8"


def test_a_line_without_end_is_broken_and_not_kept_in_memory() -> None:
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.close(read_end)
        for _ in range(64):
            os.write(write_end, b"x" * 65536)
        os._exit(0)
    os.close(write_end)
    lines = list(read_lines(read_end))
    os.close(read_end)
    os.wait()
    assert sum(map(len, lines)) == 64 * 65536
    assert max(map(len, lines)) < 2 * LONGEST_LINE
