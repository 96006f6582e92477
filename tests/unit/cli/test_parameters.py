import pytest

from condafs.cli.parameters import separate_command


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("run foo python --version", "run foo -- python --version"),
        ("run foo -- python", "run foo -- python"),
        ("run --mount /e foo python -c x", "run --mount /e foo -- python -c x"),
        ("run --mount=/e foo ls", "run --mount=/e foo -- ls"),
        ("run foo --mount /e ls -l", "run foo --mount /e -- ls -l"),
        ("run foo", "run foo"),
        ("run --help", "run --help"),
        ("run", "run"),
        ("status foo --json", "status foo --json"),
        ("run foo sh -c a -- b", "run foo -- sh -c a -- b"),
    ],
)
def test_options_of_the_command_are_set_apart(before: str, after: str) -> None:
    assert separate_command(before.split()) == after.split()
