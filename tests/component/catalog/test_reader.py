from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.names import EnvironmentName, SpecDigest
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings
from tests.component.catalog.records import build_name, put_ready


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog") as opened:
        yield opened


def _put_environment(transaction: Transaction, name: str, *, is_visible: bool = True) -> None:
    digest = build_name(1).digest
    transaction.put_environment(
        EnvironmentRecord(EnvironmentName(name), digest, digest, file_name=f"{name}.yaml" if is_visible else "")
    )


def test_names_come_sorted_from_behind_a_name(catalog: Catalog) -> None:
    def fill(transaction: Transaction) -> None:
        for name in ("b", "a", "a-1", "ab", "é", "A"):
            _put_environment(transaction, name)
        _put_environment(transaction, "retired", is_visible=False)

    catalog.write_now(fill)
    with catalog.snapshot() as snapshot:
        assert list(snapshot.environment_names()) == ["A", "a", "a-1", "ab", "b", "retired", "é"]
        assert list(snapshot.environment_names(after="a")) == ["a-1", "ab", "b", "retired", "é"]
        assert list(snapshot.visible_names(after="aa")) == ["ab", "b", "é"]
        assert [record.name.text for record in snapshot.environments(after="b")] == ["retired", "é"]


def test_a_digest_prefix_finds_published_builds_of_that_name_only(catalog: Catalog) -> None:
    catalog.write_now(lambda t: [_with_generation(t, n) for n in (0xA1, 0xA2, 0xB1)])
    catalog.write_now(_others)
    with catalog.snapshot() as snapshot:
        name = EnvironmentName("foo")
        assert [d.hex[:2] for d, _ in snapshot.ready_digests(name)] == ["a1", "a2", "b1"]
        assert [d.hex[:2] for d, _ in snapshot.ready_digests(name, "a")] == ["a1", "a2"]
        assert [d.hex[:2] for d, _ in snapshot.ready_digests(name, "a1")] == ["a1"]
        assert snapshot.ready_digests(name, "c") == []
        assert snapshot.ready_digests(EnvironmentName("nobody")) == []


def _with_generation(transaction: Transaction, byte: int, name: str = "foo") -> None:
    record = BuildRecord(build_name(byte << 248, name), BuildState.READY, transaction.next_sequence(), generation=byte)
    transaction.put_build(record)


def _others(transaction: Transaction) -> None:
    _with_generation(transaction, 0xA3, "foo-bar")
    _with_generation(transaction, 0xA4, "fo")
    queued = BuildRecord(build_name(0xA5 << 248), BuildState.QUEUED, transaction.next_sequence())
    transaction.put_build(queued)


def test_builds_of_a_name_come_by_generation_and_unpublished_ones_last(catalog: Catalog) -> None:
    def fill(transaction: Transaction) -> None:
        for number, generation, state in (
            (1, 0, BuildState.FAILED),
            (2, 2, BuildState.READY),
            (3, 0, BuildState.QUEUED),
            (4, 1, BuildState.READY),
        ):
            record = BuildRecord(build_name(number), state, transaction.next_sequence(), generation=generation)
            transaction.put_build(record)

    catalog.write_now(fill)
    with catalog.snapshot() as snapshot:
        found = [int(record.digest.hex, 16) for record in snapshot.builds_of(EnvironmentName("foo"))]
        assert found == [4, 2, 1, 3]
        assert [int(record.digest.hex, 16) for record in snapshot.active_of(EnvironmentName("foo"))] == [3]


def test_published_builds_are_listed_from_behind_any_of_them(catalog: Catalog) -> None:
    catalog.write_now(lambda t: [put_ready(t, number) for number in range(1, 6)] and None)
    with catalog.snapshot() as snapshot:
        everything = list(snapshot.ready_builds())
        assert everything == [str(build_name(number)) for number in range(1, 6)]
        assert list(snapshot.ready_builds(after=everything[2])) == everything[3:]
        assert list(snapshot.ready_builds(after=str(build_name(0)))) == everything
        assert list(snapshot.ready_builds(after=str(build_name(9)))) == []
        assert snapshot.is_ready(everything[0])
        assert not snapshot.is_ready(str(build_name(1, "bar")))
        assert not snapshot.is_ready("x")


