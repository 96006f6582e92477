"""`.oci` on the mount, read by the programs that people load images with."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.export.registry import serving
from tests.end_to_end.serving import Daemon

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="containers are run by root here")


def run(*command: object, **options: Any) -> str:
    """Standard output of a program that has to succeed."""
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def daemon(channel_url: str) -> Iterator[Daemon]:
    """Two environments that share most packages; one has files of pip's and says something of its image."""
    directory = Path(tempfile.mkdtemp(prefix="condafs-"))
    directory.chmod(0o755)
    served = Daemon(directory)
    served.start()
    try:
        for name, rest in {
            "foo": "dependencies: [python, pip, condafs-hello =1.0, zz-activate, zz-textprefix, zz-binprefix]\n"
            "variables: {GREETING: two words}\n",
            "Bar.2": "dependencies: [python, pip, condafs-hello =1.1, zz-edgecases, zz-clobber-a, zz-clobber-b, "
            "{pip: [numpy]}]\n"
            "image: {labels: {team: a}, user: '1000', workdir: /var}\n",
            "data": "dependencies: [zz-noarch-data]\nimage: {base: none}\n",
            "empty": "dependencies: []\n",
        }.items():
            (served.specs / f"{name}.yaml").write_text(f"name: {name}\nchannels: ['{channel_url}']\n{rest}")
        for name in ("foo", "Bar.2", "data", "empty"):
            served.wait_until_ready(name)
        yield served
        assert served.stop() == 0
        assert "Traceback" not in served.log.read_text()
    finally:
        served.clear()
        shutil.rmtree(directory, ignore_errors=True)


RUN = ("run", "--rm", "--network=none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")


@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_skopeo_sees_what_the_specification_says(daemon: Daemon, transport: str) -> None:
    document = json.loads(run("skopeo", "inspect", "--config", f"{transport}:{daemon.envs}/Bar.2.oci"))
    config = document["config"]
    assert (config["User"], config["WorkingDir"]) == ("1000", "/var")
    assert config["Labels"]["team"] == "a"
    assert config["Labels"]["condafs.digest"] == os.readlink(daemon.envs / "Bar.2")[:64]
    assert config["Cmd"] == ["/opt/env/bin/python"]
    foo = json.loads(run("skopeo", "inspect", "--config", f"{transport}:{daemon.envs}/foo.oci"))["config"]["Env"]
    assert {"GREETING=two words", "CONDA_PREFIX=/opt/env", "CONDA_DEFAULT_ENV=foo", "LANG=C.UTF-8"} <= set(foo)
    assert next(entry for entry in foo if entry.startswith("PATH=")).startswith("PATH=/opt/env/bin:")


