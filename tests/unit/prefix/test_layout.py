"""condafs's own files can be told from the packages'."""

import pytest

from condafs.prefix.layout import is_added


@pytest.mark.parametrize(
    "path",
    [
        "conda-meta/condafs",
        "conda-meta/condafs/inventory",
        "conda-meta/condafs/originals/bin/pip",
        "bin/.condafs-python3.12",
        "lib/python3.12/site-packages/00-condafs-pin.pth",
        "lib/python3.12/EXTERNALLY-MANAGED",
    ],
)
def test_what_condafs_adds_is_recognised(path: str) -> None:
    assert is_added(path)


@pytest.mark.parametrize(
    "path", ["bin/python", "conda-meta/condafs.lock", "share/.condafs-python", "conda-meta/history"]
)
def test_what_packages_bring_is_not_taken_for_ours(path: str) -> None:
    assert not is_added(path)