def test_what_follows_from_a_build_follows_its_state(catalog: Catalog) -> None:
    record = catalog.write_now(lambda t: put_ready(t, 1))
    for state in (*BuildState, BuildState.READY):
        changed = replace(record, state=state)
        catalog.write_now(lambda t, changed=changed: t.put_build(changed))
        with catalog.snapshot() as snapshot:
            assert list(snapshot.ready_builds()) == ([str(record.build)] if state is BuildState.READY else [])
            is_active = state in ("queued", "building", "waiting", "deleting")
            assert list(snapshot.active()) == ([changed] if is_active else [])
            assert {s: n for s, n in snapshot.count_by_state().items() if n} == {state: 1}
    catalog.write_now(lambda t: t.remove_build(record.digest))
    with catalog.snapshot() as snapshot:
        assert snapshot.builds_of(record.name) == []
        assert not snapshot.has_builds(record.name)
        assert snapshot.specification(record.digest) is None
        assert not any(snapshot.count_by_state().values())


def test_names_that_are_too_long_to_be_stored_do_not_exist(catalog: Catalog) -> None:
    with catalog.snapshot() as snapshot:
        assert snapshot.environment(EnvironmentName("a" * 600)) is None
        assert snapshot.file("a" * 600) is None
        assert snapshot.image(EnvironmentName("a" * 600)) == DEFAULT_IMAGE
        assert snapshot.ready_digests(EnvironmentName("a" * 600)) == []
        assert list(snapshot.environment_names(after="a" * 600)) == []
        assert snapshot.file("") is None


def test_files_come_with_their_stamps(catalog: Catalog) -> None:
    record = FileRecord("a\udcff.yaml", "0" * 64, 7, -3, SpecDigest("1" * 64), EnvironmentName("a"), "")
    catalog.write_now(lambda t: t.put_file(record))
    with catalog.snapshot() as snapshot:
        assert list(snapshot.files()) == [record]
        assert list(snapshot.file_stamps()) == [("a\udcff.yaml", (7, -3))]
    catalog.write_now(lambda t: t.remove_file(record.file_name))
    with catalog.snapshot() as snapshot:
        assert snapshot.file(record.file_name) is None


def test_an_image_is_kept_until_the_default_is_put_or_the_name_is_forgotten(catalog: Catalog) -> None:
    foo, bar, settings = EnvironmentName("foo"), EnvironmentName("bar"), ImageSettings(user="x")

    def image(name: EnvironmentName) -> ImageSettings:
        with catalog.snapshot() as snapshot:
            return snapshot.image(name)

    assert image(foo) == DEFAULT_IMAGE
    for name in (foo, bar):
        catalog.write_now(lambda t, name=name: t.put_image(name, settings))
    assert (image(foo), image(bar)) == (settings, settings)
    catalog.write_now(lambda t: t.put_image(foo, DEFAULT_IMAGE))
    catalog.write_now(lambda t: t.put_image(foo, DEFAULT_IMAGE))
    catalog.write_now(lambda t: t.remove_environment(bar))
    assert (image(foo), image(bar)) == (DEFAULT_IMAGE, DEFAULT_IMAGE)


def test_digests_of_layers_are_remembered(catalog: Catalog) -> None:
    key, digest = b"\0" * 31 + b"k", b"d" * 32
    catalog.write_now(lambda t: t.put_layer_digest(key, digest))
    with catalog.snapshot() as snapshot:
        assert snapshot.layer_digest(key) == digest
        assert snapshot.layer_digest(digest) is None
