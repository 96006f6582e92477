import pytest

from condafs.builder.protocol import Phase, Progress
from condafs.scheduler.overview import Overview

FETCH = Progress(Phase.FETCH, "scipy", 3, 20)


@pytest.mark.parametrize(
    ("overview", "line"),
    [
        (Overview(0), "0 environments"),
        (Overview(1), "1 environment"),
        (Overview(12, [("numpy", FETCH)], queued=2), "12 environments, building numpy (fetch 3/20), 2 queued"),
        (Overview(2, [("a", None), ("b", Progress(Phase.SOLVE, "x", 1, 2))]), "2 environments, building a, b (solve)"),
        (Overview(5, [(name, None) for name in "abcde"]), "5 environments, building a, b, c and 2 more"),
        (Overview(2, waiting=1, removing=3), "2 environments, 1 waiting for the next try, 3 being removed"),
    ],
)
def test_one_line_says_what_goes_on(overview: Overview, line: str) -> None:
    assert overview.line() == line
