"""Where condafs, and rattler, keep what they add to a prefix, so that exports can tell it from the packages' own files.

Format::

    conda-meta/condafs/            inventory, inventory.own, originals/, packages.json, sums, build.json
    bin/activate, activate.fish    only where no package brings one
    bin/.condafs-python3.12        the interpreter itself; `bin/python*` are absolute links to it
    lib/python3.12/site-packages/00-condafs-pin.pth
    lib/python3.12/EXTERNALLY-MANAGED
"""

OWN_DIRECTORY = "conda-meta/condafs"
ORIGINALS = f"{OWN_DIRECTORY}/originals"
INVENTORY = f"{OWN_DIRECTORY}/inventory"
OWN_INVENTORY = f"{OWN_DIRECTORY}/inventory.own"
PACKAGES = f"{OWN_DIRECTORY}/packages.json"
SUMS = f"{OWN_DIRECTORY}/sums"
MARKER = f"{OWN_DIRECTORY}/build.json"

INTERPRETER_PREFIX = ".condafs-"
"""Hidden, so that neither people nor completion start the interpreter by its real name; it has to stay in `bin/`
because its library path begins at `$ORIGIN`."""

PIN_FILE = "00-condafs-pin.pth"
"""`site` reads these in order of their names: what other packages' `.pth` files start must see it done."""

MANAGED_FILE = "EXTERNALLY-MANAGED"

CLOBBERS = "__clobbers__"
"""Where rattler puts files whose path another package has: `__clobbers__/<package>/<path>`."""


def is_added(path: str) -> bool:
    """Whether a path below the prefix holds what condafs added beside the packages' own files."""
    directory, _, name = path.rpartition("/")
    return (
        path == OWN_DIRECTORY
        or path.startswith(OWN_DIRECTORY + "/")
        or name in (PIN_FILE, MANAGED_FILE)
        or (directory == "bin" and name.startswith(INTERPRETER_PREFIX))
    )
