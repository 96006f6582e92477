"""Server-sent events as bytes (WHATWG HTML, 9.2)."""

HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no"}
"""The last one keeps nginx from collecting what is to be seen now."""

KEEP_ALIVE_SECONDS = 15
"""How often nothing is said when there is nothing to say: proxies drop connections that are silent for a minute."""


def event(kind: str, text: str, identity: str = "") -> bytes:
    """One event; each line of the text is a line of data."""
    head = f"id: {identity}\n" if identity else ""
    # A carriage return ends a line, too.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    data = "".join(f"data: {line}\n" for line in lines)
    return f"{head}event: {kind}\n{data}\n".encode()


def comment() -> bytes:
    """Nothing, so that the connection is not taken for dead."""
    return b":\n\n"
