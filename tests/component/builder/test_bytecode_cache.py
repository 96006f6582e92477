"""Entries of the bytecode cache: made, published once, linked."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from condafs.builder.bytecode_cache import (
    Draft,
    bytecode_path,
    entry_name,
    key_of,
    link_entry,
    read_modules,
    read_tag,
    write_tag,
)
from condafs.builder.bytecode_in_place import compile_in_place, contested_modules, modules_without_bytecode
from condafs.builder.cache import Cache
from condafs.builder.cage.keeper import NoKeeper
from condafs.builder.cage.level import Level, Reached
from condafs.builder.cage.view import View
from condafs.builder.compilers import Compiled, CompilerError, Compilers, Source
from condafs.builder.interpreter import Interpreter
from condafs.builder.transcript import Transcript
from condafs.builder.workplace import Workplace
from condafs.errors import UnsoundPrefixError
from condafs.prefix.removal import remove_tree
from tests.deep import DEEP, make_deep

PYTHON = "python-3.12.1-0"
TAG = sys.implementation.cache_tag or ""
INTERPRETER = Interpreter(0, (sys.version_info.major, sys.version_info.minor), "", "", "lib")
FREE = Workplace(Path("/"), Cache(Path("/")), NoKeeper(), Reached(Level.NONE))
"""Nothing is kept from compilers."""

UNCHECKED = (1).to_bytes(4, "little")

MODULES = {
    "site-packages/zz/__init__.py": b"VALUE = {'b', 'a', 'c'}\n",
    "site-packages/zz/broken.py": b"print {{ no }}\n",
    "site-packages/zz/placed.py": b"PREFIX = '/placeholder'\n",
    "site-packages/single.py": b"def f():\n    return f.__code__.co_filename\n",
    "site-packages/zz/data.json": b"{}",
    "python-scripts/zz": b"print(1)\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    package = tmp_path / "zz-1.0-0"
    paths = []
    for name, content in MODULES.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        paths.append({"_path": name} | ({"prefix_placeholder": "/placeholder"} if "placed" in name else {}))
    (package / "info").mkdir()
    (package / "info/paths.json").write_text(json.dumps({"paths": paths}))
    return package


def compile_package(package: Path, entry: Path) -> list[Compiled]:
    draft = Draft(package, entry, entry.parent / ".drafts", entry.parent / ".compiled")
    compilers = Compilers(Path(sys.executable), NoKeeper(), View(()))
    results: list[Compiled] = []
    compilers.compile(draft.sources(), results.append)
    compilers.end()
    draft.publish(path for result in results for path, _ in result.failed)
    return results


def link(package: Path, entry: Path, site_packages: Path) -> list[str]:
    """Put package and bytecode into an environment."""
    for name, content in MODULES.items():
        path = site_packages / name.removeprefix("site-packages/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return link_entry(entry, site_packages, "", TAG).in_place


def test_modules_are_the_python_files_below_site_packages(package: Path) -> None:
    modules = {module.path: module.has_prefix for module in read_modules(package)}
    assert modules == {"zz/__init__.py": False, "zz/broken.py": False, "zz/placed.py": True, "single.py": False}


def test_a_package_of_the_days_before_paths_json_has_a_list_of_files(package: Path) -> None:
    (package / "info/paths.json").unlink()
    (package / "info/files").write_text("\n".join(MODULES))
    assert len(read_modules(package)) == 4


@pytest.mark.parametrize(
    ("module", "path"),
    [("zz/part.py", "zz/__pycache__/part.cpython-312.pyc"), ("single.py", "__pycache__/single.cpython-312.pyc")],
)
def test_bytecode_lies_where_python_looks(module: str, path: str) -> None:
    assert bytecode_path(module, "cpython-312") == path


def test_an_entry_is_linked_and_what_has_the_prefix_is_left_to_the_environment(package: Path, tmp_path: Path) -> None:
    entry = tmp_path / "cache" / "zz" / TAG
    failed = [path for result in compile_package(package, entry) for path, _ in result.failed]
    assert failed == [str(package / "site-packages/zz/broken.py")]
    site_packages = tmp_path / "env/site-packages"
    assert link(package, entry, site_packages) == ["zz/placed.py"]
    compiled = sorted(str(path.relative_to(site_packages)) for path in site_packages.rglob("*.pyc"))
    assert compiled == [f"__pycache__/single.{TAG}.pyc", f"zz/__pycache__/__init__.{TAG}.pyc"]
    for path in site_packages.rglob("*.pyc"):
        assert path.stat().st_nlink == 2
        assert path.read_bytes()[4:8] == UNCHECKED


def test_linked_bytecode_is_used_whatever_the_sources_time_and_tracebacks_name_the_real_file(
    package: Path, tmp_path: Path
) -> None:
    entry = tmp_path / "cache/zz" / TAG
    compile_package(package, entry)
    site_packages = tmp_path / "env"
    link(package, entry, site_packages)
    (site_packages / "single.py").write_text("def f():\n    return 'compiled again'\n")
    code = "import single; print(single.f())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=site_packages, capture_output=True, text=True, check=True)
    assert ran.stdout == f"{site_packages}/single.py\n"


def test_the_same_bytes_come_of_the_same_source(package: Path, tmp_path: Path) -> None:
    entries = [tmp_path / "cache/zz" / name for name in ("one", "two")]
    for entry in entries:
        compile_package(package, entry)
    first, second = ({path.name: path.read_bytes() for path in entry.iterdir()} for entry in entries)
    assert first == second


def test_the_second_of_two_that_make_one_entry_finds_it_made(package: Path, tmp_path: Path) -> None:
    entry = tmp_path / "cache/zz" / TAG
    compile_package(package, entry)
    before = os.stat(entry).st_ino
    compile_package(package, entry)
    assert entry.stat().st_ino == before
    assert list((entry.parent / ".drafts").iterdir()) == list((entry.parent / ".compiled").iterdir()) == []


def test_bytecode_that_a_package_brings_itself_stays(package: Path, tmp_path: Path) -> None:
    entry = tmp_path / "cache/zz" / TAG
    compile_package(package, entry)
    own = tmp_path / "env/__pycache__" / f"single.{TAG}.pyc"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"own")
    link(package, entry, tmp_path / "env")
    assert own.read_bytes() == b"own"


def test_a_key_has_the_archives_sum_where_it_is_known() -> None:
    assert key_of("zz-1.0-0", bytes(range(32))) == "zz-1.0-0-0001020304050607"
    assert key_of("zz-1.0-0", None) == "zz-1.0-0"


def test_an_entry_is_for_those_who_have_the_python_that_made_it() -> None:
    names = [entry_name("cpython-312-cb0d", PYTHON, key_of(PYTHON, bytes([number] * 32))) for number in (1, 2)]
    assert names == ["cpython-312-cb0d-0101010101010101", "cpython-312-cb0d-0202020202020202"]


@pytest.mark.parametrize("python", ["python-3.12.1-0", "python-3.12.1-0101010101010101"])
def test_a_python_without_a_sum_has_no_entry(python: str) -> None:
    assert entry_name("cpython-312-cb0d", python, key_of(python, None)) is None


def test_a_tag_is_remembered(tmp_path: Path) -> None:
    assert read_tag(tmp_path, "python-3.12") is None
    write_tag(tmp_path, "python-3.12", "cpython-312-cb0d0d0a")
    assert read_tag(tmp_path, "python-3.12") == "cpython-312-cb0d0d0a"


def test_a_python_that_does_not_run_cannot_compile(tmp_path: Path) -> None:
    with pytest.raises(CompilerError):
        Compilers(tmp_path / "python", NoKeeper(), View(()))
    with pytest.raises(CompilerError):
        Compilers(Path("/bin/false"), NoKeeper(), View(()))


@pytest.mark.parametrize(
    "greeting",
    [
        {"tag": "../../pkgs/zz", "magic": "cb0d0d0a"},
        {"tag": "cpython-312", "magic": "../zz"},
        {"tag": "cpython-312\n", "magic": "cb0d0d0a"},
    ],
)
def test_a_python_whose_tag_leads_elsewhere_cannot_compile(tmp_path: Path, greeting: dict[str, str]) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nprintf '%s\\n' '{json.dumps(greeting)}'\ncat\n")
    python.chmod(0o755)
    with pytest.raises(CompilerError, match="what no python says"):
        Compilers(python, NoKeeper(), View(()))


def test_a_full_disk_is_no_fault_of_the_module(package: Path) -> None:
    compilers = Compilers(Path(sys.executable), NoKeeper(), View(()))
    results: list[Compiled] = []
    compilers.compile([Source(str(package / "site-packages/single.py"), "single.py", "/dev/full")], results.append)
    compilers.end()
    assert isinstance(results[0].error, OSError)


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with this python, and modules in `lib`."""
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/lib").mkdir()
    (tmp_path / "env" / INTERPRETER.executable).symlink_to(sys.executable)
    return tmp_path / "env"


