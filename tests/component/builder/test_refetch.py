"""Fetching an archive anew, in a process that can change nothing but the directory that it fetches into."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from condafs.builder.refetch import EXTRACTED
from condafs.config.settings import machine_platform
from tests.channel.faulty_server import FaultyServer


def fetch(url: str, sha256: str, directory: Path) -> str:
    request = json.dumps({"url": url, "sha256": sha256, "directory": str(directory)})
    command = [sys.executable, "-P", "-m", "condafs.builder.refetch"]
    done = subprocess.run(command, input=f"{request}\n", check=True, capture_output=True, text=True)
    return str(json.loads(done.stdout)["error"])


def test_an_archive_comes_and_is_extracted_nowhere_else(
    http_channel: FaultyServer, channel_path: Path, tmp_path: Path
) -> None:
    name = f"{machine_platform()}/zz-postlink-1.0-0.conda"
    sha256 = hashlib.sha256((channel_path / name).read_bytes()).hexdigest()
    for place in ("first", "second", "elsewhere"):
        (tmp_path / place).mkdir()
    (tmp_path / "second" / EXTRACTED).symlink_to(tmp_path / "elsewhere")
    url = f"{http_channel.url}/{name}"
    assert not fetch(url, sha256, tmp_path / "first")
    assert (tmp_path / "first" / EXTRACTED / "info/paths.json").is_file()
    assert "denied" in fetch(url, sha256, tmp_path / "second")
    assert not os.listdir(tmp_path / "elsewhere")
    assert "sha256" in fetch(url, "0" * 64, tmp_path / "second").lower()
