"""A disk of one's own, in a file: it can lose power, and it can be full."""

import fcntl
import os
import struct
import subprocess
from pathlib import Path

_SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32): fs/ext4/ext4.h. xfstests cut the power so (src/godown.c)."""
_WITHOUT_FLUSHING = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH


class Disk:
    """An ext4 in a file.

    Args:
        image: The file; made here.
        place: Where it is mounted; made here.
        size_bytes: Of all of it.
    """

    def __init__(self, image: Path, place: Path, size_bytes: int) -> None:
        self.image, self.place = image, place
        with image.open("wb") as file:
            file.truncate(size_bytes)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        place.mkdir()
        self.attach()

    def attach(self) -> None:
        subprocess.run(["mount", "-o", "loop", self.image, self.place], check=True)

    def detach(self) -> None:
        subprocess.run(["umount", self.place], check=True)

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, and what was not on it is lost; then it is there again."""
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING))
        finally:
            os.close(fd)

    def close(self) -> None:
        subprocess.run(["umount", "-l", self.place], check=False, stderr=subprocess.DEVNULL)
        self.image.unlink(missing_ok=True)
