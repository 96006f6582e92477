"""Numbers for names: what they are made from is found again, and no text makes anything but a refusal."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.catalog.records import BuildRecord, BuildState
from condafs.errors import CondafsError, InvalidNameError, NotFoundError
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.web.ids import build_id, environment_id, find_build, parse_environment, parse_namespace

digests = st.binary(min_size=32, max_size=32).map(lambda content: SpecDigest(content.hex()))


class Builds:
    """As much of a snapshot as builds are looked up in."""

    def __init__(self, *digests: SpecDigest) -> None:
        self._records: Mapping[SpecDigest, BuildRecord] = {
            digest: BuildRecord(BuildName(digest, EnvironmentName("foo")), BuildState.READY, 1)
            for digest in sorted(digests)
        }

    def build(self, digest: SpecDigest) -> BuildRecord | None:
        return self._records.get(digest)

    def build_beginning(self, hex_digits: str) -> BuildRecord | None:
        return next((record for digest, record in self._records.items() if digest.hex.startswith(hex_digits)), None)


def find(builds: Builds, text: str) -> BuildRecord:
    return find_build(builds, text)  # type: ignore[arg-type]


@given(digests)
def test_a_build_is_found_by_its_number_its_digest_and_its_name(digest: SpecDigest) -> None:
    builds = Builds(digest)
    for text in (str(build_id(digest)), digest.hex, f"{digest}-foo"):
        assert find(builds, text).digest == digest


@given(digests)
def test_numbers_are_such_as_javascript_holds_exactly(digest: SpecDigest) -> None:
    assert 0 <= build_id(digest) < 1 << 53
    assert float(build_id(digest)) == build_id(digest)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_environments_have_such_numbers_too(name: str) -> None:
    assert 0 <= environment_id(name) < 1 << 53


def test_a_digest_of_decimal_digits_is_a_digest_not_a_number() -> None:
    digest = SpecDigest("1" * 64)
    assert find(Builds(digest), digest.hex).digest == digest


def test_a_number_keeps_the_zeros_that_its_digest_begins_with() -> None:
    near, wanted = SpecDigest("1" + "0" * 63), SpecDigest("0" * 12 + "1" + "f" * 51)
    assert build_id(wanted) == 1
    assert find(Builds(near, wanted), "1").digest == wanted


def test_of_two_builds_with_one_number_the_first_answers() -> None:
    first, second = SpecDigest("a" * 13 + "0" * 51), SpecDigest("a" * 13 + "1" * 51)
    assert find(Builds(first, second), str(build_id(second))).digest == first


@pytest.mark.parametrize(
    "text", ["0", str(1 << 52), "9" * 16, "f" * 64, f"{'a' * 64}-bar", f"{'a' * 64}-foo.bar", f"{'b' * 64}-foo"]
)
def test_what_could_be_a_build_and_is_none_is_not_found(text: str) -> None:
    with pytest.raises(NotFoundError, match="there is no build"):
        find(Builds(SpecDigest("a" * 64)), text)


@pytest.mark.parametrize("text", ["", "foo", "-1", "1.5", "9" * 17, "A" * 64, "a" * 63, "a" * 65, "../x", "1\n"])
def test_what_can_be_no_build_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        find(Builds(), text)


@given(st.text() | st.text("0123456789abcdef-", max_size=70) | st.from_regex(r"[0-9a-f]{64}-.*", fullmatch=True))
def test_no_text_ends_in_anything_but_a_refusal(text: str) -> None:
    with pytest.raises(CondafsError):
        find(Builds(), text)
    with pytest.raises(CondafsError):
        parse_environment(text + "x", text)


def test_there_is_one_namespace() -> None:
    parse_namespace("default")
    assert parse_environment("default", "foo") == EnvironmentName("foo")
    with pytest.raises(NotFoundError, match="'other'"):
        parse_namespace("other")
