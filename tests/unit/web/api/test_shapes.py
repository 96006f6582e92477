"""Records as JSON: nothing secret in them, and specifications that can be submitted again."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.errors import SpecificationError
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.prefix.contents import InstalledPackage
from condafs.spec import LockedPackage, Specification, digest_of, parse
from condafs.web.api import shapes
from condafs.web.ids import build_id, environment_id
from tests.unit.spec.asked import read
from tests.unit.spec.test_laws import DOCUMENTS, write

SECRET = "hunter2"  # noqa: S105 - nobody's
URLS = (
    f"https://ann:{SECRET}@host.example/channel",
    f"https://{SECRET}@host.example/channel",
    f"https://host.example/t/{SECRET}/channel",
)
FOO = EnvironmentName("foo")
BUILD = BuildName(SpecDigest("a" * 64), FOO)
MD5, SHA256 = "1" * 32, "2" * 64


def again(specification: Specification) -> Specification:
    """What a specification is after it was downloaded and submitted."""
    suffix = "txt" if specification.packages else "yaml"
    text = shapes.yaml_of(specification)
    found = parse(text.encode(), f"{specification.name}.{suffix}", specification.platform, 100)
    assert found is not None, text
    return found


@given(DOCUMENTS)
def test_a_specification_that_was_downloaded_is_the_same_when_it_is_submitted(document: dict[str, Any]) -> None:
    specification = read(write(document))
    assert again(specification) == specification
    assert digest_of(again(specification)) == digest_of(specification)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    | st.text("a: \n\r\t\x85\u2028\u2029\ufeff'\"#é")
)
def test_variables_keep_every_character(value: str) -> None:
    specification = Specification(FOO, "linux-64", variables=(("A", value),))
    assert again(specification) == specification


@pytest.mark.parametrize("text", ["3.10", "1e3", "on", "null", "~", "2026-11-01", "0x10", "=", "", "  a ", "a\nb: c"])
def test_texts_that_look_like_something_else_stay_texts(text: str) -> None:
    specification = Specification(FOO, "linux-64", variables=(("A", text),))
    assert again(specification) == specification


@pytest.mark.parametrize("name", ["3.10", "1e3", "on", "null", "007", "1_000", "2026-11-01", "é", "日本"])
def test_names_that_look_like_something_else_stay_names(name: str) -> None:
    specification = Specification(EnvironmentName(name), "linux-64")
    assert again(specification) == specification


def test_a_specification_of_nothing_can_be_submitted_again() -> None:
    assert again(Specification(FOO, "linux-64")) == Specification(FOO, "linux-64")


@pytest.mark.parametrize("day", ["2026-11-01", "2026-11-01T12:00:00Z"])
def test_the_day_that_a_specification_is_of_is_kept(day: str) -> None:
    specification = read(f"exclude-newer: {day}\ndependencies: [python]\n")
    assert specification.exclude_newer
    assert again(specification) == specification


@pytest.mark.parametrize("sums", [{}, {"md5": MD5}, {"sha256": SHA256}])
def test_a_list_of_exact_packages_is_one_again(sums: dict[str, str]) -> None:
    package = LockedPackage("https://host.example/linux-64/python-3.12-0.conda", **sums)
    specification = Specification(FOO, "linux-64", packages=(package,))
    assert again(specification) == specification


def test_of_two_sums_a_list_keeps_the_stronger_and_it_tells_what_it_has_no_room_for() -> None:
    package = LockedPackage("https://host.example/linux-64/python-3.12-0.conda", SHA256, MD5)
    specification = Specification(FOO, "linux-64", pip=("six @ https://host.example/six.whl",), packages=(package,))
    assert again(specification).packages == (replace(package, md5=""),)
    assert "six @ https://host.example/six.whl" in shapes.yaml_of(specification)


@pytest.mark.parametrize("url", URLS)
def test_no_credential_is_shown_of_a_specification(url: str) -> None:
    package = LockedPackage(f"{url}/linux-64/python-3.12-0.conda", "", MD5)
    specifications = (
        Specification(FOO, "linux-64", channels=(url,)),
        Specification(FOO, "linux-64", dependencies=(f"{url}::python", f"python[url='{url}/a-1-0.conda']")),
        Specification(FOO, "linux-64", pip=(f"--index-url {url}", f"six @ {url}/six.whl", f"-e git+{url}/x.git")),
        Specification(FOO, "linux-64", packages=(package,)),
        Specification(FOO, "linux-64", pip=(f"six @ {url}/six.whl",), packages=(package,)),
    )
    for specification in specifications:
        for shown in (shapes.yaml_of(specification), json.dumps(shapes.document_of(specification))):
            assert SECRET not in shown
            assert "***" in shown


@pytest.mark.parametrize("url", URLS)
def test_a_specification_with_masked_credentials_is_refused_and_not_built_without_them(url: str) -> None:
    package = LockedPackage(f"{url}/linux-64/python-3.12-0.conda", "", MD5)
    for specification in (
        Specification(FOO, "linux-64", channels=(url,)),
        Specification(FOO, "linux-64", packages=(package,)),
        Specification(FOO, "linux-64", dependencies=("pip",), pip=(f"--index-url {url}",)),
    ):
        with pytest.raises(SpecificationError, match="masked"):
            again(specification)


@pytest.mark.parametrize("url", URLS)
def test_no_credential_is_shown_of_builds_events_and_packages(url: str) -> None:
    failed = BuildRecord(BUILD, BuildState.FAILED, 1, failure_kind="network", failure_message=f"no answer of {url}")
    happened = EventRecord(1, 1, EventKind.FAILED, FOO, BUILD.digest, detail=f"network: no answer of {url}")
    package = InstalledPackage("six", "1", channel=url)
    for shown in (shapes.build(failed), shapes.event_document(happened), shapes.package(package, 1)):
        assert SECRET not in json.dumps(shown)
        assert "***" in json.dumps(shown)


@pytest.mark.parametrize("state", BuildState)
def test_each_state_has_one_of_conda_stores_words(state: BuildState) -> None:
    shown = shapes.build(BuildRecord(BUILD, state, 1, failure_kind="conflict", failure_message="no solution"))
    assert shown["status"] in {"QUEUED", "BUILDING", "COMPLETED", "FAILED", "CANCELED"}
    assert (shown["status"] == "COMPLETED") == (state is BuildState.READY)
    kinds = [artifact["artifact_type"] for artifact in shown["build_artifacts"]]
    assert ("CONDA_PACK" in kinds) == (state is BuildState.READY)
    assert "LOGS" in kinds
    assert (shown["status_info"] is None) == (state is BuildState.READY)


def test_times_are_utc_without_a_zone_and_never_is_none() -> None:
    assert shapes.time_of(0) is None
    assert shapes.time_of(1795835640.25) == "2026-11-28T03:14:00.250000"


def test_an_environment_without_a_build_yet_shows_the_one_that_it_wants() -> None:
    wanted = SpecDigest("b" * 64)
    fresh = shapes.environment(EnvironmentRecord(FOO, wanted, file_name="foo.yaml"), None)
    assert (fresh["current_build_id"], fresh["current_digest"]) == (build_id(wanted), None)
    record = EnvironmentRecord(FOO, wanted, current=BUILD.digest, file_name="foo.yaml")
    shown = shapes.environment(record, BuildRecord(BuildName(wanted, FOO), BuildState.BUILDING, 1))
    assert (shown["current_build_id"], shown["state"]) == (build_id(BUILD.digest), "building")
    assert shown["id"] == environment_id("foo")


def test_documents_are_yaml_of_plain_values() -> None:
    specification = read("name: foo\nchannels: [a]\ndependencies: [python, pip: [six]]\nvariables: {A: 1}\n")
    assert yaml.safe_load(shapes.yaml_of(specification)) == {
        "name": "foo",
        "channels": ["a"],
        "dependencies": ["pip", "python", {"pip": ["six"]}],
        "variables": {"A": "1"},
        "platforms": ["linux-64"],
    }
