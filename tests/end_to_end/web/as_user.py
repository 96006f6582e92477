"""`condafs ...` as another user, who could not even find this python: it is loaded first, then the rights are dropped.

Usage: python -m tests.end_to_end.web.as_user UID GID ARGUMENTS...
"""

# What is imported here could not be read later.
import encodings.idna
import encodings.unicode_escape
import encodings.utf_8_sig  # noqa: F401
import os
import sys

import condafs.cli.serve
import condafs.web.server  # noqa: F401
from condafs.cli.application import run_command_line

if __name__ == "__main__":
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[1]))
    sys.exit(run_command_line(sys.argv[3:]))
