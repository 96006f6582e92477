"""Files that an environment shares with the package cache, kept from the scripts of packages.

A script that writes to a hard link in place would change the cache and every environment made from it. So before
scripts run, shared files lose their write bits (`walk.protect_shared_files`), as sealing would take them anyway; and
because these bits mean nothing to root, scripts run without the capability to pass over them (capabilities(7),
CAP_DAC_OVERRIDE). Files of the environment's own, and replacing a shared file by a new one, are as they should be.
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_PR_CAPBSET_DROP = 24  # linux/prctl.h
_CAP_DAC_OVERRIDE = 1  # linux/capability.h

_Result = TypeVar("_Result")


def call_without_override(function: Callable[[], _Result]) -> _Result:
    """Call a function in a thread whose child processes are bound by permission bits, root's too.

    The bounding set belongs to a thread (capabilities(7)); what it lacks no program gets back. Without the right to
    change it there is nothing to give up, and nothing is done.
    """

    def call() -> _Result:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)
        return function()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()
