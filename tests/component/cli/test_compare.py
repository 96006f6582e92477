import json

import pytest

from condafs.prefix.contents import InstalledPackage
from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs

OLD = (
    InstalledPackage("numpy", "1.26.4", "py312_0", "c", "conda", 60_000_000),
    InstalledPackage("six", "1.16", "0", "c", "conda", 30_000),
    InstalledPackage("zlib", "1.3", "h1_0", "c", "conda", 100_000),
)
NEW = (
    InstalledPackage("numpy", "2.0.0", "py312_0", "c", "conda", 64_000_000),
    InstalledPackage("rich", "13.9", "", "pypi", "pypi", 900_000),
    InstalledPackage("zlib", "1.3", "h1_1", "c", "conda", 100_000),
)


@pytest.fixture(autouse=True)
def two_generations(envs: FakeEnvs) -> None:
    old = envs.add_generation("foo", 1, "a", OLD)
    (envs.mount / "foo@-1").symlink_to(str(old))
    envs.set_current("foo", envs.add_generation("foo", 2, "b", NEW), 2)


def test_diff_shows_what_was_added_removed_and_changed(run: Run) -> None:
    outcome = run("diff", "foo@" + "a" * 12, "foo")
    assert outcome.words[1:] == [
        ["~", "numpy", "1.26.4", "2.0.0", "+4.0 MB"],
        ["+", "rich", "13.9 (pip)", "+900 kB"],
        ["-", "six", "1.16", "-30 kB"],
        ["~", "zlib", "1.3 h1_0", "1.3 h1_1", "0 B"],
        ["1 added, 1 removed, 2 changed, +4.9 MB"],
    ]
    assert "generation 1" in outcome.err


def test_diff_of_one_name_is_what_its_last_update_did(run: Run) -> None:
    assert run("diff", "foo").out == run("diff", "foo@-1", "foo").out != ""


def test_a_number_is_a_generation_of_the_other_environment(run: Run) -> None:
    assert run("diff", "1", "foo").out == run("diff", "foo@-1", "foo").out
    assert run("diff", "foo", "1").out.splitlines()[-1] == "1 added, 1 removed, 2 changed, -4.9 MB"


def test_two_numbers_name_no_environment(run: Run) -> None:
    assert "of which environment?" in run("diff", "1", "2").err


def test_diff_with_itself_is_nothing(run: Run) -> None:
    outcome = run("diff", "foo", "2")
    assert (outcome.code, outcome.out) == (0, "")
    assert "the same packages" in outcome.err


def test_diff_as_json(run: Run) -> None:
    document = json.loads(run("diff", "foo", "--json").out)
    assert document["after"] == "b" * 64 + "-foo"
    numpy = document["changes"][0]
    assert (numpy["kind"], numpy["size_bytes"], numpy["after"]["version"]) == ("changed", 4_000_000, "2.0.0")


def test_diff_with_what_is_not_there_lists_what_is(run: Run) -> None:
    outcome = run("diff", "foo@123", "foo")
    assert outcome.code == 3
    assert "foo@" + "b" * 12 in outcome.err
