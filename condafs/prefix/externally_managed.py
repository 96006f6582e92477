"""`EXTERNALLY-MANAGED`: pip and uv refuse to change a sealed environment, and say what to do instead.

Read-only modes do not stop root, whose `pip uninstall` would then reach the package cache through the hard links.
Format and place are the PyPA's ("Externally Managed Environments", PEP 668); pip looks for it outside of virtual
environments only, so `python -m venv` on top stays free.
"""

from pathlib import Path

from condafs.prefix.layout import MANAGED_FILE
from condafs.prefix.pinning import LIBRARY

TEXT = """\
[externally-managed]
Error=This environment is one build of condafs. Builds never change: the next one is made from the specification.

 To have a package for good, add it to the environment's file in .specs under the mount, and condafs builds it.
 To try one out, put a virtual environment on top:

     python -m venv --system-site-packages DIRECTORY
"""


def refuse_installers(prefix: Path) -> None:
    """Write the file into each python's library, unless a package brings its own."""
    for library in sorted((prefix / "lib").glob("*")):
        if LIBRARY.fullmatch(library.name) and not library.is_symlink() and library.is_dir():
            path = library / MANAGED_FILE
            if not path.exists():
                path.unlink(missing_ok=True)  # a link to nowhere is not written through
                path.write_text(TEXT)
