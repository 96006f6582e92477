"""Other people's programs, run for a build: their output goes to the log line by line, the last of it is kept."""

import codecs
import os
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from condafs.builder.transcript import Transcript

TAIL_LINES = 20
"""Lines of output that an error message repeats; the log has them all."""

LINGER_SECONDS = 1.0
"""How long output is still read after a program ended while something that it started holds the pipe."""

_FOREIGN = ("PYTHON", "CONDA", "MAMBA", "VIRTUAL_ENV", "LD_", "JUPYTER", "_CONDA", "_CE_")
"""Variables that would bring the daemon's own python or environment into the one that is made."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: `status` as a shell counts (128 + signal), and its last lines."""

    status: int
    tail: str


def clean_environment(prefix: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """What a program of the environment starts with: our variables without the daemon's python, its `bin` first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    path = f"{prefix}/bin:{kept.get('PATH') or os.defpath}"
    return {**kept, "PATH": path, "PYTHONNOUSERSITE": "1", **variables}


def run(
    arguments: Sequence[str], *, source: str, environment: Mapping[str, str], directory: Path, transcript: Transcript
) -> Ended:
    """Run a program to its end.

    Args:
        arguments: Command and arguments.
        source: Name that its lines have in the log.
        environment: All its variables.
        directory: Where it starts.
        transcript: Where its output goes.

    Raises:
        OSError: when it cannot be started.
    """
    tail: deque[str] = deque(maxlen=TAIL_LINES)

    def follow(stream: IO[bytes]) -> None:
        with stream:
            for line in read_lines(stream.fileno()):
                tail.append(line)
                transcript.output(source, line)

    process = subprocess.Popen(  # noqa: S603 - running what packages bring is the point
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        cwd=directory,
    )
    assert process.stdout  # noqa: S101 - asked for above
    reader = threading.Thread(target=follow, args=(process.stdout,), daemon=True)
    reader.start()
    status = process.wait()
    reader.join(LINGER_SECONDS)
    return Ended(status if status >= 0 else 128 - status, "\n".join(tail))


def read_lines(fd: int) -> Iterator[str]:
    """Lines of any length and encoding; the carriage return of a progress bar ends one as well."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    rest = ""
    while chunk := os.read(fd, 65536):
        *lines, rest = (rest + decode(chunk)).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        yield from lines
    if rest:
        yield rest
