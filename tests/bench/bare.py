"""rattler without condafs: solves and installs, nothing else. What condafs is compared with.

Usage: python -m tests.bench.bare CHANNEL PREFIX PACKAGES SPEC...
"""

import asyncio
import os
import sys
from pathlib import Path

from rattler import Gateway, VirtualPackage, install, solve


async def make(channel: str, prefix: str, packages: str, specs: list[str]) -> None:
    """Make one environment the shortest way."""
    records = await solve(
        sources=[channel],
        specs=list(specs),
        gateway=Gateway(cache_dir=Path(packages) / "repodata"),
        virtual_packages=VirtualPackage.detect(),
    )
    await install(
        records, target_prefix=prefix, cache_dir=Path(packages), show_progress=False, execute_link_scripts=True
    )


if __name__ == "__main__":
    asyncio.run(make(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
    # rattler may crash while the interpreter ends, after the work is done.
    os._exit(0)
