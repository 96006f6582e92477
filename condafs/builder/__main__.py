"""`python -m condafs.builder [LEVEL]`: see `entry`.

LEVEL is what whoever starts it has put around it already: `bubblewrap` or `unit`.

The warden is forked first: each program that it starts is a fork of it, and of all that a builder loads a fork takes
many times as long (measured on a busy machine: 1.5 and 29 ms).
"""

import importlib
import sys

from condafs.builder.cage.keeper import CageKeeper
from condafs.builder.cage.level import Level
from condafs.builder.cage.warden import fork_warden

if __name__ == "__main__":
    warden = CageKeeper(fork_warden())
    importlib.import_module("condafs.builder.entry").main(warden, Level[(sys.argv[1:] or ["landlock"])[0].upper()])
