"""A damaged catalog is found out without a crash, whatever is done to it; a sound one is not suspected."""

import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from condafs.catalog import attempts, store
from condafs.catalog.opening import find_damage, require_whole
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.errors import CatalogError
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.spec.image import ImageSettings

PAGE = 4096


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with something in each table, in some depth."""
    path = tmp_path_factory.mktemp("sound") / "catalog"

    def fill(transaction: Transaction) -> None:
        for number in range(1, 400):
            name = EnvironmentName(f"name{number % 40}")
            build = BuildName(SpecDigest(f"{number:064x}"), name)
            transaction.now = float(number)
            transaction.put_specification(build.digest, b"{}" * 40)
            record = BuildRecord(build, BuildState.QUEUED, transaction.next_sequence())
            transaction.put_build(record)
            if number % 3:
                environment = EnvironmentRecord(name, build.digest, None, number, f"{name}.yaml")
                transaction.put_environment(transaction.environment(name) or environment)
                attempts.start(transaction, build.digest, number)
                attempts.publish(transaction, build.digest, attempts.Sizes(1, 1, 1), number)
            transaction.put_image(name, ImageSettings(user="1000"))

    with Catalog.open(path) as catalog:
        catalog.write_now(fill)
    return path


@pytest.fixture
def damaged(sound: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "catalog"))


def test_a_sound_catalog_is_whole(sound: Path) -> None:
    assert find_damage(sound) == ""
    Catalog.open(sound, is_probed=True).close()


@dataclass
class Probes:
    """How often all of a catalog was read."""

    count: int = 0


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> Probes:
    probes = Probes()

    def count(path: Path) -> None:
        probes.count += 1
        require_whole(path)

    monkeypatch.setattr(store, "require_whole", count)
    return probes


def test_what_was_closed_in_order_is_not_read_again_unless_somebody_touched_it(damaged: Path, probes: Probes) -> None:
    for expected in (1, 1, 1):  # a copy is another file
        Catalog.open(damaged, is_probed=True).close()
        assert probes.count == expected
    (damaged / "data.mdb").touch()
    Catalog.open(damaged, is_probed=True).close()
    assert probes.count == 2
    (damaged / "clean").write_bytes(b"junk")
    Catalog.open(damaged, is_probed=True).close()
    assert probes.count == 3


def test_who_did_not_look_vouches_for_nothing(damaged: Path, probes: Probes) -> None:
    Catalog.open(damaged).close()
    Catalog.open(damaged, is_probed=True).close()
    assert probes.count == 1
    Catalog.open(damaged).close()
    Catalog.open(damaged, is_probed=True).close()
    assert probes.count == 1, "it was whole, and closed in order twice"


def test_after_an_end_out_of_order_all_of_it_is_read(damaged: Path, probes: Probes) -> None:
    Catalog.open(damaged, is_probed=True).close()
    with pytest.raises(RuntimeError), Catalog.open(damaged, is_probed=True):
        raise RuntimeError
    assert probes.count == 1
    program = "import sys; from pathlib import Path; from condafs.catalog.store import Catalog\n"
    program += "catalog = Catalog.open(Path(sys.argv[1]), is_probed=True); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, damaged]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        other.kill()
    assert probes.count == 1, "the other one counts for itself"
    Catalog.open(damaged, is_probed=True).close()
    assert probes.count == 2
    Catalog.open(damaged, is_probed=True).close()
    assert probes.count == 2


def test_what_is_not_there_is_not_damaged(tmp_path: Path) -> None:
    assert find_damage(tmp_path) == ""


@pytest.mark.parametrize("percent", [0.1, 1, 2, 5, 9, 14, 20, 33, 41, 50, 58, 66, 71, 77, 83, 88, 90])
def test_a_catalog_that_was_cut_off_is_found_out(damaged: Path, percent: float) -> None:
    data = damaged / "data.mdb"
    content = data.read_bytes()
    data.write_bytes(content[: int(len(content) * percent / 100)])
    assert find_damage(damaged)
    with pytest.raises(CatalogError, match="doctor --rebuild-catalog"):
        Catalog.open(damaged, is_probed=True)


@pytest.mark.parametrize("page", range(2, 14))
def test_a_page_of_zeros_is_found_out_unless_nothing_is_on_it(sound: Path, damaged: Path, page: int) -> None:
    content = bytearray((sound / "data.mdb").read_bytes())
    content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    (damaged / "data.mdb").write_bytes(content)
    if not find_damage(damaged):
        with Catalog.open(damaged) as catalog, catalog.snapshot() as snapshot:
            assert len(list(snapshot.builds())) == 399, "a page that was free"


@pytest.mark.parametrize("content", [b"\0" * PAGE * 4, b"no catalog", b"\xff" * 100_000])
def test_garbage_is_no_catalog(damaged: Path, content: bytes) -> None:
    (damaged / "data.mdb").write_bytes(content)
    assert find_damage(damaged)


def test_what_contradicts_itself_is_found_out(damaged: Path) -> None:
    def point_nowhere(transaction: Transaction) -> None:
        record = next(transaction.environments())
        transaction.put_environment(replace(record, current=SpecDigest("f" * 64)))

    with Catalog.open(damaged) as catalog:
        catalog.write_now(point_nowhere)
    assert "points at a build that is not there" in find_damage(damaged)
