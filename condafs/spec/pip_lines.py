"""Lines of a `pip:` list: what pip reads in a requirements file, as far as it does not lead beside the specification.

A line is kept as written, without blanks around it and without a comment. Requirements, URLs, `-e` with a
repository, and options of requirements files are accepted. Refused: files (`-r`, `-c`, `.`, `./package`), because a
specification is one file and its digest stands for all of it; what is no line of a requirements file (`pip install x`,
options such as `-U`).
"""

import re

from condafs.errors import SpecificationError
from condafs.spec.credentials import MASK, is_masked
from condafs.spec.suggest import nearest
from condafs.spec.version import REMEDIES, refuse_at

_COMMENT = re.compile(r"(^|\s)#.*$")
_REQUIREMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S.*", re.IGNORECASE)

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

_FILE_OPTIONS = {"-r": "--requirement", "-c": "--constraint"}
_OPTIONS = frozenset(
    {
        *("-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--trusted-host"),
        *("--no-binary", "--only-binary", "--prefer-binary", "--pre", "--use-feature", "--require-hashes", "--hash"),
        *("-e", "--editable", "-r", "--requirement", "-c", "--constraint", "--config-settings", "--global-option"),
    }
)
"""pip documentation, "Requirements File Format"."""

_OPERATORS = re.compile(r"(===|==|~=|!=|<=|>=|<|>)\s*[^\s,;()=<>!~]+")


def normalise_pip_line(text: str) -> str:
    """The line without comment and blanks around it.

    Raises:
        SpecificationError: Not a line for pip, or one that needs another file; the position is within the text.
    """
    line = _COMMENT.sub("", text).strip()
    start = len(text) - len(text.lstrip())
    if not line:
        raise refuse_at(text, 0, "an empty line for pip", "remove it or write a requirement")
    if len(line.splitlines()) > 1:  # as pip breaks its lines: at U+2028, form feeds and the like as well
        raise refuse_at(text, start, "several lines in one item", "begin each with a dash and a blank of its own")
    if strange := _CONTROL.search(line):
        raise refuse_at(text, start + strange.start(), "a control character in a line for pip", "remove it")
    if line.endswith("\\"):
        hint = "remove the backslash, and write what follows into the same item"
        raise refuse_at(text, start + len(line) - 1, "a line for pip cannot go on in the next item", hint)
    if is_masked(line):
        raise refuse_at(text, text.index(MASK), "the credentials of this URL are masked", "put them back for '***'")
    if line.startswith("-"):
        _check_option(line, text, start)
    elif _is_path(line):
        _check_path(line, text, start)
    elif not _URL.fullmatch(line):
        _check_requirement(line, text, start)
    return line


def _check_option(line: str, text: str, start: int) -> None:
    match = re.match(r"--?[A-Za-z-]+", line)
    option = match[0] if match else line
    value = line[len(option) :].lstrip(" =\t").strip("'\"")
    if len(option) > 2 and option[1] != "-" and option[:2] in _OPTIONS:  # noqa: PLR2004 - `-rfile`, `-ehttps://…`
        option, value = option[:2], line[2:].strip()
    if option not in _OPTIONS:
        near = nearest(option, _OPTIONS) if option.startswith("--") else None
        hint = f"did you mean {near}?" if near else "pip allows options about indexes, links and binaries in lists"
        raise refuse_at(text, start, f"{option!r} is no option of a requirements file", hint)
    if option in (*_FILE_OPTIONS, *_FILE_OPTIONS.values()):
        hint = f"write the lines of {value or 'that file'} into the list"
        why = "elsewhere, which may change" if "://" in value else "beside this one, and there is no beside"
        raise refuse_at(text, start, f"{option} reads a file {why}", hint)
    if option in ("-e", "--editable", "-f", "--find-links") and "://" not in value:
        _check_path(value, text, start)


def _is_path(line: str) -> bool:
    return line.startswith((".", "/", "~", "file:")) or re.match(r"[\w.-]+/", line) is not None


def _check_path(path: str, text: str, start: int) -> None:
    if not path.startswith(("/", "file:///")):
        hint = "write an absolute path, or the repository's URL as in git+https://host/project"
        raise refuse_at(text, start, f"{path!r} is a path beside this file, and there is no beside", hint)


def _check_requirement(line: str, text: str, start: int) -> None:
    match = _REQUIREMENT.fullmatch(line)
    if not match:
        raise refuse_at(text, start, f"{line!r} is nothing that pip can install", "as in requests>=2.31")
    if line.startswith(("pip install ", "pip3 install ")):
        raise refuse_at(
            text, start, "a command where a requirement should be", f"write {line.partition('install ')[2]}"
        )
    rest = match["rest"]
    if not rest or rest[0] in ";@(":
        return
    offset = start + match.start("rest")
    operator = re.match(r"[=<>!~]*", rest)
    if operator and (remedy := REMEDIES.get(operator[0])) and operator[0] != "===":
        raise refuse_at(text, offset, f"there is no operator {operator[0]!r}", f"write {remedy}")
    if re.match(r"=[^=]", rest):
        hint = f"write {line[: match.start('rest')].strip()}=={rest[1:].strip()}"
        raise refuse_at(text, offset, "'=' is conda's; pip compares with '=='", hint)
    if not _OPERATORS.match(rest) and not rest.startswith("--"):
        raise _bad_rest(rest, text, offset)


def _bad_rest(rest: str, text: str, offset: int) -> SpecificationError:
    if rest[0] in "<>=!~":
        return refuse_at(text, offset, f"{rest!r} is no version for pip", "the operators are == != <= >= < > ~= ===")
    return refuse_at(
        text, offset, f"{rest!r} cannot follow a requirement", "one requirement a line, as in requests>=2.31"
    )
