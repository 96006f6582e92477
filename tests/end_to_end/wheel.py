"""A distribution that pip installs without a network."""

import zipfile
from pathlib import Path

_INFO = "zzpip-1.0.dist-info"
_FILES = {
    "zzpip.py": "answer = 42\n",
    f"{_INFO}/METADATA": "Metadata-Version: 2.1\nName: zzpip\nVersion: 1.0\n",
    f"{_INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{_INFO}/RECORD": f"zzpip.py,,\n{_INFO}/METADATA,,\n{_INFO}/WHEEL,,\n{_INFO}/RECORD,,\n",
}


def make_wheel(directory: Path) -> Path:
    """`zzpip` 1.0 with the module `zzpip`, whose `answer` is 42."""
    path = directory / "zzpip-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _FILES.items():
            archive.writestr(name, content)
    return path
