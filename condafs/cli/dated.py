"""Editing one line of a specification: `exclude-newer`, the day as of which packages are wanted. Pure.

Everything else in the text stays as it was, comments, order and line ends included.
"""

import yaml

from condafs.errors import SpecificationError

_KEY = "exclude-newer"


def set_exclude_newer(text: str, day: str) -> str:
    """The same specification as of another day.

    Args:
        text: A specification that was accepted, as a YAML mapping.
        day: `YYYY-MM-DD`.

    Returns:
        The text with the value of `exclude-newer` replaced, or with the line appended.

    Raises:
        SpecificationError: The text is no YAML mapping.
    """
    root = _compose(text)
    for key, value in root.value:
        if key.value == _KEY:
            return _replace_value(text, key, value, day)
    if root.flow_style:
        closing = root.end_mark.index - 1
        separator = ", " if root.value else ""
        return f"{text[:closing].rstrip()}{separator}{_KEY}: {day}{text[closing:]}"
    return _append_line(text, root, day)


def _compose(text: str) -> yaml.MappingNode:
    try:
        # The loader in Python, not the one in C: only its marks know their offset in the text.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        msg = f"this is not YAML: {error}"
        raise SpecificationError(msg) from None
    if not isinstance(root, yaml.MappingNode):
        msg = "only an environment file (a YAML mapping) can be dated"
        raise SpecificationError(msg)
    return root


def _replace_value(text: str, key: yaml.Node, value: yaml.Node, day: str) -> str:
    start, end = value.start_mark.index, value.end_mark.index
    if start == end:  # `exclude-newer:` without a value
        colon = text.index(":", key.end_mark.index) + 1
        return f"{text[:colon]} {day}{text[colon:]}"
    return f"{text[:start]}{day}{text[end:]}"


def _append_line(text: str, root: yaml.MappingNode, day: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    end = root.end_mark.index  # of the text, or where `...` ends the document
    before, after = text[:end], text[end:]
    if before and not before.endswith("\n"):
        before += newline
    return f"{before}{' ' * root.start_mark.column}{_KEY}: {day}{newline}{after}"