@pytest.mark.parametrize("name", ["foo", "Bar.2", "data", "empty"])
def test_skopeo_copies_from_both_transports(daemon: Daemon, tmp_path: Path, name: str) -> None:
    image = f"{daemon.envs}/{name}.oci"
    run("skopeo", "copy", "-q", "--preserve-digests", f"oci-archive:{image}", f"dir:{tmp_path}/dir")
    run("skopeo", "copy", "-q", "--preserve-digests", f"oci-archive:{image}", f"oci:{tmp_path}/oci:x")
    run("skopeo", "copy", "-q", f"docker-archive:{image}", f"dir:{tmp_path}/docker")
    for path in (tmp_path / "oci/blobs/sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    ours = {path.name for path in (tmp_path / "dir").iterdir() if len(path.name) == 64}
    assert ours == {path.name for path in (tmp_path / "oci/blobs/sha256").iterdir()} - {
        hashlib.sha256((tmp_path / "dir/manifest.json").read_bytes()).hexdigest()
    }


def test_two_environments_share_their_layers_in_a_registry(daemon: Daemon, tmp_path: Path) -> None:
    with serving(tmp_path) as registry:
        counts, layers = [], []
        for name, repository in (("foo", "foo"), ("Bar.2", "bar.2")):
            target = f"docker://{registry.address}/{repository}:latest"
            source = f"oci-archive:{daemon.envs}/{name}.oci"
            run("skopeo", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false", source, target)
            counts.append(len(registry.blobs()))
            manifest = registry.manifest(repository)
            found = manifest["layers"]
            assert isinstance(found, list)
            layers.append({layer["digest"]: layer.get("annotations", {}).get("condafs.package") for layer in found})
        shared = layers[0].keys() & layers[1].keys()
        assert {layers[0][digest] for digest in shared} >= {None}
        assert {"python", "pip"} <= {str(layers[0][digest]).split("-")[0] for digest in shared}
        own = len(layers[1].keys() - shared)
        assert counts[1] - counts[0] == own + 2  # configuration and manifest


@needs_root
def test_podman_runs_it(daemon: Daemon, podman: Sequence[str]) -> None:
    assert run(*podman, "load", "-q", "-i", daemon.envs / "foo.oci").endswith("localhost/foo:latest")
    python = run(*podman, *RUN, "localhost/foo", "python", "-c", "import sys; print(sys.prefix, sys.executable)")
    assert python == "/opt/env /opt/env/bin/python"
    assert run(*podman, *RUN, "localhost/foo", "condafs-hello") == "hello from condafs-hello 1.0"
    assert run(*podman, *RUN, "--read-only", "--user", "1234", "localhost/foo", "condafs-hello")
    script = "echo $GREETING; cat /opt/env/bin/zz-textprefix"
    greeting, *text = run(*podman, *RUN, "localhost/foo", "sh", "-c", script).splitlines()
    assert greeting == "two words"
    assert "/opt/env" in "\n".join(text)
    assert "placehold" not in "\n".join(text)


@needs_root
def test_numpy_is_imported_read_only_and_by_another_user(daemon: Daemon, podman: Sequence[str]) -> None:
    run(*podman, "load", "-q", "-i", daemon.envs / "Bar.2.oci")
    code = "import numpy, os; print(numpy.arange(4).sum(), os.getuid(), os.getcwd())"
    assert run(*podman, *RUN, "localhost/bar.2", "python", "-c", code) == "6 1000 /var"
    assert run(*podman, *RUN, "--read-only", "--user", "7", "localhost/bar.2", "python", "-c", code) == "6 7 /var"
    winner = (daemon.envs / "Bar.2/share/zz-clobber/file").read_text()
    assert run(*podman, *RUN, "localhost/bar.2", "cat", "/opt/env/share/zz-clobber/file") == winner.strip()


@needs_root
def test_umoci_unpacks_it(daemon: Daemon, tmp_path: Path) -> None:
    run("skopeo", "copy", "-q", f"oci-archive:{daemon.envs}/Bar.2.oci", f"oci:{tmp_path}/oci:x")
    run("umoci", "unpack", "--image", f"{tmp_path}/oci:x", tmp_path / "bundle")
    root = tmp_path / "bundle/rootfs/opt/env"
    sealed = (daemon.envs / "Bar.2").resolve()
    for path in sorted(sealed.rglob("share/zz-edgecases/**/*")):
        copy = root / path.relative_to(sealed)
        assert os.path.lexists(copy), copy
        if path.is_file() and not path.is_symlink():
            assert copy.read_bytes() == path.read_bytes()
    assert not list(root.rglob("*condafs-p*"))


def test_the_image_key_of_the_latest_document_holds(daemon: Daemon, channel_url: str) -> None:
    before = os.readlink(daemon.envs / "data")
    archive = daemon.envs / "data.oci"
    config = json.loads(run("skopeo", "inspect", "--config", f"oci-archive:{archive}"))["config"]
    assert config["Labels"].keys() == {"condafs.digest", "condafs.lock-sha256"}
    text = f"channels: ['{channel_url}']\nname: data\ndependencies: [zz-noarch-data]\n"
    (daemon.specs / "data.yaml").write_text(
        text + "image: {base: none, labels: {colour: blue}, entrypoint: [/bin/x]}\n"
    )
    daemon.wait_until_ready("data")
    config = json.loads(run("skopeo", "inspect", "--config", f"oci-archive:{archive}"))["config"]
    assert os.readlink(daemon.envs / "data") == before
    assert config["Labels"]["colour"] == "blue"
    assert config["Entrypoint"] == ["/bin/x"]


@pytest.fixture
def administrators() -> Iterator[Path]:
    """A directory where bases may be that specifications name."""
    directory = Path(tempfile.mkdtemp(prefix="condafs-", dir="/srv"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@needs_root
def test_an_image_can_stand_on_an_archive(
    daemon: Daemon, channel_url: str, tmp_path: Path, administrators: Path
) -> None:
    base = administrators / "base.oci"
    shutil.copy(daemon.envs / "empty.oci", base)
    base.chmod(0o600)
    text = f"channels: ['{channel_url}']\nname: on\ndependencies: [zz-noarch-data]\nimage: {{base: {base}}}\n"
    (daemon.specs / "on.yaml").write_text(text)
    daemon.wait_until_ready("on")
    with pytest.raises(OSError, match=r"on\.oci"):
        (daemon.envs / "on.oci").stat()
    assert "is not one that specifications may name" in daemon.log.read_text()
    base.chmod(0o644)
    run("skopeo", "copy", "-q", "--preserve-digests", f"oci-archive:{daemon.envs}/on.oci", f"dir:{tmp_path}/on")
    layers = json.loads((tmp_path / "on/manifest.json").read_bytes())["layers"]
    below = json.loads(run("skopeo", "inspect", "--raw", f"oci-archive:{base}"))["layers"]
    assert [layer["digest"] for layer in layers[: len(below)]] == [layer["digest"] for layer in below]


def test_another_daemon_makes_the_same_image(daemon: Daemon, channel_url: str) -> None:
    directory = Path(tempfile.mkdtemp(prefix="condafs-elsewhere-"))
    directory.chmod(0o755)
    other = Daemon(directory)
    other.start()
    try:
        shutil.copy(daemon.specs / "foo.yaml", other.specs / "foo.yaml")
        other.wait_until_ready("foo")
        for suffix in ("oci", "tar"):
            sums = [hashlib.sha256((d.envs / f"foo.{suffix}").read_bytes()).hexdigest() for d in (daemon, other)]
            assert sums[0] == sums[1], suffix
        assert other.stop() == 0
    finally:
        other.clear()
        shutil.rmtree(directory, ignore_errors=True)


def test_a_base_that_others_could_change_or_hold_up_is_refused(daemon: Daemon, channel_url: str) -> None:
    for number, base in enumerate((daemon.envs / "odd0.oci", daemon.envs / "foo.oci", daemon.envs.parent / "x.oci")):
        name = f"odd{number}"
        text = f"channels: ['{channel_url}']\nname: {name}\ndependencies: [zz-noarch-data]\nimage: {{base: {base}}}\n"
        (daemon.specs / f"{name}.yaml").write_text(text)
        daemon.wait_until_ready(name)
        with pytest.raises(OSError, match=r"odd"):
            (daemon.envs / f"{name}.oci").stat()
        assert (daemon.envs / f"{name}.tar").stat().st_size
