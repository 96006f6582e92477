"""Packages spelled as a repository's name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.web.registry.dynamic_path import MAX_COMPONENTS, OPERATORS, DynamicPath, is_dynamic
from condafs.web.registry.refusals import Code, RegistryError
from tests.unit.spec.asked import read

PACKAGES = st.from_regex(r"[a-z0-9]{1,5}([._-]{1}[a-z0-9]{1,5}){0,2}", fullmatch=True).filter(
    lambda name: not set(name.split(".")) & OPERATORS.keys() and not name.endswith((".conda", ".tar.bz2"))
)
VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,3}){0,2}", fullmatch=True)
COMPONENTS = st.builds(
    lambda package, constraints: ".".join([package, *(f"{word}.{version}" for word, version in constraints)]),
    PACKAGES,
    st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), VERSIONS), max_size=3),
)


@pytest.mark.parametrize(
    ("component", "spec"),
    [
        ("numpy", "numpy"),
        ("python.eq.3.12", "python 3.12.*"),
        ("numpy.exact.1.26.4", "numpy ==1.26.4"),
        ("numpy.ge.1.26.lt.2", "numpy <2,>=1.26"),
        ("numpy.ne.1.26.3", "numpy !=1.26.3"),
        ("numpy.gt.1.le.2", "numpy <=2,>1"),
        ("ruamel.yaml.gt.0.17", "ruamel.yaml >0.17"),
        ("backports.zstd", "backports.zstd"),
        ("typing_extensions.ge.4", "typing_extensions >=4"),
        ("importlib__resources", "importlib__resources"),
        ("gcc-linux-64.eq.13", "gcc-linux-64 13.*"),
        ("tzdata.exact.2024a", "tzdata ==2024a"),
        ("jax.ge.0.4.0rc1", "jax >=0.4.0rc1"),
    ],
)
def test_a_component_is_a_match_spec(component: str, spec: str) -> None:
    (found,) = DynamicPath.parse([component]).specs
    name, _, version = spec.partition(" ")
    assert found.split(" ")[0] == name
    assert set(found.partition(" ")[2].split(",")) == set(version.split(","))


@pytest.mark.parametrize(
    ("component", "says"),
    [
        ("numpy.eq", "behind .eq comes a version"),
        ("numpy.eq.x", "behind .eq comes a version"),
        ("numpy.ge.1.lt", "behind .lt comes a version"),
        ("numpy.ge.lt.1", "behind .ge comes a version"),
        ("a" * 201, "more than 200 characters"),
        ("numpy.conda", "archive"),
    ],
)
def test_what_is_no_match_spec_is_refused(component: str, says: str) -> None:
    with pytest.raises(RegistryError, match=re.escape(says)) as caught:
        DynamicPath.parse([component])
    assert caught.value.code is Code.NAME_INVALID


def test_a_path_has_some_packages_and_not_too_many() -> None:
    with pytest.raises(RegistryError, match="packages are missing"):
        DynamicPath.parse([])
    with pytest.raises(RegistryError, match="a repository can ask for 64"):
        DynamicPath.parse(["a"] * (MAX_COMPONENTS + 1))


@given(st.lists(COMPONENTS, min_size=1, max_size=6), st.randoms())
def test_neither_order_nor_repetition_counts(components: list[str], random: object) -> None:
    try:
        path = DynamicPath.parse(components)
    except RegistryError:
        return  # what no version is: 1.01.000 and the like are not for this test
    shuffled = [*components, components[0]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = DynamicPath.parse(shuffled)
    assert again == path
    assert again.environment == path.environment
    assert is_dynamic(path.environment.text)


@given(st.lists(COMPONENTS, min_size=1, max_size=6))
def test_the_file_asks_for_what_the_path_spells(components: list[str]) -> None:
    try:
        path = DynamicPath.parse(components)
    except RegistryError:
        return
    specification = read(path.file.decode(), "x.yaml")
    assert specification.dependencies == path.specs
    assert specification.name == path.environment


def test_the_name_of_an_environment_never_changes() -> None:
    assert DynamicPath.parse(["python.eq.3.12", "rich"]).environment.text == "dynamic-915b1c17ab86783f"
    assert not is_dynamic("dynamic-foo")