def compile_modules(prefix: Path, modules: list[str]) -> str:
    """Compile in place; returns the log."""
    log = prefix / "log"
    with log.open("ab") as file:
        compile_in_place(INTERPRETER, prefix, modules, FREE, Transcript(file.fileno()))
    return log.read_text()


def test_what_pip_brought_is_compiled_in_place(prefix: Path) -> None:
    (prefix / "lib/brought").mkdir()
    (prefix / "lib/brought/__init__.py").write_text("VALUE = 1\n")
    (prefix / "lib/brought/broken.py").write_text("print {{ no }}\n")
    (prefix / "lib/single.py").write_text("VALUE = 1\n")
    modules = modules_without_bytecode(prefix / "lib")
    assert sorted(modules) == ["brought/__init__.py", "brought/broken.py", "single.py"]
    log = compile_modules(prefix, modules)
    assert modules_without_bytecode(prefix / "lib") == ["brought/broken.py"]
    assert "brought/broken.py does not compile" in log


@pytest.mark.usefixtures("cleared")
def test_modules_are_found_among_directories_of_any_depth(prefix: Path) -> None:
    make_deep(prefix / "lib/deep")
    make_deep(prefix / "__clobbers__/zz-b/lib/deep")
    make_deep(prefix / "lib/deeper", DEEP, "n" * 100)
    (prefix / "lib/single.py").touch()
    assert modules_without_bytecode(prefix / "lib") == ["single.py"]
    assert contested_modules(prefix, "lib") == []
    remove_tree(prefix)


