"""The `dependencies:` list with its `pip:` lists.

Several `pip:` lists are one, in the order of the file: conda keeps the last, and what the others say would be lost.
A pip list needs pip: when no dependency is called so, `pip` is added, as conda does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from condafs.errors import SpecificationError
from condafs.spec.match_spec import normalise_match_spec
from condafs.spec.nodes import Mapping, Node, Scalar, Sequence
from condafs.spec.pip_lines import normalise_pip_line
from condafs.spec.platforms import SUBDIRS
from condafs.spec.reading import kind_of, read_list, read_text, within
from condafs.spec.source import Source


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Match specs sorted and without duplicates, pip lines in order."""

    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()


def read_dependencies(source: Source, node: Node, platform: str) -> Dependencies:
    """Read the value of `dependencies:`.

    Raises:
        SpecificationError: Anything in it that conda or pip could not install, or would take for something else.
    """
    conda: set[str] = set()
    names: set[str] = set()
    pip: list[str] = []
    items = read_list(source, node, "dependencies")
    for number, item in enumerate(items, 1):
        match item:
            case Mapping():
                pip += _pip_list(source, item, is_last=number == len(items))
            case Sequence():
                raise source.refusal(item.place, "a list within the list", "write every package in a line of its own")
            case Scalar():
                spec = _match_spec(source, item, platform)
                names.add(spec[0])
                conda.add(spec[1])
    if pip and "pip" not in names:
        conda.add("pip")
    return Dependencies(tuple(sorted(conda)), tuple(pip))


def _match_spec(source: Source, item: Scalar, platform: str) -> tuple[str, str]:
    scalar = read_text(source, item, "a dependency")
    if scalar.text.rstrip() in ("pip:", "- pip:"):
        raise source.refusal(scalar.place, "'pip:' in quotes is no list", "remove the quotes")
    spec = within(source, scalar, normalise_match_spec)
    subdir = spec.subdir
    if subdir in SUBDIRS - {platform, "noarch"}:
        hint = f"remove {subdir}, or ask for it in a file for that platform"
        raise source.refusal(scalar.place, f"packages of {subdir} cannot be installed on {platform}", hint)
    return spec.name, str(spec)


def _pip_list(source: Source, item: Mapping, *, is_last: bool) -> Iterator[str]:
    for key, value in item.entries:
        if key.text != "pip":
            raise _not_pip(source, key, value)
        if isinstance(value, Scalar) and value.is_null and not is_last:
            hint = "indent the lines for pip further than 'pip:', or remove 'pip:'"
            raise source.refusal(key.place, "an empty 'pip:' list before other items", hint)
        for line in read_list(source, value, "pip"):
            if isinstance(line, Mapping):
                raise source.refusal(line.place, "a mapping where a line for pip should be", "put the line into quotes")
            yield within(source, read_text(source, line, "a line for pip"), normalise_pip_line)


def _not_pip(source: Source, key: Scalar, value: Node) -> SpecificationError:
    word = key.text.strip()
    text = value.text.strip() if isinstance(value, Scalar) else ""
    if word.endswith(":") and text:
        message, hint = f"YAML reads '{word}: {text}' as a key", f"write it without the blank: {word}:{text}"
    elif word.endswith(":"):
        message, hint = "a package's name is missing behind '::'", "as in conda-forge::numpy"
    elif re.fullmatch(r"sel\(.*\)", word):
        message = f"selectors such as {word} are not evaluated"
        hint = "write one file for each platform, or the package alone if it is this platform's"
    elif word == "conda":
        message, hint = "a 'conda:' list in the list", "write its packages straight into 'dependencies:'"
    elif word.lower() in ("pip", "pypi", "pip3"):
        message, hint = f"there is no list {word!r}", "write 'pip:'"
    elif text:
        message, hint = f"{word!r} is a key here, not a package", f"write {word}={text}"
    elif isinstance(value, Scalar):
        message, hint = f"the ':' behind {word!r} makes it a key", "remove the ':'"
    else:
        message, hint = f"{word!r} with {kind_of(value)}", "only 'pip:' has a list of its own"
    return source.refusal(key.place, message, hint)
