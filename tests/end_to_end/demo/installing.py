"""Solves and installs with rattler alone, in a process of its own, to see what the channel is worth without condafs.

Usage: python installing.py CHANNEL_URL PREFIX PACKAGE_CACHE SPEC...
"""

import asyncio
import os
import sys
from pathlib import Path

from rattler import Channel, VirtualPackage, install, solve


async def main(channel: str, prefix: str, cache: str, *specs: str) -> None:
    records = await solve([Channel(channel)], list(specs), virtual_packages=VirtualPackage.detect())
    await install(records, prefix, cache_dir=Path(cache), show_progress=False)


asyncio.run(main(*sys.argv[1:]))
os._exit(0)  # rattler may crash when the interpreter ends in the ordinary way