def test_compiling_in_place_does_not_write_through_a_link_into_the_cache(prefix: Path) -> None:
    (prefix / "lib/single.py").write_text("VALUE = 1\n")
    cached = prefix / "cached"
    cached.write_bytes(b"another's")
    linked = prefix / "lib/__pycache__" / f"single.{TAG}.pyc"
    linked.parent.mkdir()
    linked.hardlink_to(cached)
    compile_modules(prefix, ["single.py"])
    assert cached.read_bytes() == b"another's"
    assert linked.read_bytes()[4:8] == UNCHECKED


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A directory of somebody else's, with bytecode of modules that are called as ours."""
    directory = tmp_path / "foreign"
    directory.mkdir()
    for name in ("single", "__init__"):
        (directory / f"{name}.{TAG}.pyc").write_bytes(b"genuine")
    return directory


def assert_genuine(foreign: Path) -> None:
    assert {path.name: path.read_bytes() for path in foreign.iterdir()} == {
        f"single.{TAG}.pyc": b"genuine",
        f"__init__.{TAG}.pyc": b"genuine",
    }


def test_compiling_in_place_removes_nothing_behind_a_link(prefix: Path, foreign: Path) -> None:
    (prefix / "lib/single.py").write_text("VALUE = 1\n")
    (prefix / "lib/__pycache__").symlink_to(foreign)
    with pytest.raises(UnsoundPrefixError, match="a package made lib/__pycache__ a link to"):
        compile_modules(prefix, ["single.py"])
    assert_genuine(foreign)


