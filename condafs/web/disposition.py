"""What a browser is told to call a file: `content-disposition` (RFC 6266)."""

from urllib.parse import quote


def disposition(kind: str, file_name: str) -> str:
    """The header's value.

    Args:
        kind: `inline` or `attachment`.
        file_name: Made of names of condafs, so without quotes, slashes and control characters. Headers hold Latin-1
            at most, and names of environments any letters: those go into `filename*` (RFC 8187).
    """
    if file_name.isascii():
        return f'{kind}; filename="{file_name}"'
    plain = file_name.encode("ascii", "replace").decode().replace("?", "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name)}"
