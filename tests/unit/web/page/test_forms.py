"""Places to go to."""

import pytest

from condafs.web.page.forms import local_path


@pytest.mark.parametrize("path", ["/", "/environment/foo?before=3#generations", "/ui/", "/a//b"])
def test_paths_of_this_server_are_gone_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text", ["", "//evil", "/\\evil", "\\\\evil", "https://evil", "/a\n", "/\t/evil", "/é", "evil", "/a\\b", "/ "]
)
def test_anything_else_is_the_first_page(text: str) -> None:
    assert local_path(text) == "/"
