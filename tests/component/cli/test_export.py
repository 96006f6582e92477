"""`export` and `image`, on a directory laid out like a mount."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from condafs.cli import export as module
from condafs.export.index import LAYERS
from condafs.export.layout import IndexWriter
from condafs.names import BuildName
from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs

CONTENT = os.urandom(1000) * 3000


@pytest.fixture(autouse=True)
def build(envs: FakeEnvs) -> BuildName:
    """foo and its exports, which are plain files here."""
    build = envs.add_generation("foo", 1, "a")
    envs.set_current("foo", build, 1)
    for suffix in ("tar", "oci"):
        (envs.mount / f"{build}.{suffix}").write_bytes(CONTENT)
    return build


def lay_out(envs: FakeEnvs, build: BuildName, layers: dict[str, int]) -> None:
    """The index of a build's layers: package -> bytes."""
    notes = [
        {"start": 0, "size": size, "key": package.encode().hex().ljust(64, "0"), "comment": package, "package": package}
        for package, size in layers.items()
    ]
    directory = envs.builds.parent / "exports" / str(build)
    directory.mkdir(parents=True)
    IndexWriter().write(directory / LAYERS, {"layers": notes})


def test_an_export_is_written_to_a_file(run: Run, tmp_path: Path) -> None:
    outcome = run("export", "foo", "-o", str(tmp_path / "x.tar"))
    assert (outcome.code, outcome.out) == (0, "")
    assert "x.tar: 3.0 MB in" in outcome.err
    assert (tmp_path / "x.tar").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_file_that_is_there_is_written_over_only_by_force(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "x.tar"
    target.write_text("mine")
    outcome = run("export", "foo", "-o", str(target))
    assert (outcome.code, target.read_text()) == (2, "mine")
    assert "--force" in outcome.err
    assert run("export", "foo", "--format", "oci", "-o", str(target), "--force").code == 0
    assert target.read_bytes() == CONTENT


def test_a_directory_is_no_file(run: Run, tmp_path: Path) -> None:
    outcome = run("export", "foo", "-o", str(tmp_path), "--force")
    assert outcome.code == 2
    assert "name the file in it" in outcome.err


def test_a_failed_copy_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, envs: FakeEnvs, build: BuildName
) -> None:
    (tmp_path / "x.tar").write_text("mine")

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error", str(envs.mount / f"{build}.tar"))

    monkeypatch.setattr(module, "_copy", fail)
    outcome = run("export", "foo", "-o", str(tmp_path / "x.tar"), "--force")
    assert outcome.code == 4
    assert "Input/output error" in outcome.err
    assert (tmp_path / "x.tar").read_text() == "mine"
    assert not list(tmp_path.glob(".*.part"))


def test_it_can_be_compressed(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "x.tar.zst"
    outcome = run("export", "foo", "--zstd", "-o", str(target), "--json")
    document = json.loads(outcome.out)
    assert document["size_bytes"] == len(CONTENT)
    assert document["written"] == target.stat().st_size < len(CONTENT) / 10
    assert module._compressor().__class__.__module__.endswith("zstd")
    assert target.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"  # RFC 8878


@pytest.mark.parametrize("options", [[], ["-o", "-"]])
def test_into_a_pipe_it_goes_as_it_is(envs: FakeEnvs, options: list[str]) -> None:
    command = [sys.executable, "-m", "condafs", "export", "foo", *options]
    environment = {**os.environ, "CONDAFS_MOUNT": str(envs.mount)}
    ended = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert (ended.stdout, ended.stderr) == (CONTENT, b"")


def test_json_and_the_export_cannot_share_standard_output(run: Run) -> None:
    assert run("export", "foo", "-o", "-", "--json").code == 2


def test_what_is_not_there_is_said_as_everywhere(run: Run) -> None:
    outcome = run("export", "fooo", "-o", "-")
    assert outcome.code == 3
    assert "did you mean foo?" in outcome.err


def test_image_lists_layers_and_who_shares_them(run: Run, envs: FakeEnvs, build: BuildName) -> None:
    lay_out(envs, build, {"numpy-2-0": 1_000_000, "six-1-0": 70_000})
    for number, name in enumerate(("bar", "baz")):
        other = envs.add_generation(name, 1, "bc"[number])
        envs.set_current(name, other, 1)
        lay_out(envs, other, {"numpy-2-0": 1_000_000, "tk-8-0": 80_000})
    outcome = run("image", "foo")
    assert outcome.words == [
        ["SIZE", "DIGEST", "LAYER", "SHARED WITH"],
        ["1.0 MB", "numpy-2-0", "bar, baz"],
        ["70 kB", "six-1-0"],
        ["1.9 MB", "the base and the image's documents"],
        ["3.0 MB in 2 layers and a base; 1.0 MB shared"],
    ]
    document = json.loads(run("image", "foo", "--json").out)
    assert document["layers"][0] == {
        "size_bytes": 1_000_000,
        "digest": None,
        "package": "numpy-2-0",
        "comment": "numpy-2-0",
        "shared_with": ["bar", "baz"],
    }
