"""What a removal leaves behind when it is interrupted can be told from everything else."""

import pytest

from condafs.prefix.seal import is_trash


def test_an_interrupted_removal_is_trash() -> None:
    assert is_trash(f".{'a' * 64}-foo.trash-0123abcd")


@pytest.mark.parametrize("name", [f"{'a' * 64}-foo", ".foo", "foo.trash-01", ".specs"])
def test_nothing_else_is_trash(name: str) -> None:
    assert not is_trash(name)