@pytest.mark.parametrize("place", ["__pycache__", "zz/__pycache__", "zz"])
def test_bytecode_is_not_linked_behind_a_link(package: Path, prefix: Path, foreign: Path, place: str) -> None:
    entry = prefix.parent / "cache/zz" / TAG
    compile_package(package, entry)
    (prefix / "lib" / place).parent.mkdir(exist_ok=True)
    (prefix / "lib" / place).symlink_to(foreign)
    with pytest.raises(UnsoundPrefixError, match=f"a package made lib/{place} a link to {foreign}"):
        link_entry(entry, prefix, "lib", TAG)
    assert_genuine(foreign)


def test_bytecode_is_not_linked_out_of_the_environment(package: Path, prefix: Path) -> None:
    entry = prefix.parent / "cache/zz" / TAG
    compile_package(package, entry)
    (entry / "index").chmod(0o644)
    (entry / "index").write_text(json.dumps([[3, "../../../outside/single.py"]]))
    with pytest.raises(UnsoundPrefixError, match="outside of the environment"):
        link_entry(entry, prefix, "lib", TAG)
    assert not (prefix.parent / "outside").exists()


def spoil_by_a_file(directory: Path, foreign: Path) -> None:
    (directory / "index").symlink_to(foreign / "new")


def spoil_by_a_second_name(directory: Path, foreign: Path) -> None:
    (directory / "sums").hardlink_to(foreign / f"single.{TAG}.pyc")


def spoil_by_a_link(directory: Path, foreign: Path) -> None:
    (directory / "0").unlink()
    (directory / "0").symlink_to(foreign / f"single.{TAG}.pyc")


def spoil_by_a_pipe(directory: Path, foreign: Path) -> None:
    (directory / "0").unlink()
    os.mkfifo(directory / "0")


def spoil_by_absence(directory: Path, foreign: Path) -> None:
    (directory / "0").unlink()


def spoil_by_another_directory(directory: Path, foreign: Path) -> None:
    remove_tree(directory)
    directory.symlink_to(foreign)


def spoil_by_no_directory(directory: Path, foreign: Path) -> None:
    remove_tree(directory)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_by_a_file,
        spoil_by_a_second_name,
        spoil_by_a_link,
        spoil_by_a_pipe,
        spoil_by_absence,
        spoil_by_another_directory,
        spoil_by_no_directory,
    ],
)
def test_of_what_a_compiler_did_beside_its_work_nothing_is_published(
    package: Path, foreign: Path, tmp_path: Path, spoil: Callable[[Path, Path], None]
) -> None:
    foreign.chmod(0o700)
    entry = tmp_path / "cache/zz" / TAG
    draft = Draft(package, entry, tmp_path / "drafts", tmp_path / "compiled")
    sources = draft.sources()
    for source in sources:
        Path(source.target).write_bytes(b"compiled")
    spoil(Path(sources[0].target).parent, foreign)
    with pytest.raises(UnsoundPrefixError, match=r"did not make the bytecode of zz-1\.0-0 as asked"):
        draft.publish([])
    assert not os.path.lexists(entry)
    assert foreign.stat().st_mode & 0o777 == 0o700
    assert_genuine(foreign)


def test_what_is_published_is_out_of_the_compilers_sight_before_it_is_looked_at(package: Path, tmp_path: Path) -> None:
    """A compiler that goes on writes to a directory of the old name, and that is nobody's."""
    draft = Draft(package, tmp_path / "entry", tmp_path / "drafts", tmp_path / "compiled")
    for source in draft.sources():
        Path(source.target).write_bytes(b"compiled")
    before = set(os.listdir(tmp_path / "drafts"))
    draft.publish([])
    assert before
    assert os.listdir(tmp_path / "drafts") == os.listdir(tmp_path / "compiled") == []
    assert (tmp_path / "entry").stat().st_mode & 0o777 == 0o755


def test_modules_that_two_packages_ship_are_found_by_the_loser(tmp_path: Path) -> None:
    loser = tmp_path / "__clobbers__/zz-b/lib/python3.12/site-packages/zz/__init__.py"
    loser.parent.mkdir(parents=True)
    loser.touch()
    (loser.parent / "data.json").touch()
    (tmp_path / "__clobbers__/zz-b/share").mkdir()
    (tmp_path / "__clobbers__/zz-b/share/script.py").touch()
    assert contested_modules(tmp_path, "lib/python3.12/site-packages") == ["zz/__init__.py"]
