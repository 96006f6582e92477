"""From repositories and tags to builds."""

import pytest

from condafs.catalog.records import EnvironmentRecord
from condafs.catalog.transaction import Transaction
from condafs.names import BuildName, EnvironmentName
from condafs.web.registry import lookup
from condafs.web.registry.refusals import Code, RegistryError
from condafs.web.registry.repository import Repository
from tests.component.catalog.records import build_name, put_ready
from tests.component.web.laid import Laid

FIRST, SECOND = "dependencies: [a]\n", "dependencies: [b]\n"


def find(laid: Laid, repository: str, tag: str = "latest") -> BuildName:
    with laid.catalog.snapshot() as snapshot:
        return lookup.find(snapshot, Repository.parse(repository), tag)


def refusal(laid: Laid, repository: str, tag: str = "latest") -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        find(laid, repository, tag)
    return caught.value


def tags(laid: Laid, repository: str) -> set[str]:
    with laid.catalog.snapshot() as snapshot:
        return lookup.tags(snapshot, Repository.parse(repository))


def test_a_build_has_several_tags(laid: Laid) -> None:
    one, two = laid.make_ready("foo", FIRST), laid.make_ready("foo", SECOND)
    assert find(laid, "foo") == find(laid, "default/foo") == two
    assert find(laid, "foo", "g1") == one
    for digits in (7, 12, 64):
        assert find(laid, "foo", one.digest.hex[:digits]) == one
    assert tags(laid, "foo") == {"latest", "g1", "g2", one.digest.short, two.digest.short}
    laid.roll_back(one)
    assert find(laid, "foo") == one
    with laid.catalog.snapshot() as snapshot:
        assert lookup.published(snapshot, Repository.parse("foo"), 9) == [one, two]
        assert lookup.published(snapshot, Repository.parse("foo"), 1) == [one]


@pytest.mark.parametrize("tag", ["g3", "g0", "abcdef", "v1.0", "g99999999999", "Latest"])
def test_a_tag_that_no_build_has_is_refused(laid: Laid, tag: str) -> None:
    laid.make_ready("foo")
    error = refusal(laid, "foo", tag)
    assert error.code is Code.MANIFEST_UNKNOWN
    assert f"no build {tag}" in str(error)


def test_names_that_registries_do_not_take_have_others_there(laid: Laid) -> None:
    build, exact = laid.make_ready("Py3_Cuda+", FIRST), laid.make_ready("foo", FIRST)
    laid.make_ready("Foo", SECOND)
    assert find(laid, "py3_cuda") == build
    assert find(laid, "foo") == exact, "who is called just so comes first"
    with laid.catalog.snapshot() as snapshot:
        assert lookup.repositories(snapshot) == {"py3_cuda", "foo"}
        assert len(lookup.published(snapshot, Repository.parse("foo"), 9)) == 2


def test_what_has_no_build_yet_says_so(laid: Laid) -> None:
    laid.submit("foo")
    assert "no build to use yet; the one that it wants is queued" in str(refusal(laid, "foo"))
    assert refusal(laid, "bar").code is Code.NAME_UNKNOWN
    with laid.catalog.snapshot() as snapshot:
        assert lookup.repositories(snapshot) == set()


def test_retired_environments_have_their_builds_only(laid: Laid) -> None:
    build = laid.make_ready("foo")
    laid.retire("foo")
    assert "is retired" in str(refusal(laid, "foo"))
    assert find(laid, "foo", "g1") == build
    assert tags(laid, "foo") == {"g1", build.digest.short}


def test_digits_that_two_builds_begin_with_are_too_few(laid: Laid) -> None:
    def put(transaction: Transaction) -> None:
        for number in (1, 2):
            put_ready(transaction, number)
        wanted = build_name(1).digest
        transaction.put_environment(EnvironmentRecord(EnvironmentName("foo"), wanted, wanted, 2, "foo.yaml"))

    laid.catalog.write_now(put)
    error = refusal(laid, "foo", "0" * 12)
    assert error.code is Code.MANIFEST_UNKNOWN
    assert "2 builds of foo begin with" in str(error)
    assert find(laid, "foo", build_name(2).digest.hex) == build_name(2)
