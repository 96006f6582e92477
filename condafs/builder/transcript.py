"""A build's log: what people follow with `tail -f`, one line an event, with the time in front.

Format: `2026-11-01 12:00:00 text`; output of other programs as `2026-11-01 12:00:00 zz-badlink | text`. Credentials in
URLs are masked on the way. Lines are written whole by one write(2) each, so that they never mix.
"""

import os
import time

from condafs.spec.credentials import mask_credentials


class Transcript:
    """Writes lines to a file descriptor; any thread may.

    Args:
        fd: Where to; open for appending.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def note(self, text: str) -> None:
        """One event, or several lines of one explanation."""
        self._write(text, "")

    def output(self, source: str, text: str) -> None:
        """What another program said; `source` names it."""
        self._write(text, f"{source} | ")

    def _write(self, text: str, margin: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S ")
        lines = (text.rstrip() or text.strip()).splitlines() or [""]
        masked = [f"{stamp}{margin}{mask_credentials(line)}\n" for line in lines]
        data = "".join(masked).encode("utf-8", "replace")
        while data:
            data = data[os.write(self._fd, data) :]
