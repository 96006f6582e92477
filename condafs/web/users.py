"""Names of users, remembered for a minute: a page of a hundred environments asks for the same few a hundred times."""

import time
from functools import lru_cache

from condafs.wording import user_text

_SECONDS = 60


def user_name(uid: int) -> str:
    """The name of a user, or the number when nobody has it."""
    return _look_up(uid, int(time.monotonic()) // _SECONDS)


@lru_cache(1024)
def _look_up(uid: int, _minute: int) -> str:
    return user_text(str(uid))
