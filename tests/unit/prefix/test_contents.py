"""Comparing what two prefixes hold."""

from condafs.prefix.contents import InstalledPackage, compare_packages

NUMPY_1 = InstalledPackage("numpy", "1.26.4", "py312_0", "c", size_bytes=100)
NUMPY_2 = InstalledPackage("numpy", "2.1.0", "py312_0", "c", size_bytes=130)
PIP = InstalledPackage("pip", "24.0", "0", "c", size_bytes=10)


def test_the_same_packages_differ_in_nothing() -> None:
    assert compare_packages([NUMPY_1, PIP], [PIP, NUMPY_1]) == []


def test_a_new_version_is_a_change_with_the_difference_in_size() -> None:
    (change,) = compare_packages([NUMPY_1], [NUMPY_2])
    assert (change.kind, change.size_bytes, change.before, change.after) == ("changed", 30, NUMPY_1, NUMPY_2)


def test_added_and_removed_packages_come_by_name() -> None:
    changes = compare_packages([PIP], [NUMPY_1])
    assert [(change.name, change.kind, change.size_bytes) for change in changes] == [
        ("numpy", "added", 100),
        ("pip", "removed", -10),
    ]


def test_another_build_of_the_same_version_is_a_change() -> None:
    other = InstalledPackage("numpy", "1.26.4", "py312_1", "c", size_bytes=100)
    assert [change.kind for change in compare_packages([NUMPY_1], [other])] == ["changed"]


def test_pip_replacing_conda_is_a_change() -> None:
    pip = InstalledPackage("numpy", "1.26.4", "", "pypi", "pypi", 100)
    assert [change.kind for change in compare_packages([NUMPY_1], [pip])] == ["changed"]
