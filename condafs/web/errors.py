"""From what went wrong to a status: each error of condafs, once; and those that only HTTP has."""

from condafs.errors import (
    AmbiguousDigestError,
    CatalogError,
    CondafsError,
    ConflictError,
    DiskFullError,
    ForbiddenError,
    InvalidNameError,
    MachineError,
    NotFoundError,
    QuotaError,
    SpecificationError,
    UserError,
)


class UnauthorizedError(UserError):
    """A token is needed, or the one that was shown is none."""


class NotAllowedError(ForbiddenError):
    """The token does not allow it."""


class BusyError(CondafsError):
    """Not now: something that this needs does not answer, or has too much to do. Asking again helps.

    Args:
        message: What and why.
        retry_seconds: When asking again makes sense.
    """

    def __init__(self, message: str, retry_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class ChannelUnreachableError(UserError):
    """What was asked for depends on a channel that this server cannot reach."""


class TooManyError(UserError):
    """The question would have too much looked into."""


class TooLargeError(UserError):
    """The body of the request is longer than this server reads."""


_STATUS: tuple[tuple[type[CondafsError], int], ...] = (
    (UnauthorizedError, 401),
    (NotAllowedError, 403),
    (TooLargeError, 413),
    (ChannelUnreachableError, 424),
    (NotFoundError, 404),
    (SpecificationError, 400),
    (InvalidNameError, 400),
    (AmbiguousDigestError, 409),
    (ConflictError, 409),
    (ForbiddenError, 409),
    (QuotaError, 507),
    (UserError, 400),
    (BusyError, 503),
    (DiskFullError, 507),
    (CatalogError, 503),
    (MachineError, 503),
)
"""The first that fits. What condafs forbids for a reason that can pass (the current build stays) is a conflict; 403 is
for who may not; a quota that is used up is 507 (RFC 4331, section 6)."""


def status_of(error: CondafsError) -> int:
    """The HTTP status that an error is."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 503)
