"""The child process that lays out and hashes exports, so that the daemon's event loop never waits for it.

Usage::

    python -m condafs.export layout PREFIX NAME DIRECTORY
        writes DIRECTORY, complete or not at all: `tar` and `layers`, two indexes
    python -m condafs.export digest INDEX ROOT START,SIZE...
        prints the SHA-256 of each of these parts of an archive, a line each, as soon as it is known
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from condafs.export.environment import Environment
from condafs.export.facts import Facts, LaidOut
from condafs.export.index import LAYERS, TAR, Index
from condafs.export.layers import IMAGE_PREFIX, image_layers
from condafs.export.layout import IndexWriter
from condafs.export.member import Member
from condafs.export.reader import Reader
from condafs.export.restoration import read_environment
from condafs.export.tarball import tar_members
from condafs.names import EnvironmentName
from condafs.prefix.activation import environment_variables, read_variables
from condafs.prefix.marker import read_marker

_HASHED_AT_ONCE = 1 << 20


def lay_out(prefix: Path, name: EnvironmentName, directory: Path) -> None:
    """Write the indexes of a build.

    Args:
        prefix: Sealed.
        name: Of the environment.
        directory: Appears by one rename; what is there stays, if somebody was faster.

    Raises:
        OSError, ValueError: The prefix is damaged, or there is no room.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".making-", dir=directory.parent))
    try:
        environment = read_environment(prefix, name)
        writer = IndexWriter()
        _add_archive(writer, tar_members(environment))
        writer.write(draft / TAR)
        writer, layers = IndexWriter(), []
        for layer in image_layers(environment):
            start = writer.size_bytes
            _add_archive(writer, layer.members)
            laid_out = LaidOut(start, writer.size_bytes - start, layer.key.hex(), layer.comment, layer.package)
            layers.append(asdict(laid_out))
        writer.write(draft / LAYERS, {"layers": layers, "facts": asdict(_facts(environment))})
        draft.chmod(0o755)
        _publish(draft, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _publish(draft: Path, directory: Path) -> None:
    try:
        draft.rename(directory)
    except OSError:
        if all((directory / name).is_file() for name in (TAR, LAYERS)):
            return  # somebody was faster
        shutil.rmtree(directory)  # half removed
        draft.rename(directory)


def _facts(environment: Environment) -> Facts:
    prefix = environment.prefix
    marker = read_marker(prefix)
    return Facts(
        created=environment.created,
        variables=environment_variables(prefix, read_variables(prefix), Path(IMAGE_PREFIX)),
        has_python=any(item.path == "bin/python" for item in environment.items),
        lock_sha256=marker.lock_sha256 if marker else "",
    )


def _add_archive(writer: IndexWriter, members: Sequence[Member]) -> None:
    for member in members:
        writer.add_member(member)
    writer.end_archive()


def print_digests(index: Path, root: Path, parts: list[tuple[int, int]]) -> None:
    """Print the SHA-256 of parts of an archive."""
    reader = _open(index, root)
    buffer = memoryview(bytearray(_HASHED_AT_ONCE))
    for start, size in parts:
        hashed = hashlib.sha256()
        for offset in range(0, size, _HASHED_AT_ONCE):
            view = buffer[: min(_HASHED_AT_ONCE, size - offset)]
            reader.read_into(view, start + offset)
            hashed.update(view)
        print(hashed.hexdigest(), flush=True)  # noqa: T201 - the answer


def _open(path: Path, root: Path) -> Reader:
    with path.open("rb") as file:
        return Reader(Index(file.fileno()), os.open(root, os.O_PATH | os.O_DIRECTORY))


def _main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["layout", prefix, name, directory]:
                lay_out(Path(prefix), EnvironmentName(name), Path(directory))
            case ["digest", index, root, *parts]:
                ranges = [(int(start), int(size)) for start, _, size in (part.partition(",") for part in parts)]
                print_digests(Path(index), Path(root), ranges)
            case _:
                sys.stderr.write(__doc__ or "")
                return 2
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
