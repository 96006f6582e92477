from pathlib import Path

from condafs.catalog.records import BuildRecord, BuildState
from condafs.catalog.store import Catalog
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.scheduler.leftovers import digest_in, find_leftovers


def test_only_what_nobody_needs_is_a_leftover(tmp_path: Path) -> None:
    builds = tmp_path / "builds"
    expected = set()
    with Catalog.open(tmp_path / "catalog") as catalog:
        for number, state in enumerate(BuildState, 1):
            build = BuildName(SpecDigest(f"{number:064x}"), EnvironmentName("foo"))
            record = BuildRecord(build, state, number, generation=number)
            catalog.write_now(lambda t, record=record: t.put_build(record))
            (builds / str(build)).mkdir(parents=True)
            if state in (BuildState.FAILED, BuildState.CANCELLED, BuildState.SUPERSEDED):
                expected.add(str(build))
        unknown = f"{99:064x}-foo"
        for name in (unknown, ".x.trash-01", "lost+found"):
            (builds / name).mkdir()
        assert set(find_leftovers(builds, catalog.snapshot)) == expected | {unknown, ".x.trash-01"}


def test_no_directory_has_no_leftovers(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog") as catalog:
        assert find_leftovers(tmp_path / "builds", catalog.snapshot) == []


def test_trash_tells_whose_it_is() -> None:
    digest = SpecDigest("0" * 63 + "1")
    assert digest_in(f"{digest}-foo") == digest
    assert digest_in(f".{digest}-foo.trash-01234567") == digest
    assert digest_in("lost+found") is None
    assert digest_in(".x.trash-01") is None
