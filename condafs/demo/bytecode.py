"""Bytecode of the standard library, valid wherever it is unpacked.

Format of a `.pyc` (PEP 552)::

    magic 4 bytes | flags 4 bytes | hash of the source, or its time and size, 8 bytes | marshalled code

Flags 1 mean: goes by the hash, and does not look at the source to compare. File names in the code do not matter, the
import system corrects them when it loads a module.
"""

import importlib.util
import marshal
from pathlib import Path

_UNCHECKED_HASH = (1).to_bytes(4, "little")
_HEADER_BYTES = 16


def unchecked_bytecode(source: bytes, path: str, compiled: Path | None = None) -> bytes | None:
    """The `.pyc` of a module; None when it does not compile.

    Args:
        source: The module's text.
        path: Its name, for the code to carry.
        compiled: A `.pyc` that may be there already and spares compiling, when it belongs to this very source.
    """
    code = _code_of(compiled, source) if compiled else None
    if code is None:
        try:
            code = marshal.dumps(compile(source, path, "exec", dont_inherit=True))
        except (SyntaxError, ValueError):
            return None
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + code


def _code_of(compiled: Path, source: bytes) -> bytes | None:
    """The code in `compiled` when it was made by this interpreter from a source of the same time and size."""
    module = compiled.parent.parent / f"{compiled.name.partition('.')[0]}.py"
    try:
        content = compiled.read_bytes()
        source_seconds = int(module.stat().st_mtime)
    except OSError:
        return None
    stamp = (source_seconds & 0xFFFFFFFF).to_bytes(4, "little") + (len(source) & 0xFFFFFFFF).to_bytes(4, "little")
    is_current = content[:_HEADER_BYTES] == importlib.util.MAGIC_NUMBER + bytes(4) + stamp
    return content[_HEADER_BYTES:] if is_current else None
