"""What is asked of the solver."""

import datetime as dt

import pytest

from condafs.builder.solve import cut_off, requirements, virtual_packages
from condafs.names import EnvironmentName
from condafs.spec.specification import Specification


def specification(*dependencies: str, pip: tuple[str, ...] = ()) -> Specification:
    return Specification(EnvironmentName("foo"), "linux-64", dependencies=dependencies, pip=pip)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", dt.datetime(2026, 11, 1, 23, 59, 59, 999999)),  # noqa: DTZ001 - naive is UTC to rattler
        ("2026-11-01T12:00:00Z", dt.datetime(2026, 11, 1, 12)),  # noqa: DTZ001
        ("2026-11-01T12:00:00+02:00", dt.datetime(2026, 11, 1, 10)),  # noqa: DTZ001
        ("", None),
    ],
)
def test_a_day_means_its_end_and_a_moment_itself(text: str, moment: dt.datetime | None) -> None:
    assert cut_off(text) == moment


def test_without_a_pip_section_nothing_is_added() -> None:
    assert list(requirements(specification("numpy"))) == ["numpy"]


def test_a_pip_section_brings_pip_and_python() -> None:
    assert list(requirements(specification("numpy", pip=("six",)))) == ["numpy", "pip", "python"]


@pytest.mark.parametrize(
    "python", ["python 3.12.*", "conda-forge::python", "python[version='3.12']", "python>=3.11", "python=3.11"]
)
def test_a_python_that_was_asked_for_is_not_asked_for_twice(python: str) -> None:
    assert list(requirements(specification(python, "pip", pip=("six",)))) == [python, "pip"]


def test_overrides_of_the_specification_come_before_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDA_OVERRIDE_GLIBC", "2.5")
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "11.8")
    found = {
        str(package.into_generic()) for package in virtual_packages({"CONDA_OVERRIDE_GLIBC": "2.17", "OTHER": "1"})
    }
    assert {"__glibc=2.17=0", "__cuda=11.8=0"} <= found


def test_an_empty_override_takes_a_virtual_package_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDA_OVERRIDE_GLIBC", "2.5")
    found = [str(package.into_generic()) for package in virtual_packages({"CONDA_OVERRIDE_GLIBC": ""})]
    assert not [package for package in found if package.startswith("__glibc")]
