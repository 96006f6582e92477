"""Names of repositories."""

import pytest

from condafs.web.registry.refusals import Code, RegistryError
from condafs.web.registry.repository import Repository


@pytest.mark.parametrize(("text", "name"), [("foo", "foo"), ("default/foo", "foo"), ("default", "default")])
def test_an_environment_has_its_name(text: str, name: str) -> None:
    repository = Repository.parse(text)
    assert (repository.text, repository.name, repository.path) == (text, name, None)


def test_the_first_component_asks_for_packages() -> None:
    repository = Repository.parse("condafs-dynamic/rich/python.eq.3.12")
    assert repository.path
    assert repository.path.specs == ("python 3.12.*", "rich")
    assert repository.name == repository.path.environment.text
    assert Repository.parse("condafs-dynamic").path is None, "an environment can be called so"


@pytest.mark.parametrize(
    "text", ["", "Foo", "foo/", "/foo", "a//b", "a..b", "a___b", "-a", "a/../b", "a b", "a\nb", "ä", "a" * 256, "a/.b"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(RegistryError) as caught:
        Repository.parse(text)
    assert caught.value.code is Code.NAME_INVALID


@pytest.mark.parametrize("text", ["library/foo", "default/foo/bar"])
def test_there_are_no_other_namespaces(text: str) -> None:
    with pytest.raises(RegistryError) as caught:
        Repository.parse(text)
    assert caught.value.code is Code.NAME_UNKNOWN
