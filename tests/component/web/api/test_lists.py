"""Lists: pages, orders, filters."""

from typing import Any

import pytest

from condafs.names import BuildName
from condafs.prefix.contents import InstalledPackage
from condafs.web.ids import build_id, environment_id
from tests.component.web.laid import Laid
from tests.component.web.served import Served

PYTHON = InstalledPackage("python", "3.12.1", "h1_0", "https://ann:hunter2@host/conda-forge/")
NUMPY = InstalledPackage("numpy", "2.1", "py312_0", "conda-forge")
SIX = InstalledPackage("six", "1.17", kind="pypi", channel="pypi")


@pytest.fixture
def builds(laid: Laid) -> dict[str, BuildName]:
    """One in each situation, submitted in this order."""
    found = {
        "ready": laid.make_ready("ready", "dependencies: [python, numpy]\n", PYTHON, NUMPY),
        "small": laid.make_ready("small", "dependencies: [python]\n", PYTHON, SIX),
        "failed": laid.submit("failed", "dependencies: [nonsense]\n"),
        "waiting": laid.submit("waiting"),
        "building": laid.submit("building"),
        "queued": laid.submit("queued"),
        "retired": laid.make_ready("retired"),
    }
    for name in ("failed", "waiting", "building"):
        laid.start(found[name])
    laid.fail(found["failed"], "conflict", "nothing provides nonsense")
    laid.fail(found["waiting"], "network", "no answer of https://ann:hunter2@host/", 60)
    laid.retire("retired")
    return found


async def names(served: Served, target: str) -> list[str]:
    found = await served.get(target)
    assert found.status == 200, found.body
    assert found.document["count"] >= len(found.data)
    return [item["name"] for item in found.data]


IN_USE = ["building", "failed", "queued", "ready", "small", "waiting"]


async def test_environments_are_listed_by_name(served: Served, builds: dict[str, BuildName]) -> None:
    assert await names(served, "/api/v1/environment/") == IN_USE
    assert await names(served, "/api/v1/environment/?order=desc") == IN_USE[::-1]
    assert await names(served, "/api/v1/environment/?retired=true") == sorted([*IN_USE, "retired"])


@pytest.mark.parametrize("size", [1, 2, 4, 6, 7])
async def test_the_pages_put_together_are_the_list(served: Served, builds: dict[str, BuildName], size: int) -> None:
    for kind, whole in (("environment", IN_USE), ("build", None)):
        expected = whole or await names(served, "/api/v1/build/")
        found = []
        for page in range(1, len(expected) // size + 3):
            answer = await served.get(f"/api/v1/{kind}/?page={page}&size={size}")
            assert (answer.document["page"], answer.document["size"]) == (page, size)
            assert answer.document["count"] == len(expected)
            found += [item["name"] for item in answer.data]
        assert found == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("search=ED", ["failed", "queued"]),
        ("search=é", []),
        ("name=ready", ["ready"]),
        ("name=unknown", []),
        ("name=retired", []),
        ("name=retired&retired=1", ["retired"]),
        ("status=COMPLETED", ["ready", "small"]),
        ("status=QUEUED", ["queued", "waiting"]),
        ("status=BUILDING", ["building"]),
        ("status=FAILED", ["failed"]),
        ("status=CANCELED", []),
        ("packages=python", ["ready", "small"]),
        ("packages=python&packages=numpy", ["ready"]),
        ("packages=six&order=desc", ["small"]),
        ("packages=pyth", []),
        ("artifact=CONDA_PACK", ["ready", "small"]),
        ("artifact=DOCKER_BLOB", []),
        ("namespace=default&name=ready", ["ready"]),
        ("sort_by=name&sort_by=namespace", IN_USE),
    ],
)
async def test_environments_are_filtered(
    served: Served, builds: dict[str, BuildName], query: str, expected: list[str]
) -> None:
    assert await names(served, f"/api/v1/environment/?{query}") == expected


ALL_BUILDS = ["ready", "small", "failed", "waiting", "building", "queued", "retired"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort_by=scheduled_on", ALL_BUILDS),
        ("sort_by=scheduled_on&order=desc", ALL_BUILDS[::-1]),
        ("sort_by=ended_on&order=desc&size=2", ["waiting", "failed"]),
        ("sort_by=started_on&order=desc&size=1", ["building"]),
        ("status=FAILED", ["failed"]),
        ("status=COMPLETED&sort_by=scheduled_on", ["ready", "small", "retired"]),
        ("name=failed", ["failed"]),
        ("name=unknown", []),
        (f"environment_id={environment_id('waiting')}", ["waiting"]),
        ("environment_id=7", []),
        ("packages=numpy", ["ready"]),
        ("artifact=LOCKFILE&sort_by=scheduled_on", ["ready", "small", "retired"]),
        ("artifact=YAML&sort_by=scheduled_on", ALL_BUILDS),
    ],
)
async def test_builds_are_sorted_and_filtered(
    served: Served, builds: dict[str, BuildName], query: str, expected: list[str]
) -> None:
    assert await names(served, f"/api/v1/build/?{query}") == expected


async def test_builds_are_listed_by_number_unless_told_otherwise(served: Served, builds: dict[str, BuildName]) -> None:
    for query in ("", "?sort_by=nonsense", "?sort_by=id"):
        numbers = [item["id"] for item in (await served.get(f"/api/v1/build/{query}")).data]
        assert numbers == sorted(build_id(build.digest) for build in builds.values())


