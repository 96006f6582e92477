"""What an image says of itself: to the OCI specification's letter, and as long as it was promised."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.errors import UserError
from condafs.export.configuration import DEFAULT_PATH, configure
from condafs.export.documents import (
    LAYER_TAR,
    OCI_LAYOUT,
    Layer,
    Platform,
    config_document,
    docker_manifest,
    index_document,
    manifest_document,
    platform_of,
)
from condafs.export.facts import Facts
from condafs.names import BuildName
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings

BUILD = BuildName.parse(f"{'d' * 64}-foo")
LOCK = "1" * 64
FACTS = Facts(created=1_700_000_000, variables={"MODEL": "large"}, has_python=True, lock_sha256=LOCK)
PLATFORM = Platform("amd64")
BASE_LAYER, PACKAGE_LAYER = "a" * 64, "b" * 64
LAYERS = [
    Layer(f"{LAYER_TAR}+gzip", BASE_LAYER, "e" * 64, 100, "base"),
    Layer(LAYER_TAR, PACKAGE_LAYER, PACKAGE_LAYER, 10_240, "numpy-1.26-py_0", "numpy-1.26-py_0"),
]
BASE: dict[str, Any] = {
    "config": {
        "Env": ["PATH=/usr/local/cuda/bin:/usr/bin", "LANG=de_DE.UTF-8", "MODEL=small", "EMPTY="],
        "Labels": {"maintainer": "somebody", "condafs.digest": "of another"},
        "Entrypoint": ["/entry.sh"],
        "Cmd": ["bash"],
        "User": "1000",
        "WorkingDir": "/srv",
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "StopSignal": "SIGINT",
    },
    "history": [
        {"created_by": "ADD file:… in /", "created": "2024-01-01T00:00:00Z"},
        {"created_by": "ENV A=b", "empty_layer": True},
    ],
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "e" * 64]},
}


def config_of(
    facts: Facts = FACTS, settings: ImageSettings = DEFAULT_IMAGE, base: dict[str, Any] | None = None
) -> dict[str, Any]:
    config = configure(BUILD, facts, settings, base or {}, prefix="/opt/env", host_glibc="2.36")
    document: dict[str, Any] = json.loads(config_document(config, PLATFORM, LAYERS))
    return document


def environment_of(document: dict[str, Any]) -> dict[str, str]:
    return dict(text.split("=", 1) for text in document["config"]["Env"])


def all_documents(digest: str, diff_id: str) -> list[bytes]:
    layers = [Layer(LAYER_TAR, digest, diff_id, 5, "x", "x-1-0"), *LAYERS]
    config = config_document(configure(BUILD, FACTS, DEFAULT_IMAGE, BASE, prefix="/opt/env"), PLATFORM, layers)
    manifest = manifest_document(config, layers)
    return [config, manifest, index_document(manifest, PLATFORM, "foo"), docker_manifest(config, layers, "foo")]


def test_an_image_starts_python_with_the_environment_on_its_path() -> None:
    document = config_of()
    assert document["config"] == {
        "Env": [
            "LANG=C.UTF-8",
            f"PATH=/opt/env/bin:{DEFAULT_PATH}",
            "CONDA_PREFIX=/opt/env",
            "CONDA_DEFAULT_ENV=foo",
            "MODEL=large",
        ],
        "Cmd": ["/opt/env/bin/python"],
        "WorkingDir": "/",
        "Labels": {"condafs.digest": "d" * 64, "condafs.lock-sha256": LOCK, "condafs.host-glibc": "2.36"},
    }
    assert document["created"] == "2023-11-14T22:13:20Z"
    assert (document["architecture"], document["os"]) == ("amd64", "linux")


def test_without_python_it_starts_a_shell() -> None:
    document = config_of(Facts(created=0, variables={}, has_python=False, lock_sha256=""))
    assert document["config"]["Cmd"] == ["/bin/sh"]
    assert document["created"] == "1970-01-01T00:00:00Z"
    assert "condafs.lock-sha256" not in document["config"]["Labels"]


def test_variables_of_the_specification_win_over_the_usual_language() -> None:
    facts = Facts(created=0, variables={"LANG": "C"}, has_python=True, lock_sha256="")
    assert environment_of(config_of(facts))["LANG"] == "C"


def test_what_the_specification_says_of_its_image_is_in_it() -> None:
    settings = ImageSettings(
        labels=(("condafs.digest", "mine"), ("title", "T")),
        entrypoint=("python", "-m", "app"),
        user="nobody:nogroup",
        workdir="/work",
    )
    execution = config_of(settings=settings)["config"]
    assert execution["Entrypoint"] == ["python", "-m", "app"]
    assert "Cmd" not in execution, "it would be an argument of the entrypoint"
    assert execution["User"] == "nobody:nogroup"
    assert execution["WorkingDir"] == "/work"
    assert execution["Labels"]["condafs.digest"] == "mine"
    assert execution["Labels"]["title"] == "T"


def test_a_base_is_inherited_as_docker_build_does_it() -> None:
    document = config_of(base=BASE)
    execution = document["config"]
    assert environment_of(document) == {
        "PATH": "/opt/env/bin:/usr/local/cuda/bin:/usr/bin",
        "LANG": "de_DE.UTF-8",
        "MODEL": "large",
        "EMPTY": "",
        "CONDA_PREFIX": "/opt/env",
        "CONDA_DEFAULT_ENV": "foo",
    }
    assert execution["Entrypoint"] == ["/entry.sh"]
    assert execution["Cmd"] == ["/opt/env/bin/python"]
    assert execution["User"] == "1000"
    assert execution["WorkingDir"] == "/srv"
    assert execution["Labels"]["maintainer"] == "somebody"
    assert execution["Labels"]["condafs.digest"] == "d" * 64
    assert execution["ExposedPorts"] == {"80/tcp": {}}
    assert execution["Volumes"] == {"/data": {}}
    assert execution["StopSignal"] == "SIGINT"


def test_an_environment_without_python_runs_what_its_base_runs() -> None:
    facts = Facts(created=0, variables={}, has_python=False, lock_sha256="")
    assert config_of(facts, base=BASE)["config"]["Cmd"] == ["bash"]


@pytest.mark.parametrize("kept", [2, 1, 0])
def test_history_has_an_entry_for_each_layer_whatever_the_base_kept(kept: int) -> None:
    base = {**BASE, "history": BASE["history"][2 - kept :]}
    document = config_of(base=base)
    with_layers = [entry for entry in document["history"] if not entry.get("empty_layer")]
    assert len(with_layers) == len(document["rootfs"]["diff_ids"]) == len(LAYERS)
    assert with_layers[-1] == {"created": "2023-11-14T22:13:20Z", "created_by": "condafs: numpy-1.26-py_0"}


def test_documents_point_to_each_other_by_digest_and_size() -> None:
    config, manifest, index, docker = all_documents("c" * 64, "c" * 64)
    described = json.loads(manifest)
    assert described["config"] == {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": f"sha256:{sha256(config).hexdigest()}",
        "size": len(config),
    }
    assert described["layers"][0] == {
        "mediaType": LAYER_TAR,
        "digest": "sha256:" + "c" * 64,
        "size": 5,
        "annotations": {"condafs.package": "x-1-0"},
    }
    assert "annotations" not in described["layers"][1]
    [entry] = json.loads(index)["manifests"]
    assert entry == {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": f"sha256:{sha256(manifest).hexdigest()}",
        "size": len(manifest),
        "platform": {"architecture": "amd64", "os": "linux"},
        "annotations": {
            "org.opencontainers.image.ref.name": "foo:latest",
            "io.containerd.image.name": "localhost/foo:latest",
        },
    }
    [image] = json.loads(docker)
    assert image["Config"] == f"blobs/sha256/{sha256(config).hexdigest()}"
    assert image["RepoTags"] == ["localhost/foo:latest"]
    assert image["Layers"] == [f"blobs/sha256/{digit * 64}" for digit in "cab"]
    assert json.loads(OCI_LAYOUT) == {"imageLayoutVersion": "1.0.0"}


digests = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(digests, digests)
def test_lengths_do_not_depend_on_digests(digest: str, diff_id: str) -> None:
    assert list(map(len, all_documents(digest, diff_id))) == list(map(len, all_documents("0" * 64, "0" * 64)))


def test_the_same_values_make_the_same_bytes() -> None:
    turned = {name: dict(reversed(value.items())) if isinstance(value, dict) else value for name, value in BASE.items()}
    config = [config_document(configure(BUILD, FACTS, DEFAULT_IMAGE, base, prefix="/p"), PLATFORM, LAYERS)
              for base in (BASE, turned)]  # fmt: skip
    assert config[0] == config[1]


@pytest.mark.parametrize("seconds", [-1, 1 << 62])
def test_a_time_that_cannot_be_is_written_as_one_that_can(seconds: int) -> None:
    document = config_of(Facts(created=seconds, variables={}, has_python=True, lock_sha256=""))
    assert document["created"] in {"1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}


@pytest.mark.parametrize(
    ("subdir", "platform"),
    [
        ("linux-64", "linux/amd64"),
        ("linux-aarch64", "linux/arm64"),
        ("linux-armv7l", "linux/arm/v7"),
        ("linux-ppc64le", "linux/ppc64le"),
        ("linux-s390x", "linux/s390x"),
    ],
)
def test_platforms_have_their_container_names(subdir: str, platform: str) -> None:
    assert str(platform_of(subdir)) == platform


@pytest.mark.parametrize("subdir", ["osx-arm64", "noarch", "linux-riscv32", ""])
def test_a_platform_without_containers_is_refused(subdir: str) -> None:
    with pytest.raises(UserError, match="no container images"):
        platform_of(subdir)
