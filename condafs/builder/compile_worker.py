"""Compiles modules, one request a line; runs in the environment's own python (3.7 or later), outside of condafs.

Its text is handed to `python -c`, so it imports nothing but the standard library's core. Lines in and out are JSON::

    out   {"tag": "cpython-312", "magic": "cb0d0d0a"}                      once, at the start
    in    {"files": [[source, name, target], ...]}
    out   {"failed": [[source, why], ...], "errno": number or null, "why": text}

The bytecode has an unchecked hash (PEP 552): nothing compares it with its source when it is imported, whatever
happens to the source's time on the way through archives and image layers. `name` is what tracebacks would show;
importing replaces it by the real path (importlib's `_fix_co_filename`).
"""

import contextlib
import gc
import importlib.util
import json
import marshal
import os
import sys
import warnings

BLOCK_BYTES = 1 << 20
UNCHECKED_HASH = 1  # PEP 552: bit 0 hash-based, bit 1 check the source


def compile_file(source: str, name: str, target: str) -> None:
    """Compile one module; the bytecode is read-only from the start, so that sealing need not touch it."""
    content = read(source)
    code = compile(content, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little")
    write(target, head + importlib.util.source_hash(content) + marshal.dumps(code))


def read(path: str) -> bytes:
    """The content of a file. Without file objects, as `write`: those take longer than the system calls."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        blocks = []
        while block := os.read(fd, BLOCK_BYTES):
            blocks.append(block)
            if len(block) < BLOCK_BYTES:
                break
        return b"".join(blocks)
    finally:
        os.close(fd)


def write(path: str, content: bytes) -> None:
    """Make a file that nobody writes to again."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        while content:
            content = content[os.write(fd, content) :]
    finally:
        os.close(fd)


def work_in_long_turns() -> None:
    """Tell the scheduler that nobody waits for a single answer (sched(7), SCHED_BATCH): fewer changes of process."""
    with contextlib.suppress(OSError):  # a sandbox may not allow it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main() -> None:
    """Answer requests until there are no more."""
    work_in_long_turns()
    gc.disable()  # syntax trees are freed by counting
    for character in range(256):
        # Whether such a string is interned shows in the bytecode, and would depend on the modules before.
        sys.intern(chr(character))
    warnings.simplefilter("ignore")
    answer({"tag": sys.implementation.cache_tag, "magic": importlib.util.MAGIC_NUMBER.hex()})
    for line in sys.stdin:
        failed, number, why = [], None, ""
        for source, name, target in json.loads(line)["files"]:
            try:
                compile_file(source, name, target)
            except OSError as error:  # a full disk is nothing that the module did
                number, why = error.errno, error.strerror or str(error)
                break
            except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
                failed.append([source, "%s: %s" % (type(error).__name__, error)])  # noqa: UP031 - any python reads it
        answer({"failed": failed, "errno": number, "why": why})


def answer(document: "dict[str, object]") -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
