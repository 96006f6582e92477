"""Writing what has to be written: on a full disk, that waits for room."""

import logging
from collections.abc import Callable
from typing import TypeVar

import trio

from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.errors import DiskFullError
from condafs.journal import about
from condafs.names import BuildName

logger = logging.getLogger(__name__)

T = TypeVar("T")

FULL_SECONDS = 5
"""How long what must be written waits for room on a full disk before it tries again."""


async def write_patiently(
    catalog: Catalog,
    function: Callable[[Transaction], T],
    build: BuildName | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> T:
    """As `Catalog.write`, but that a full disk is waited for.

    Args:
        catalog: Opened for writing.
        function: As for `Catalog.write`.
        build: What it is about, for the journal.
        tell: Told what is in the way, and "" when that is over.

    Raises:
        CatalogError: LMDB failed; nothing has changed.
    """
    while True:
        try:
            result = await catalog.write(function)
        except DiskFullError as error:
            tell(str(error))
            logger.warning("%s: %s", build or "the queue", error, extra=about(build or ""))
            await trio.sleep(FULL_SECONDS)
        else:
            tell("")
            return result
