"""Build strings of match specs: literal, glob (`py*`, `py*|h*`) or regular expression (`^py.*$`)."""

import re

from condafs.spec.version import refuse_at

_GLOBS = re.compile(r"[A-Za-z0-9_.+!*-]+(?:\|[A-Za-z0-9_.+!*-]+)*")
_EXPRESSION = re.compile(r"\^[A-Za-z0-9_.+*?()|\\-]+\$")


def normalise_build(build: str, text: str, start: int) -> str:
    """The one spelling of a build; "" when any will do.

    conda takes `a*|b` for an alternation of globs, rattler for one glob with a bar in it: it becomes an expression,
    which both read alike.

    Args:
        build: As written.
        text: The text that it is in.
        start: Where it begins there.

    Raises:
        SpecificationError: It cannot be a build; the position is within the text.
    """
    if re.fullmatch(r"[.\s]+", build):
        hint = "remove the dot, or write .* for all versions that begin so"
        raise refuse_at(text, start, "a version cannot end with a dot", hint)
    if build.startswith("^") and build.endswith("$"):
        if _EXPRESSION.fullmatch(build) and _compiles(build):
            return build
    elif _GLOBS.fullmatch(build):
        globs = sorted(set(build.split("|")))
        if "*" in globs:
            return ""
        return globs[0] if len(globs) == 1 else f"^({'|'.join(map(_expression, globs))})$"
    strange = re.search(r"[^A-Za-z0-9_.+!*|-]", build)
    offset = start + (strange.start() if strange else 0)
    hint = "one package a line" if strange and strange[0].isspace() else "as in python=3.12=*_cpython"
    raise refuse_at(text, offset, f"{build!r} cannot be a build", hint)


def _expression(glob: str) -> str:
    return re.sub(r"[.+]", r"\\\g<0>", glob).replace("*", ".*")


def _compiles(expression: str) -> bool:
    try:
        re.compile(expression)
    except (re.error, RecursionError, OverflowError):  # hundreds of nested groups, repetitions beyond counting
        return False
    return True
