"""Install packages as the builder would, before anything is pinned or sealed; run in a process of its own.

Usage: install.py CHANNEL_URL PREFIX PACKAGE_CACHE SPEC...
"""

import asyncio
import os
import sys
from pathlib import Path

import rattler


async def install(channel: str, prefix: Path, cache: Path, specs: list[str]) -> None:
    """Solve and link."""
    records = await rattler.solve(
        [rattler.Channel(channel)],
        [rattler.MatchSpec(spec) for spec in specs],
        gateway=rattler.Gateway(cache_dir=cache / "repodata"),
        platforms=[rattler.Platform.current(), rattler.Platform("noarch")],
        virtual_packages=rattler.VirtualPackage.detect(),
    )
    await rattler.install(records, target_prefix=prefix, cache_dir=cache, show_progress=False)


asyncio.run(install(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))
os._exit(0)  # py-rattler 0.28 now and then crashes in an ordinary exit
