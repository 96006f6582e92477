"""`condafs ...` as somebody who may not be able to find this python: it is loaded first, then the rights are dropped.

Usage: python -m tests.mounted.as_person UID GROUP ARGUMENTS...
"""

import encodings.idna  # noqa: F401 - what is imported here could not be read later
import grp
import os
import sys

import condafs.cli.quota
import condafs.cli.report
import condafs.cli.steer
import condafs.cli.submit  # noqa: F401
from condafs.cli.application import run_command_line

if __name__ == "__main__":
    uid = int(sys.argv[1])
    os.setgroups([grp.getgrnam(sys.argv[2]).gr_gid] if sys.argv[2] else [])
    os.setgid(uid)
    os.setuid(uid)
    sys.exit(run_command_line(sys.argv[3:]))