async def test_a_build_that_is_being_deleted_is_not_listed(served: Served, laid: Laid) -> None:
    old, _ = laid.make_ready("foo"), laid.make_ready("foo", "dependencies: [python, six]\n")
    laid.delete(old)
    assert [item["digest"] for item in (await served.get("/api/v1/build/?name=foo")).data] != [old.digest.hex]
    assert len((await served.get("/api/v1/build/")).data) == 1
    assert len((await served.get("/api/v1/environment/default/foo/history/")).data) == 1


async def test_a_build_that_vanishes_while_packages_are_looked_for_is_passed_over(served: Served, laid: Laid) -> None:
    gone, _ = (
        laid.make_ready("gone", "dependencies: []\n", PYTHON),
        laid.make_ready("here", "dependencies: []\n", PYTHON),
    )
    (laid.mount / str(gone)).unlink()
    for target in ("environment/?packages=python", "build/?packages=python"):
        assert await names(served, f"/api/v1/{target}") == ["here"]
    assert await names(served, "/api/v1/package/") == ["python"]
    assert (await served.get(f"/api/v1/build/{gone.digest}/packages/")).status == 404


async def test_a_failed_build_says_why_without_credentials(served: Served, builds: dict[str, BuildName]) -> None:
    failed = await served.get(f"/api/v1/build/{builds['failed']}/")
    assert failed.data["status_info"] == "conflict: nothing provides nonsense"
    assert failed.data["specification"]["spec"]["dependencies"] == ["nonsense"]
    waiting = await served.get(f"/api/v1/build/{build_id(builds['waiting'].digest)}/")
    assert (waiting.data["status"], waiting.data["state"]) == ("QUEUED", "waiting")
    assert "***@host" in waiting.data["status_info"]


async def test_an_environment_shows_its_current_build(served: Served, builds: dict[str, BuildName]) -> None:
    found = (await served.get("/api/v1/environment/default/ready/")).data
    assert found["current_build"]["digest"] == builds["ready"].digest.hex
    assert found["current_build"]["specification"]["name"] == "ready"
    wanted = (await served.get("/api/v1/environment/default/queued/")).data
    assert wanted["current_digest"] is None
    assert wanted["current_build"]["status"] == "QUEUED"


async def test_generations_are_listed_newest_first(served: Served, laid: Laid) -> None:
    builds = [laid.make_ready("foo", f"dependencies: ['a={number}']\n") for number in range(3)]
    laid.roll_back(builds[0])
    history = (await served.get("/api/v1/environment/default/foo/history/")).data
    assert [(item["generation"], item["is_current"]) for item in history] == [(3, False), (2, False), (1, True)]


async def test_packages_that_differ_are_told(served: Served, laid: Laid) -> None:
    laid.make_ready("foo", "dependencies: [a]\n", PYTHON, SIX)
    second = laid.make_ready("foo", "dependencies: [b]\n", PYTHON, NUMPY)
    for after in ("g2", str(build_id(second.digest)), second.digest.hex, str(second)):
        changes = (await served.get(f"/api/v1/environment/default/foo/diff/g1/{after}/")).data["changes"]
        assert [(item["kind"], item["name"]) for item in changes] == [("added", "numpy"), ("removed", "six")]
    laid.make_ready("other")
    assert (await served.get("/api/v1/environment/default/other/diff/g1/g2/")).status == 404
    assert (await served.get(f"/api/v1/environment/default/other/diff/g1/{second}/")).status == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["numpy", "python"]),
        ("search=PY", ["numpy", "python"]),
        ("search=num", ["numpy"]),
        ("exact=numpy", ["numpy"]),
        ("exact=num", []),
        ("search=num&exact=num", []),
        ("search=numpy&exact=true", ["numpy"]),
        ("search=num&exact=True", []),
        ("search=num&exact=false", ["numpy"]),
        ("size=1&page=2", ["python"]),
    ],
)
async def test_packages_of_a_build_are_searched(served: Served, laid: Laid, query: str, expected: list[str]) -> None:
    build = laid.make_ready("foo", "dependencies: []\n", NUMPY, PYTHON)
    found = await served.get(f"/api/v1/build/{build.digest}/packages/?{query}")
    assert [item["name"] for item in found.data] == expected
    assert b"hunter2" not in found.body


async def test_what_is_not_published_has_no_packages(served: Served, laid: Laid) -> None:
    build = laid.submit("foo")
    assert (await served.get(f"/api/v1/build/{build.digest}/packages/")).data == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [("numpy", "2.1"), ("python", "3.9"), ("python", "3.12.1")]),
        ("order=desc&size=1", [("python", "3.12.1")]),
        ("search=python&exact=true&distinct_on=name", [("python", "3.12.1")]),
        ("search=yth&exact=true", []),
    ],
)
async def test_packages_of_all_environments_are_suggested(
    served: Served, laid: Laid, query: str, expected: list[Any]
) -> None:
    laid.make_ready("bar", "dependencies: []\n", NUMPY, PYTHON)
    laid.make_ready("foo", "dependencies: []\n", InstalledPackage("python", "3.9"), NUMPY)
    found = (await served.get(f"/api/v1/package/?{query}")).data
    assert [(item["name"], item["version"]) for item in found] == expected


async def test_channels_are_shown_without_credentials(served: Served, laid: Laid) -> None:
    laid.make_ready("foo", "channels: ['https://ann:hunter2@host.org/a', bioconda]\ndependencies: []\n")
    found = await served.get("/api/v1/channel/")
    assert [item["name"] for item in found.data] == ["conda-forge", "https://***@host.org/a", "bioconda"]
