"""Bytecode that is valid wherever it is unpacked."""

import importlib.util
import os
import py_compile
import runpy
from pathlib import Path

from condafs.demo.bytecode import unchecked_bytecode

SOURCE = b"VALUE = __file__\n"


def compile_before(module: Path) -> Path:
    """Compile a module as the interpreter does when it is imported."""
    return Path(py_compile.compile(str(module), dfile="as/compiled/before.py", doraise=True) or "")


def test_bytecode_is_marked_as_not_to_be_checked() -> None:
    content = unchecked_bytecode(SOURCE, "lib/a.py")
    assert content
    assert content[:8] == importlib.util.MAGIC_NUMBER + b"\x01\0\0\0"
    assert content[8:16] == importlib.util.source_hash(SOURCE)


def test_the_interpreter_runs_it(tmp_path: Path) -> None:
    content = unchecked_bytecode(b"VALUE = 42\n", "elsewhere/a.py")
    assert content
    (tmp_path / "a.pyc").write_bytes(content)
    assert runpy.run_path(str(tmp_path / "a.pyc"))["VALUE"] == 42


def test_what_does_not_compile_has_none() -> None:
    assert unchecked_bytecode(b"print 1\n", "a.py") is None
    assert unchecked_bytecode(b"a = '\xe9'\n", "a.py") is None
    assert unchecked_bytecode(b"a = 1\0\n", "a.py") is None


def test_current_bytecode_on_disk_is_taken_instead_of_compiling(tmp_path: Path) -> None:
    module = tmp_path / "a.py"
    module.write_bytes(SOURCE)
    compiled = compile_before(module)
    content = unchecked_bytecode(SOURCE, "lib/a.py", compiled)
    assert content
    assert b"as/compiled/before.py" in content


def test_stale_bytecode_on_disk_is_not(tmp_path: Path) -> None:
    module = tmp_path / "a.py"
    module.write_bytes(SOURCE)
    compiled = compile_before(module)
    os.utime(module, (1, 1))
    content = unchecked_bytecode(SOURCE, "lib/a.py", compiled)
    assert content
    assert b"lib/a.py" in content


def test_absent_bytecode_is_made(tmp_path: Path) -> None:
    assert unchecked_bytecode(SOURCE, "lib/a.py", tmp_path / "__pycache__" / "a.cpython-311.pyc")
