from hypothesis import given
from hypothesis import strategies as st

from condafs.garbage.usage import Holding, add_up


def test_packages_belong_to_who_has_them_alone() -> None:
    disk = add_up(
        [
            Holding("foo", 1000, 10, {"python-3", "numpy-2"}),
            Holding("foo", 1100, 11, {"python-3", "numpy-2"}),
            Holding("bar", 500, 5, {"python-3", "gone-1"}),
        ],
        {"python-3": 300, "numpy-2": 200, "idle-1": 50},
        other_bytes=7,
    )
    foo, bar = disk.usages
    assert (foo.owner, foo.builds, foo.apparent_bytes, foo.unique_bytes, foo.package_bytes) == ("foo", 2, 2100, 21, 200)
    assert (bar.owner, bar.builds, bar.apparent_bytes, bar.unique_bytes, bar.package_bytes) == ("bar", 1, 500, 5, 0)
    assert (disk.shared_bytes, disk.unused_bytes, disk.cache_bytes, disk.total_bytes) == (300, 50, 557, 583)


WORDS = st.sampled_from(["a", "b", "c", "d"])
HOLDINGS = st.lists(st.builds(Holding, WORDS, st.integers(0, 99), st.integers(0, 99), st.sets(WORDS)))


@given(HOLDINGS, st.dictionaries(WORDS, st.integers(0, 99)))
def test_every_byte_is_counted_once(holdings: list[Holding], packages: dict[str, int]) -> None:
    disk = add_up(holdings, packages)
    assert disk.total_bytes == sum(holding.own_bytes for holding in holdings) + sum(packages.values())


@given(HOLDINGS, st.dictionaries(WORDS, st.integers(0, 99)), WORDS)
def test_what_an_owner_has_alone_is_what_is_unused_without_it(
    holdings: list[Holding], packages: dict[str, int], owner: str
) -> None:
    before = add_up(holdings, packages)
    after = add_up([holding for holding in holdings if holding.owner != owner], packages)
    mine = [usage for usage in before.usages if usage.owner == owner]
    freed = sum(usage.unique_bytes + usage.package_bytes for usage in mine)
    assert before.total_bytes - (after.total_bytes - after.unused_bytes) - before.unused_bytes == freed
