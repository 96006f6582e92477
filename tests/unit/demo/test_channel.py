"""A channel's directory, and its cache."""

import json
import os
from pathlib import Path

import pytest

from condafs.demo import channel as subject
from condafs.demo.channel import Channel, cached_channel, make_channel
from condafs.demo.package import Package, native_subdir


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Channels made, each nearly empty."""
    places: list[Path] = []

    def make(out: Path, _extend: object = None) -> list[str]:
        places.append(out)
        (out / "noarch").mkdir()
        return []

    monkeypatch.setattr(subject, "make_channel", make)
    return places


def repodata(root: Path, subdir: str) -> dict[str, dict[str, object]]:
    records: dict[str, dict[str, object]] = json.loads((root / subdir / "repodata.json").read_text())["packages.conda"]
    return records


def test_every_package_goes_to_its_subdirectory(tmp_path: Path) -> None:
    channel = Channel(tmp_path)
    channel.add(Package("a", "1"))
    channel.add(Package("b", "1", noarch="generic"))
    channel.finish()
    assert list(repodata(tmp_path, native_subdir())) == ["a-1-0.conda"]
    assert list(repodata(tmp_path, "noarch")) == ["b-1-0.conda"]


def test_a_record_can_be_replaced_by_a_lie(tmp_path: Path) -> None:
    channel = Channel(tmp_path)
    channel.add(Package("a", "1"))
    channel.add_record(native_subdir(), "a-1-0.conda", {"name": "a", "size": 0})
    channel.finish()
    assert repodata(tmp_path, native_subdir())["a-1-0.conda"] == {"name": "a", "size": 0}


def test_a_made_channel_has_python_pip_and_hello(tmp_path: Path) -> None:
    missing = make_channel(tmp_path)
    names = {record["name"] for subdir in ("noarch", native_subdir()) for record in repodata(tmp_path, subdir).values()}
    assert {"python", "condafs-hello"} <= names
    assert ("pip" in names) != bool(missing)


def test_a_channel_is_made_once_for_the_same_key(tmp_path: Path, made: list[Path]) -> None:
    assert cached_channel(tmp_path, key="a") == cached_channel(tmp_path, key="a")
    assert len(made) == 1


def test_another_key_is_another_channel(tmp_path: Path, made: list[Path]) -> None:
    assert cached_channel(tmp_path, key="a") != cached_channel(tmp_path, key="b")
    assert len(made) == 2


def test_two_that_make_it_at_once_share_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(out: Path, _extend: object = None) -> list[str]:
        (out / "noarch").mkdir()
        monkeypatch.setattr(subject, "make_channel", lambda out, _extend: (out / "noarch").mkdir())
        cached_channel(tmp_path)  # somebody else, meanwhile
        return []

    monkeypatch.setattr(subject, "make_channel", make)
    place = cached_channel(tmp_path)
    assert os.listdir(tmp_path) == [place.name]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_out: Path, _extend: object = None) -> list[str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(subject, "make_channel", fail)
    with pytest.raises(OSError, match="No space"):
        cached_channel(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("made")
def test_channels_that_nobody_asked_for_in_a_week_are_removed(tmp_path: Path) -> None:
    stale = cached_channel(tmp_path, key="stale")
    os.utime(stale, (1, 1))
    cached_channel(tmp_path, key="fresh")
    assert not stale.exists()
