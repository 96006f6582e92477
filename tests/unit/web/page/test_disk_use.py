"""The plot of disk use."""

from condafs.web.page.disk_use import LARGEST, Usage, plot_of


def test_the_largest_have_bars_and_the_rest_is_one_sum() -> None:
    known = {f"e{number:02}": Usage(number, 100 - number, 1) for number in range(30)}
    plot = plot_of(known, "apparent")
    assert [name for name, _ in plot.largest] == [f"e{number:02}" for number in range(29, 29 - LARGEST, -1)]
    assert plot.rest_count == 10
    assert plot.rest == Usage(sum(range(10)), 1000 - sum(range(10)), 10)
    assert plot.total == Usage(sum(range(30)), 3000 - sum(range(30)), 30)
    assert plot.scale_bytes == 29


def test_the_order_can_be_by_unique_bytes() -> None:
    known = {"a": Usage(10, 1, 1), "b": Usage(5, 5, 1)}
    assert [name for name, _ in plot_of(known, "unique").largest] == ["b", "a"]


def test_nothing_is_a_plot_too() -> None:
    assert plot_of({}, "apparent").total == Usage()
