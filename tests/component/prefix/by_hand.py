"""What conda packages would have linked into a prefix, made without conda."""

import json
from pathlib import Path
from typing import Any

ELF = b"\x7fELF and so on"


def add_python(prefix: Path, version: str = "3.12") -> None:
    """An executable of sorts, its links, its library."""
    (prefix / "bin").mkdir(parents=True, exist_ok=True)
    (prefix / f"lib/python{version}/site-packages").mkdir(parents=True)
    executable = prefix / f"bin/python{version}"
    executable.write_bytes(ELF)
    executable.chmod(0o755)
    (prefix / "bin/python3").symlink_to(f"python{version}")
    (prefix / "bin/python").symlink_to("python3")


def add_record(prefix: Path, name: str, paths: list[dict[str, Any]], **fields: object) -> None:
    """The conda-meta file of one package."""
    record = {
        "name": name,
        "version": "1.0",
        "build": "0",
        "channel": "file:///channel/",
        "files": [path["_path"] for path in paths],
        "paths_data": {"paths_version": 1, "paths": paths},
        **fields,
    }
    (prefix / f"conda-meta/{name}-1.0-0.json").write_text(json.dumps(record))
