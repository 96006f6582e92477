"""`demo`: the guided tour."""

from pathlib import Path

from condafs.demo.tour import run_tour


def demo(*, channel: str | None = None, mountpoint: Path | None = None) -> int:
    """Take a guided tour; it needs no network and leaves nothing behind.

    It makes a channel of its own from the running python and what is installed beside it, mounts in a temporary place,
    and prints each command before running it.

    Args:
        channel: Use this channel instead, a name (conda-forge) or a URL.
        mountpoint: Where to mount: an empty directory. Left out: a temporary one.
    """
    return run_tour(channel, mountpoint)
