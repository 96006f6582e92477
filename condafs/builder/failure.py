"""Why a build failed: from exceptions of many makers to a `FailureKind` and a text for people.

rattler's error classes have no common base and no cause; what went wrong is lines of text (shared experiment,
py-rattler 0.28). The tests hold real errors of each kind against this table. Explanations are kept whole.
"""

import errno
import re

from condafs.builder.protocol import FailureKind
from condafs.errors import CondafsError, UnsoundPrefixError

_NETWORK = "|".join(  # noqa: FLY002 - one alternative a line
    (
        r"HTTP status server error",
        r"HTTP status client error \((408|425|429)",
        r"\b5\d\d (Server Error|Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time)",
        r"tcp connect error|dns error|client error \(Connect\)|error sending request|error decoding response body",
        r"[Cc]onnection (reset|closed|error|refused|aborted|broken)|IncompleteRead|IncompleteMessage",
        r"end of file before message length reached",
        r"Failed to establish a new connection|[Nn]ame resolution|Network is unreachable|No route to host",
        r"os error (101|103|104|110|111|113)\b",
    )
)

_BY_TEXT: tuple[tuple[FailureKind, str], ...] = (
    (FailureKind.DISK_FULL, r"os error (28|122)\b|[Nn]o space left on device|[Dd]isk quota exceeded"),
    (FailureKind.LOCKED, r"os error 11\b|[Rr]esource temporarily unavailable|[Cc]ould not (acquire|get) .*lock"),
    (FailureKind.CHECKSUM, r"hash mismatch|checksum mismatch|THESE PACKAGES DO NOT MATCH THE HASHES"),
    (FailureKind.TIMEOUT, r"operation timed out|deadline has elapsed|[Rr]ead ?timed out|[Cc]onnect(ion)? ?timed out"),
    (FailureKind.CHANNEL, r"could not find subdir"),
    (FailureKind.NETWORK, _NETWORK),
)
"""In order: the first that matches decides, so that a full disk behind a failed download is a full disk."""

_BY_CLASS = {
    "SolverError": FailureKind.UNSATISFIABLE,
    "InvalidMatchSpecError": FailureKind.BAD_SPEC,
    "InvalidPackageNameError": FailureKind.BAD_SPEC,
    "InvalidVersionSpecError": FailureKind.BAD_SPEC,
    "InvalidVersionError": FailureKind.BAD_SPEC,
    "InvalidChannelError": FailureKind.BAD_SPEC,
    "InvalidUrlError": FailureKind.BAD_SPEC,
    "ParseSubdirError": FailureKind.BAD_SPEC,
    "DetectVirtualPackageError": FailureKind.BAD_SPEC,
    "VirtualPackageOverrideError": FailureKind.BAD_SPEC,
    "GatewayError": FailureKind.CHANNEL,
    "FetchRepoDataError": FailureKind.CHANNEL,
    "InstallerError": FailureKind.PACKAGE,
    "LinkError": FailureKind.PACKAGE,
    "TransactionError": FailureKind.PACKAGE,
    "ExtractError": FailureKind.PACKAGE,
    UnsoundPrefixError.__name__: FailureKind.PACKAGE,
}
"""rattler's own classes by name, for what no line of text gave away; and ours of what packages made."""

_SOLVER_INTERRUPTED = re.compile(r"cancelled|timed? ?out", re.IGNORECASE)
_OUT_OF_MEMORY = re.compile(r"can't start new thread|os error 12\b|Errno 12\b|[Cc]annot allocate memory")
_NO_THREAD = re.compile(r"ThreadPoolBuildError|code: 11\b|os error 11\b|os error 12\b|failed to spawn thread")


class BuildError(CondafsError):
    """A build cannot go on.

    Args:
        kind: Decides about trying again.
        message: For people, several lines at times.
    """

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def classify(error: BaseException) -> tuple[FailureKind, str]:
    """The kind and the text of whatever ended a build."""
    if isinstance(error, BuildError):
        return error.kind, error.message
    text = str(error).rstrip() or type(error).__name__
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text):
        return FailureKind.KILLED, f"the builder ran out of memory (build-memory-bytes): {text}"
    if isinstance(error, OSError):
        words = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return _kind_of_number(error.errno) or kind_of_text(text) or FailureKind.INTERNAL, words or text
    name = type(error).__name__
    if name == "SolverError":  # its explanation lists packages: no words of it may be taken for a network's
        stopped = _SOLVER_INTERRUPTED.search(text) and "incompatible" not in text and "candidates" not in text
        return FailureKind.TIMEOUT if stopped else FailureKind.UNSATISFIABLE, text
    if name not in _BY_CLASS:
        return kind_of_text(text) or FailureKind.INTERNAL, f"{name}: {text}"
    return kind_of_text(text) or _BY_CLASS[name], text


def classify_panic(text: str) -> tuple[FailureKind, str]:
    """The kind and the text of a panic in one of rattler's threads, which are short of memory more often than wrong."""
    if _NO_THREAD.search(text):
        return FailureKind.KILLED, f"the builder ran out of memory or threads (build-memory-bytes):\n{text}"
    return kind_of_text(text) or FailureKind.INTERNAL, text


def kind_of_text(text: str) -> FailureKind | None:
    """What the lines of an error or of a program's output give away, None when nothing."""
    return next((kind for kind, pattern in _BY_TEXT if re.search(pattern, text)), None)


def _kind_of_number(number: int | None) -> FailureKind | None:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return FailureKind.DISK_FULL
    if number in (errno.EAGAIN, errno.EDEADLK, errno.ENOLCK):
        return FailureKind.LOCKED
    return None
