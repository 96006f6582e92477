"""The part of the settings file that a service needs: written, renewed and taken out without touching the rest.

Format: lines between two marks, at the end of the file. A key that stands elsewhere in the file already is the
administrator's own decision and is left out.
"""

import re
from pathlib import Path

import yaml

from condafs.config import Settings, parse_settings
from condafs.errors import SpecificationError, UserError

BEGIN = "# What the service needs; condafs install-service writes these lines anew."
END = "# End of what the service needs."

_NEEDED = {
    "allow-other": "yes",
    "builder-socket": "/run/condafs-build/socket",
    "catalog-group": "condafs-http",
    "http-directory": "/var/lib/condafs-http",
    "http-bind": '[127.0.0.1:8080, "unix:/run/condafs-http/socket"]',
    "gc-request": "/run/condafs/collect",
}

_BLOCK = re.compile(rf"(?:^|\n){re.escape(BEGIN)}\n.*?{re.escape(END)}\n", re.DOTALL)


def with_service(text: str, path: Path) -> str:
    """The file's text with what a service needs.

    Args:
        text: As it is.
        path: For what is said about it.

    Raises:
        UserError: It is no settings file, or not one that lines can be added to.
    """
    bare = without_service(text)
    decided = _keys(bare, path)
    lines = [f"{key}: {value}" for key, value in _NEEDED.items() if key not in decided]
    separator = "\n" if bare else ""
    full = f"{bare}{'' if not bare or bare.endswith(chr(10)) else chr(10)}{separator}{BEGIN}\n"
    full += "".join(f"{line}\n" for line in lines) + f"{END}\n"
    _check(full, path)
    return full


def without_service(text: str) -> str:
    """The file's text without it."""
    return _BLOCK.sub("", text)


def _keys(text: str, path: Path) -> set[str]:
    _check(text, path)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return {str(key.value) for key, _ in root.value} if isinstance(root, yaml.MappingNode) else set()


def _check(text: str, path: Path) -> None:
    try:
        parse_settings(text, Settings(state=Path("/")))
    except SpecificationError as error:
        raise UserError(error.render(str(path)).rstrip()) from None
