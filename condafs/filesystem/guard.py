"""No exception leaves a handler but FUSEError: any other would end the mount, for everybody.

Cancellation passes, for it is how the daemon ends. What is a person's mistake or the machine's lack becomes its errno;
what is a mistake of ours is logged with its traceback and becomes EIO for that request alone. A return value of the
wrong type would end the mount just the same, so it is ours, too.
"""

import errno
import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeAlias, TypeVar

import pyfuse3

from condafs.errors import CondafsError, SpecificationError, UserError
from condafs.filesystem.encode import errno_of

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
Handler: TypeAlias = Callable[P, Coroutine[Any, Any, R]]


def guarded(
    returns: type | tuple[type, ...], *, specification_errno: int = errno.EINVAL
) -> Callable[[Handler[P, R]], Handler[P, R]]:
    """Guard a handler.

    Args:
        returns: What it must return.
        specification_errno: What a refused specification becomes.
    """

    def decorate(handler: Handler[P, R]) -> Handler[P, R]:
        name = handler.__name__

        @functools.wraps(handler)
        async def guarded_handler(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                result = await handler(*args, **kwargs)
                if isinstance(result, returns):
                    return result
                logger.error("%s returned %r", name, result)
                number = errno.EIO
            except pyfuse3.FUSEError:
                raise
            except OSError as error:
                number = error.errno or errno.EIO
            except SpecificationError as error:
                logger.debug("%s: refused: %s", name, error)  # who submits or moves it says more
                number = specification_errno
            except CondafsError as error:
                logger.log(logging.INFO if isinstance(error, UserError) else logging.WARNING, "%s: %s", name, error)
                number = errno_of(error)
            except Exception:
                logger.exception("%s failed", name)
                number = errno.EIO
            raise pyfuse3.FUSEError(number)

        return guarded_handler

    return decorate
