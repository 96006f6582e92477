"""What a text under the root means."""

from pathlib import PurePosixPath

import pytest

from condafs.catalog.records import BuildState
from condafs.errors import AmbiguousDigestError, InvalidNameError, NotFoundError
from condafs.names import BuildName, EnvironmentName
from condafs.tree.resolve import find_unpublished, generation_link, resolve, resolve_generation, resolve_target
from tests.component.tree.house import FakeSnapshot

PLACES = (PurePosixPath("/envs"), PurePosixPath("/state/builds"))


@pytest.fixture
def snapshot() -> FakeSnapshot:
    """Three published builds of foo, one of bar."""
    content = FakeSnapshot()
    for text in ("one", "two", "three"):
        content.add_build("foo", text)
    content.add_build("bar", "bar")
    return content


def builds_of_foo(snapshot: FakeSnapshot) -> list[BuildName]:
    return [record.build for record in snapshot.builds_of(EnvironmentName("foo"))]


def test_a_name_means_its_current_build(snapshot: FakeSnapshot) -> None:
    assert resolve(snapshot, "foo") == builds_of_foo(snapshot)[2]


def test_steps_back_count_from_the_current_generation(snapshot: FakeSnapshot) -> None:
    one, two, _ = builds_of_foo(snapshot)
    assert resolve(snapshot, "foo@-1") == two
    assert resolve(snapshot, "foo@-2") == one
    with pytest.raises(NotFoundError):
        resolve(snapshot, "foo@-3")


def test_any_unambiguous_beginning_of_a_digest_resolves(snapshot: FakeSnapshot) -> None:
    for build in builds_of_foo(snapshot):
        for length in (12, 40, 64):
            assert resolve(snapshot, f"foo@{build.digest.hex[:length]}") == build


def test_an_ambiguous_beginning_is_refused() -> None:
    content = FakeSnapshot()
    for number in range(40):
        content.add_build("foo", str(number))
    shared = next(d.hex[0] for d in content.builds if sum(other.hex[0] == d.hex[0] for other in content.builds) > 1)
    with pytest.raises(AmbiguousDigestError, match="give more digits"):
        resolve(content, f"foo@{shared}")


@pytest.mark.parametrize("text", ["nope", "nope@-1", "foo@" + "0" * 64, "0" * 64 + "-foo"])
def test_what_is_not_there_is_not_found(snapshot: FakeSnapshot, text: str) -> None:
    with pytest.raises(NotFoundError):
        resolve(snapshot, text)


@pytest.mark.parametrize(
    "text", ["", "foo@", "foo@-0", "foo@-", "foo@zz", "foo@ABC", "@1", "a b", "\udcff", "foo@\udcff"]
)
def test_what_cannot_be_a_name_is_invalid(snapshot: FakeSnapshot, text: str) -> None:
    with pytest.raises(InvalidNameError):
        resolve(snapshot, text)


def test_a_build_under_another_environments_name_is_not_found(snapshot: FakeSnapshot) -> None:
    build = builds_of_foo(snapshot)[0]
    with pytest.raises(NotFoundError):
        resolve(snapshot, f"{build.digest}-bar")


def test_a_build_in_the_making_does_not_resolve_but_can_be_cancelled(snapshot: FakeSnapshot) -> None:
    build = snapshot.add_build("foo", "four", state=BuildState.BUILDING)
    for text in (str(build), f"foo@{build.digest.short}"):
        with pytest.raises(NotFoundError):
            resolve(snapshot, text)
        found = find_unpublished(snapshot, text)
        assert found is not None
        assert found.build == build


@pytest.mark.parametrize("text", ["foo@-1", "foo@zz", "foo", "x\udcff@1", "0" * 64 + "-foo"])
def test_nothing_else_can_be_cancelled(snapshot: FakeSnapshot, text: str) -> None:
    assert find_unpublished(snapshot, text) is None


def test_targets_of_links_may_be_given_in_every_form(snapshot: FakeSnapshot) -> None:
    one = builds_of_foo(snapshot)[0]
    link = generation_link(one.digest, 1)
    forms = [f"foo@{one.digest.short}", "foo@-2", str(one), f".history/foo/{link}"]
    absolute = [f"/envs/{form}" for form in forms] + [f"/state/builds/{one}"]
    for target in [*forms, *absolute, f"./{one}", f"/envs//{one}/"]:
        assert resolve_target(snapshot, target, PLACES) == one, target


@pytest.mark.parametrize("target", ["/etc", "/envs", ".", "..", "../envs/foo", ".status/foo", ".history/foo", ""])
def test_targets_that_are_no_builds_are_invalid(snapshot: FakeSnapshot, target: str) -> None:
    with pytest.raises(InvalidNameError):
        resolve_target(snapshot, target, PLACES)


def test_a_generation_link_must_have_the_right_number(snapshot: FakeSnapshot) -> None:
    one = builds_of_foo(snapshot)[0]
    assert resolve_generation(snapshot, one.name, f"1-{one.digest.short}") == one.digest
    for link in (f"2-{one.digest.short}", "1-", "x", f"01-{one.digest.short}"):
        with pytest.raises(NotFoundError):
            resolve_generation(snapshot, one.name, link)
