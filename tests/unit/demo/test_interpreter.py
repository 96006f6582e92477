"""An interpreter becomes a package, whatever its layout."""

import sys
from pathlib import Path

import pytest

from condafs.demo.elf import Elf
from condafs.demo.interpreter import Interpreter, python_package, running_interpreter
from condafs.demo.package import PLACEHOLDER, PackageFile
from tests.unit.demo.made_elf import make_elf

CACHE_TAG = sys.implementation.cache_tag


def lay_out(root: Path, prefix: str, files: dict[str, str]) -> Interpreter:
    """An interpreter below `root / prefix`; the "program" is a text."""
    home = root / prefix
    for path, content in ({"bin/python3.11": "program", "lib/python3.11/site.py": ""} | files).items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(content)
    return Interpreter(home / "bin/python3.11", home, home / "lib/python3.11", "3.11", "3.11.7")


def files_of(interpreter: Interpreter) -> dict[str, PackageFile]:
    return {file.path: file for file in python_package(interpreter).files}


def test_it_is_laid_out_as_conda_does(tmp_path: Path) -> None:
    files = files_of(lay_out(tmp_path, "opt", {"lib/python3.11/os.py": "x = 1\n"}))
    assert files["bin/python3.11"].mode == 0o755
    assert files["bin/python3"].link == files["bin/python"].link == "python3.11"
    assert f"lib/python3.11/__pycache__/os.{CACHE_TAG}.pyc" in files
    assert "lib/python3.11/site-packages/README.txt" in files


def test_a_stdlib_in_lib64_stays_there(tmp_path: Path) -> None:
    found = lay_out(tmp_path, "opt", {"lib64/python3.11/os.py": "", "lib64/python3.11/site.py": ""})
    interpreter = Interpreter(found.executable, found.prefix, found.prefix / "lib64/python3.11", "3.11", "3.11.7")
    assert "lib64/python3.11/os.py" in files_of(interpreter)


@pytest.mark.parametrize(
    "path",
    [
        "test/test_os.py",
        "json/tests/a.py",
        "idlelib/a.py",
        "tkinter/__init__.py",
        "site-packages/mine.py",
        "dist-packages/mine.py",
        "EXTERNALLY-MANAGED",
        "sitecustomize.py",
        "config-3.11-x86_64-linux-gnu/libpython3.11.a",
        "config-3.11-x86_64-linux-gnu/config.c",
        "lib-dynload/_tkinter.cpython-311-x86_64-linux-gnu.so",
        "lib-dynload/_testcapi.cpython-311-x86_64-linux-gnu.so",
    ],
)
def test_what_belongs_to_tests_tk_or_the_machine_is_left_out(tmp_path: Path, path: str) -> None:
    assert f"lib/python3.11/{path}" not in files_of(lay_out(tmp_path, "opt", {f"lib/python3.11/{path}": ""}))


def test_its_prefix_becomes_the_placeholder_where_it_is_told(tmp_path: Path) -> None:
    prefix = tmp_path / "opt"
    data = f"build_time_vars = {{'prefix': '{prefix}', 'LIBDIR': '{prefix}/lib', 'other': '{prefix}ional'}}\n"
    config = "lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile"
    interpreter = lay_out(tmp_path, "opt", {"lib/python3.11/_sysconfigdata__x.py": data, config: f"prefix={prefix}\n"})
    files = files_of(interpreter)
    content = files["lib/python3.11/_sysconfigdata__x.py"].read().decode()
    assert f"'{PLACEHOLDER}'" in content
    assert f"'{PLACEHOLDER}/lib'" in content
    assert f"'{prefix}ional'" in content
    assert files[config].placeholder == "text"


def test_a_file_whose_text_changes_when_linked_ships_no_bytecode(tmp_path: Path) -> None:
    interpreter = lay_out(tmp_path, "opt", {"lib/python3.11/_sysconfigdata__x.py": f"a = '{tmp_path / 'opt'}'\n"})
    assert not [path for path in files_of(interpreter) if path.endswith(f"_sysconfigdata__x.{CACHE_TAG}.pyc")]


def test_debians_python_takes_site_packages_as_a_venv_does(tmp_path: Path) -> None:
    condition = 'sys.base_prefix != sys.prefix or hasattr(sys, "real_prefix")'
    files = files_of(
        lay_out(
            tmp_path,
            "usr",
            {
                "lib/python3.11/site.py": "# dist-packages\n",
                "lib/python3.11/sysconfig.py": f"if {condition}:\n    x = 1\n",
                "lib/python3.11/sitecustomize.py": "import apport_python_hook\n",
            },
        )
    )
    assert files["lib/python3.11/sysconfig.py"].read() == b"if True:\n    x = 1\n"
    assert b"addsitedir" in files["lib/python3.11/sitecustomize.py"].read()


@pytest.mark.parametrize(
    ("needed", "search_path", "moved"),
    [
        ("libpython.so", "PREFIX/lib", "$ORIGIN/../lib"),
        ("libpython.so", "$ORIGIN/../lib", "$ORIGIN/../lib"),
        ("libpython.so", "${ORIGIN}/../lib", "$ORIGIN/../lib"),
        ("$ORIGIN/../lib/libpython.so", "", ""),
    ],
)
def test_libraries_that_the_program_finds_by_itself_come_along(
    tmp_path: Path, needed: str, search_path: str, moved: str
) -> None:
    interpreter = lay_out(tmp_path, "opt", {"lib/libother.so": ""})
    program = make_elf(needed=needed, search_path=search_path.replace("PREFIX", str(interpreter.prefix)))
    interpreter.executable.write_bytes(program)
    (interpreter.prefix / "lib" / "libpython.so").write_bytes(make_elf(needed="libc.so.6", search_path=""))
    files = files_of(interpreter)
    assert "lib/libpython.so" in files
    assert "lib/libother.so" not in files
    elf = Elf.parse(files["bin/python3.11"].read())
    assert elf
    assert elf.search_path == moved


def test_they_are_found_through_a_link_to_the_prefix_as_well(tmp_path: Path) -> None:
    real = lay_out(tmp_path, "python-3.11.7", {"lib/libpython.so": ""})
    real.executable.write_bytes(make_elf(needed="$ORIGIN/../lib/libpython.so", search_path=""))
    link = tmp_path / "python-3.11"
    link.symlink_to(real.prefix)
    interpreter = Interpreter(real.executable, link, link / "lib/python3.11", "3.11", "3.11.7")
    assert "lib/libpython.so" in files_of(interpreter)


def test_libraries_of_the_system_stay_there(tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / "libssl.so.3").write_bytes(b"")
    interpreter = lay_out(tmp_path, "opt", {})
    interpreter.executable.write_bytes(make_elf(needed="libssl.so.3", search_path=str(tmp_path / "system")))
    assert not [path for path in files_of(interpreter) if "libssl" in path]


def test_the_running_interpreter_has_what_it_takes_to_start() -> None:
    interpreter = running_interpreter()
    files = files_of(interpreter)
    folder = interpreter.stdlib.relative_to(interpreter.prefix).as_posix()
    assert files[f"bin/python{interpreter.minor}"].read()[:4] == b"\x7fELF"
    assert {f"{folder}/os.py", f"{folder}/encodings/__init__.py", f"{folder}/lib-dynload/README.txt"} <= set(files)
