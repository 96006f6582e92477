"""The document `.status/<name>`."""

from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from condafs.builder.protocol import Phase, Progress
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord
from condafs.names import BuildName, EnvironmentName
from condafs.tree.status_text import Limits, Story, Value, describe, render
from tests.component.tree.house import digest_of

NAME = EnvironmentName("foo")
LIMITS = Limits(Path("/state/builds"), 5)
OLD, NEW = BuildName(digest_of("old"), NAME), BuildName(digest_of("new"), NAME)

texts = st.text(st.characters(exclude_categories=("Cs",))).filter(bool)
values = st.recursive(
    st.one_of(texts, st.integers(), st.booleans()),
    lambda inner: st.dictionaries(st.text("abc-é ", min_size=1), inner, min_size=1),
    max_leaves=8,
)


@settings(deadline=None)  # how long it takes is no test
@given(st.dictionaries(st.text("abc_", min_size=1), values, min_size=1))
def test_what_is_rendered_is_yaml_of_the_same_values(document: dict[str, Value]) -> None:
    read = yaml.safe_load(render(document))
    assert _without_last_breaks(read) == _without_last_breaks(document)


def _without_last_breaks(value: object) -> object:
    """A message keeps its lines; how many empty ones end it is not told."""
    if isinstance(value, dict):
        return {key: _without_last_breaks(inner) for key, inner in value.items()}
    return value.rstrip("\n") if isinstance(value, str) else value


def test_empty_values_are_left_out() -> None:
    assert render({"a": "", "b": None, "c": 0, "d": False}) == "c: 0\nd: false\n"


def test_a_message_of_several_lines_reads_as_it_was_written() -> None:
    assert render({"message": "foo:1:1: no\n    1 | x\n      | ^\n"}) == (
        "message: |\n  foo:1:1: no\n      1 | x\n        | ^\n"
    )


def test_words_that_yaml_takes_for_something_else_are_quoted() -> None:
    assert render({"a": "no", "b": "3.10", "c": "yes", "d": "word"}) == 'a: "no"\nb: "3.10"\nc: "yes"\nd: word\n'


def test_an_environment_at_rest_tells_its_current_build() -> None:
    ready = BuildRecord(OLD, BuildState.READY, 1, 3, finished=1e9, size_bytes=10, own_bytes=2, package_count=4)
    record = EnvironmentRecord(NAME, OLD.digest, OLD.digest, 3, "foo.yaml", 1000)
    document = describe(Story(record, ready, ready, generations=3, sandbox="landlock"), LIMITS)
    assert document["state"] == "ready"
    assert document["building"] is None
    assert document["current"] == {
        "build": str(OLD),
        "digest": OLD.digest.hex,
        "generation": 3,
        "published": "2001-09-09T01:46:40+00:00",
        "size_bytes": 10,
        "own_bytes": 2,
        "package_count": 4,
        "path": f"/state/builds/{OLD}",
        "sandbox": "landlock",
    }


def test_a_build_in_the_making_tells_how_far_it_is() -> None:
    building = BuildRecord(NEW, BuildState.BUILDING, 2, attempts=1)
    record = EnvironmentRecord(NAME, NEW.digest, OLD.digest, 1, "foo.yaml")
    progress = Progress(Phase.LINK, "numpy", 12, 40, 1000, 40000)
    described = describe(Story(record, None, building, progress), LIMITS)["building"]
    assert isinstance(described, dict)
    assert described["phase"] == "link"
    assert (described["package"], described["done"], described["total"]) == ("numpy", 12, 40)


def test_a_build_that_nothing_can_be_noted_of_tells_why() -> None:
    queued = BuildRecord(NEW, BuildState.QUEUED, 2)
    record = EnvironmentRecord(NAME, NEW.digest, OLD.digest, 1, "foo.yaml")
    document = yaml.safe_load(render(describe(Story(record, None, queued, obstacle="no room left: make some"), LIMITS)))
    assert (document["state"], document["building"]["obstacle"]) == ("queued", "no room left: make some")


def test_a_waiting_build_tells_why_and_when_it_is_tried_again() -> None:
    waiting = BuildRecord(
        NEW, BuildState.WAITING, 2, attempts=2, next_try=1e9, failure_kind="network", failure_message="no route"
    )
    record = EnvironmentRecord(NAME, NEW.digest, None, 0, "foo.yaml")
    document = yaml.safe_load(render(describe(Story(record, None, waiting), LIMITS)))
    assert document["state"] == "waiting"
    assert document["building"]["next_try"] == "2001-09-09T01:46:40+00:00"
    assert document["building"]["max_attempts"] == 5
    assert document["last_error"]["kind"] == "network"
    assert document["last_error"]["message"] == "no route"


def test_a_refused_file_is_quoted() -> None:
    record = EnvironmentRecord(NAME, OLD.digest, OLD.digest, 1, "foo.yaml")
    file = FileRecord("foo.yaml", "0" * 64, 1, 0, refusal="foo.yaml:1:1: no\n")
    document = yaml.safe_load(render(describe(Story(record, file=file), LIMITS)))
    assert document["refused"] == {"foo.yaml": "foo.yaml:1:1: no\n"}
