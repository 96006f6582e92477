"""A request, and a log, of a build that scripts stand in for."""

from pathlib import Path

import pytest

from condafs.builder.protocol import BuildRequest


@pytest.fixture
def request_to_build(tmp_path: Path) -> BuildRequest:
    return BuildRequest("0" * 64 + "-foo", "{}", str(tmp_path / "prefix"), str(tmp_path / "packages"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"
