"""Lists in pages."""

from hypothesis import given
from hypothesis import strategies as st

from condafs.web.registry.paging import Page


@given(st.sets(st.text("abc", min_size=1)), st.integers(1, 5))
def test_all_pages_together_are_the_list(names: set[str], n: int) -> None:
    found: list[str] = []
    while True:
        page = Page.of(names, n, found[-1] if found else "")
        found += page.items
        if not page.has_more:
            break
    assert found == sorted(names)


def test_a_page_says_where_the_next_one_is() -> None:
    page = Page.of({"a", "b", "c"}, 2, "")
    assert page.headers("/v2/_catalog", 2) == {"link": '</v2/_catalog?n=2&last=b>; rel="next"'}
    assert Page.of({"a", "b", "c"}, 2, "b").headers("/v2/_catalog", 2) == {}
    assert Page.of({"a", "b"}, 2, "aa").items == ["b"], "what the last one was may be gone"


def test_nothing_is_asked_for_by_zero() -> None:
    page = Page.of({"a"}, 0, "")
    assert (page.items, page.headers("/", 0)) == ([], {})
    assert Page.of({"a"}, None, "").items == ["a"]
