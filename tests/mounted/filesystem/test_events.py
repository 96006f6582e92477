"""Who did what, and on whose behalf, as the mount remembers it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.mounted.conftest import Daemon, specification, until


def events(daemon: Daemon) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (daemon.mount / ".history/foo/.events").read_text().splitlines()]


def told(daemon: Daemon) -> list[tuple[Any, ...]]:
    return [(event["kind"], event.get("uid"), event.get("behalf", "")) for event in events(daemon)]


def put(daemon: Daemon, label: str, text: str) -> None:
    """As the HTTP server does it."""
    temporary = daemon.specs / f".by={label}=ab12cd"
    temporary.write_text(text)
    temporary.replace(daemon.specs / "foo.yaml")


def settle(daemon: Daemon) -> None:
    until(lambda: daemon.status()["state"] not in {"queued", "building"}, "foo is settled")


def test_a_submission_and_a_roll_back_are_told_with_their_labels(daemon: Daemon) -> None:
    me = os.geteuid()
    daemon.write("one")
    put(daemon, "ci", specification("two"))
    settle(daemon)
    link = daemon.mount / ".by=ann@example.org=ab12cd"
    link.symlink_to("foo@-1")
    link.replace(daemon.mount / "foo")
    assert told(daemon) == [
        ("submitted", me, ""),
        ("started", None, ""),
        ("published", None, ""),
        ("moved", None, ""),
        ("submitted", me, "ci"),
        ("started", None, ""),
        ("published", None, ""),
        ("moved", None, ""),
        ("moved", me, "ann@example.org"),
    ]
    daemon.restart()
    assert len(told(daemon)) == 9


def test_a_label_is_kept_however_quickly_the_file_is_renamed(daemon: Daemon) -> None:
    for number in range(20):
        put(daemon, f"ci-{number}", specification(f"p{number}"))
        settle(daemon)
    labels = [event["behalf"] for event in events(daemon) if event["kind"] == "submitted"]
    assert labels == [f"ci-{number}" for number in range(20)]


def test_failures_and_refusals_are_told(daemon: Daemon) -> None:
    path = daemon.write("one", script="fail")
    with pytest.raises(OSError, match="Invalid argument"):
        path.write_text("name: [")
    with pytest.raises(OSError, match="Bad message"):
        put(daemon, "ci", "name: [")
    assert told(daemon)[-2:] == [("refused", os.geteuid(), ""), ("refused", os.geteuid(), "ci")]
    assert events(daemon)[2]["detail"].endswith("there is no numpy 99")


def test_the_events_are_read_by_the_tools_that_everybody_has(daemon: Daemon, tmp_path: Path) -> None:
    daemon.write("one")
    path = daemon.mount / ".history/foo/.events"
    text = path.read_bytes()
    assert text.count(b"\n") == 4
    for command in (["cat"], ["grep", "number"], ["tail", "-n", "+1"], ["head", "-n", "9"], ["sort"]):
        assert subprocess.run([*command, path], capture_output=True, check=True).stdout.count(b"\n") == 4
    subprocess.run(["cp", path, tmp_path / "copy"], check=True)
    assert (tmp_path / "copy").read_bytes() == text
    assert shutil.copyfile(path, tmp_path / "other").read_bytes() == text
    assert subprocess.run(["wc", "-l", path], capture_output=True, check=True, text=True).stdout.startswith("4 ")
    with pytest.raises(OSError, match=r"Read-only|Permission denied"):
        path.write_text("x")
    assert os.listdir(path.parent) == daemon.generations()
    assert ".events" not in daemon.generations()
