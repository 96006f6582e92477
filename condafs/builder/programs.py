"""Other people's programs, run for a build: their output goes to the log line by line, the last of it is kept."""

import codecs
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from condafs.builder.cage.inmate import Order
from condafs.builder.cage.keeper import Keeper
from condafs.builder.transcript import Transcript, printable

TAIL_LINES = 20
"""Lines of output that an error message repeats; the log has them all."""

LINGER_SECONDS = 1.0
"""How long output is still read after a program ended while something that it started holds the pipe."""

LONGEST_LINE = 1 << 16
"""Characters after which a line of output is broken, whatever the program thinks."""

_KEPT = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
"""Variables of the daemon that its builds see: whose this machine is. Everything else (the daemon's own python, shells'
start-up files, secrets) is nobody's business."""

_OF_NETWORK = frozenset(
    {
        *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"),
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST"),
        *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES"),
        "PIP_CONFIG_FILE",
    }
)
"""How this machine reaches the network, credentials included: for who may talk to it."""


def is_kept(name: str, *, has_network: bool) -> bool:
    """Whether a variable of the daemon reaches programs; proxies are spelt in lower case as well."""
    is_for_all = name.upper() in _KEPT or name.startswith("LC_")
    return is_for_all or (has_network and name.upper() in _OF_NETWORK)


KILLED = 128 + signal.SIGKILL
"""Status of what was killed, for lack of memory (of the unit, of the machine) more often than by hand."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        status: As a shell counts: 128 + signal.
        tail: Its last lines.
        was_ended: Whether the cage ended it, which the last lines say why.
    """

    status: int
    tail: str
    was_ended: bool = False

    @property
    def was_killed(self) -> bool:
        """Whether somebody killed it who does not say why."""
        return self.status == KILLED and not self.was_ended


def clean_environment(prefix: Path, variables: Mapping[str, str], *, has_network: bool) -> dict[str, str]:
    """What a program of the environment starts with: few of our variables, the environment's `bin` first."""
    kept = {name: value for name, value in os.environ.items() if is_kept(name, has_network=has_network)}
    path = f"{prefix}/bin:{kept.get('PATH') or os.defpath}"
    return {**kept, "PATH": path, "PYTHONNOUSERSITE": "1", **variables}


def run(order: Order, keeper: Keeper, *, source: str, transcript: Transcript) -> Ended:
    """Run a program to its end.

    Args:
        order: What to run, and what it may see.
        keeper: Starts it.
        source: Name that its lines have in the log.
        transcript: Where its output goes.

    Raises:
        OSError: when it cannot be started.
    """
    tail: deque[str] = deque(maxlen=TAIL_LINES)

    def follow(stream: IO[bytes]) -> None:
        with stream:
            for line in map(printable, read_lines(stream.fileno())):
                tail.append(line)
                transcript.output(source, line)

    output, end = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        running = keeper.start(order, (nothing, end, end))
    except OSError:
        os.close(output)
        raise
    finally:
        os.close(nothing)
        os.close(end)
    reader = threading.Thread(target=follow, args=(os.fdopen(output, "rb"),), daemon=True)
    reader.start()
    ended = running.wait()
    reader.join(LINGER_SECONDS)
    for note in (*ended.notes, *_explain(ended.status)):
        tail.append(note)
        transcript.note(f"{source}: {note}")
    status = ended.status if ended.status >= 0 else 128 - ended.status
    return Ended(status, "\n".join(tail), was_ended=bool(ended.notes))


def _explain(status: int) -> tuple[str, ...]:
    if status == -signal.SIGXFSZ:
        return ("it wrote more into one file than is allowed (build-file-bytes)",)
    return ()


def read_lines(fd: int) -> Iterator[str]:
    """Lines of any encoding; the carriage return of a progress bar ends one as well, and so does `LONGEST_LINE`."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    rest = ""
    while chunk := os.read(fd, 65536):
        *lines, rest = (rest + decode(chunk)).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        yield from lines
        if len(rest) >= LONGEST_LINE:
            yield rest
            rest = ""
    if rest:
        yield rest
