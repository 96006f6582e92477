"""A source distribution whose building does what one likes, and writes into its environment how that went."""

import tarfile
from io import BytesIO
from pathlib import Path

BACKEND = """
import os, shutil, socket, sys, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def report(what, action):
    try:
        action()
    except OSError as error:
        what = "HELD " + what + str(error)
    else:
        what = "DONE " + what
    with open(os.path.join(sys.prefix, "zz-evil"), "a") as file:
        file.write(what + "\\n")

def build_wheel(directory, config_settings=None, metadata_directory=None):
    prefix = sys.prefix
    {attempts}
    name = "zz_evil-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        info = "zz_evil-1.0.dist-info/"
        wheel.writestr("zz_evil.py", "")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: zz-evil\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def make_sdist(directory: Path, *attempts: str) -> Path:
    """Make one.

    Args:
        directory: It is made, for everybody to read.
        attempts: Lines of Python: `report(what, action)` writes `DONE what` or `HELD what` into `zz-evil`.
    """
    directory.mkdir(mode=0o755)
    path = directory / "zz_evil-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        metadata = "Metadata-Version: 2.1\nName: zz-evil\nVersion: 1.0\n"
        files = {
            "pyproject.toml": PROJECT,
            "backend.py": BACKEND.format(attempts="\n    ".join(attempts)),
            "PKG-INFO": metadata,
        }
        for name, text in files.items():
            header = tarfile.TarInfo(f"zz_evil-1.0/{name}")
            header.size = len(text.encode())
            tar.addfile(header, BytesIO(text.encode()))
    return path
