"""What is taken for a catalog: formats and tables of older and newer programs, and what is none at all."""

from functools import partial
from pathlib import Path

import lmdb
import pytest

from condafs.catalog.events import EventKind
from condafs.catalog.records import UsageRecord
from condafs.catalog.schema import LATER_TABLES
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.errors import CatalogError
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings
from tests.component.catalog.records import build_name, put_ready


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog"


def test_a_newer_format_is_refused_with_a_sentence(path: Path) -> None:
    Catalog.open(path).close()
    with lmdb.Environment(str(path), max_dbs=20) as environment:
        meta = environment.open_db(b"meta")
        with environment.begin(write=True) as transaction:
            transaction.put(b"schema", b"2", db=meta)
    with pytest.raises(CatalogError, match="format 2, and this condafs knows format 1"):
        Catalog.open(path)
    with pytest.raises(CatalogError, match="format 2"):
        Catalog.open_read_only(path)
    with pytest.raises(CatalogError, match="format 2"):  # nothing stays locked
        Catalog.open(path)


FIRST_TABLES = (b"meta", b"environments", b"builds", b"builds_of", b"queue", b"files", b"specifications")


def _make_old(path: Path) -> None:
    """A catalog as the first program made it, with a build."""
    with Catalog.open(path) as catalog:
        catalog.write_now(partial(put_ready, number=1))
    with lmdb.Environment(str(path), max_dbs=20) as environment:
        for table in LATER_TABLES:
            handle = environment.open_db(table, create=False)
            with environment.begin(write=True) as transaction:
                transaction.drop(handle)


def _tables(path: Path) -> set[bytes]:
    with lmdb.Environment(str(path), readonly=True, max_dbs=20) as environment, environment.begin() as transaction:
        return set(transaction.cursor().iternext(values=False))


def test_a_reader_that_is_newer_than_the_daemon_takes_what_it_misses_as_empty(path: Path) -> None:
    _make_old(path)
    with Catalog.open_read_only(path) as catalog, catalog.snapshot() as snapshot:
        assert snapshot.build(build_name(1).digest)
        assert snapshot.image(build_name(1).name) == DEFAULT_IMAGE
        assert snapshot.layer_digest(b"k" * 32) is None
        assert list(snapshot.events()) == list(snapshot.events_of(build_name(1).name)) == []
        assert snapshot.first_event() == snapshot.last_event() == 0
        assert list(snapshot.usages()) == []
        assert snapshot.usage(5) == UsageRecord(5)
    assert _tables(path) == set(FIRST_TABLES)


def test_an_old_catalog_gets_its_later_tables_when_it_is_opened_for_writing(path: Path) -> None:
    _make_old(path)
    name, settings = build_name(1).name, ImageSettings(user="x")
    with Catalog.open(path) as catalog:
        catalog.write_now(lambda t: t.put_image(name, settings))
        catalog.write_now(lambda t: t.put_layer_digest(b"k" * 32, b"d" * 32))
        catalog.write_now(lambda t: t.note(EventKind.RETIRED, name))
    with Catalog.open_read_only(path) as catalog, catalog.snapshot() as snapshot:
        assert snapshot.build(build_name(1).digest)
        assert (snapshot.image(name), snapshot.layer_digest(b"k" * 32)) == (settings, b"d" * 32)
        assert [event.number for event in snapshot.events_of(name)] == [1]
    assert _tables(path) == {*FIRST_TABLES, b"images", b"layers", b"events", b"events_of", b"usage", b"pins"}


def test_an_older_program_leaves_later_tables_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, settings = build_name(1).name, ImageSettings(user="x")
    with Catalog.open(path) as catalog:
        catalog.write_now(lambda t: t.put_image(name, settings))
        catalog.write_now(lambda t: t.note(EventKind.RETIRED, name))
    with monkeypatch.context() as older:
        older.setattr("condafs.catalog.opening.TABLES", FIRST_TABLES)
        older.setattr(Transaction, "note", lambda *_, **__: None)
        older.setattr(Transaction, "put_usage", lambda *_: None)
        with Catalog.open(path) as catalog:
            catalog.write_now(partial(put_ready, number=1))
    with Catalog.open(path) as catalog, catalog.snapshot() as snapshot:
        assert snapshot.build(build_name(1).digest)
        assert snapshot.image(name) == settings
        assert [event.kind for event in snapshot.events()] == [EventKind.RETIRED]


def test_a_catalog_that_lacks_one_of_the_first_tables_is_refused(path: Path) -> None:
    _make_old(path)
    with lmdb.Environment(str(path), max_dbs=20) as environment:
        files = environment.open_db(b"files", create=False)
        with environment.begin(write=True) as transaction:
            transaction.drop(files)
    with pytest.raises(CatalogError, match="cannot be used"):
        Catalog.open_read_only(path)


def test_what_is_no_catalog_is_refused(path: Path) -> None:
    path.mkdir()
    (path / "data.mdb").write_bytes(b"something else" * 1000)
    with pytest.raises(CatalogError, match="cannot be used"):
        Catalog.open(path)


def test_there_is_nothing_to_read_where_no_catalog_is(path: Path) -> None:
    with pytest.raises(CatalogError, match="there is no catalog"):
        Catalog.open_read_only(path)
    path.mkdir()
    lmdb.Environment(str(path)).close()
    with pytest.raises(CatalogError, match="cannot be used"):
        Catalog.open_read_only(path)
