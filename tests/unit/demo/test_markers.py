"""Requirements become conda dependencies, for the interpreter that runs."""

import sys

import pytest

from condafs.demo.markers import conda_dependency, conda_name, conda_version

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("attrs", ("attrs", "")),
        ("attrs>=23.2.0", ("attrs", ">=23.2.0")),
        ("attrs (>=23.2.0)", ("attrs", ">=23.2.0")),
        ("Typing_Extensions >= 4, <5", ("typing-extensions", ">=4,<5")),
        ("rich[jupyter] ~= 13.0", ("rich", "~=13.0")),
        ("idna; os_name == 'posix'", ("idna", "")),
        ('idna ; python_version >= "3.9"', ("idna", "")),
        ('idna; python_full_version < "100.10"', ("idna", "")),
        ("idna; (os_name == 'nt' or sys_platform == 'linux') and implementation_name == 'cpython'", ("idna", "")),
        ("idna; sys_platform in 'linux darwin'", ("idna", "")),
        ("colorama; os_name == 'nt'", None),
        ("tomli; python_version < '3.11'", None),
        ("pytest; extra == 'test'", None),
        ("odd; no_such_variable == '1'", None),
        ("odd; not a marker", None),
        ("@@@", None),
    ],
)
def test_a_requirement_is_translated(requirement: str, expected: tuple[str, str] | None) -> None:
    assert conda_dependency(requirement) == expected


def test_versions_compare_by_number_and_not_by_letter() -> None:
    assert conda_dependency("a; python_version > '3.9'")
    assert conda_dependency(f"a; python_version == '{MINOR}'")


@pytest.mark.parametrize(
    ("specifiers", "expected"),
    [("==1.2.*", "1.2.*"), ("== 1.2", "==1.2"), ("===1.2", "==1.2"), (">=1, !=1.5.*", ">=1,!=1.5.*"), ("", "")],
)
def test_version_specifiers_are_translated(specifiers: str, expected: str) -> None:
    assert conda_version(specifiers) == expected


def test_names_are_lower_case_with_single_dashes() -> None:
    assert conda_name("Zope.Interface__x") == "zope-interface-x"
