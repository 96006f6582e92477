"""Requirements of Python distributions, as conda dependencies.

Source: PEP 508. A marker is also a Python expression by its grammar, so it is read as one, and the few kinds of nodes
that it can have are evaluated. Markers are decided for the running interpreter: the channel holds no other.
"""

import ast
import operator
import os
import platform
import re
import sys
from collections.abc import Callable
from typing import Any

_REQUIREMENT = re.compile(r"\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;()@]*)\)?\s*(?:;(.*))?", re.DOTALL)
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,  # codespell:ignore notin
}


def conda_name(name: str) -> str:
    """A distribution's name as conda writes it: lower case, dashes (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def conda_dependency(requirement: str) -> tuple[str, str] | None:
    """A `Requires-Dist` line as (name, version constraint); None when its marker does not hold here.

    `attrs (>=22.2) ; python_version >= "3.8"` -> `("attrs", ">=22.2")`
    """
    match = _REQUIREMENT.fullmatch(requirement)
    if not match or (match[3] and not _holds(match[3])):
        return None
    return conda_name(match[1]), conda_version(match[2])


def conda_version(specifiers: str) -> str:
    """PEP 440 specifiers as a conda constraint: `==1.2.*, !=1.2.3` -> `1.2.*,!=1.2.3`."""
    parts = [re.sub(r"\s+", "", part) for part in specifiers.split(",")]
    return ",".join(re.sub(r"^===?(.*\*)$", r"\1", part).replace("===", "==") for part in parts if part)


def _holds(marker: str) -> bool:
    try:
        return bool(_evaluate(ast.parse(marker.strip(), mode="eval").body))
    except (SyntaxError, KeyError, TypeError):
        return False


def _evaluate(node: ast.expr) -> bool:
    if isinstance(node, ast.BoolOp):
        values = [_evaluate(value) for value in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.Compare):
        left, right = _operand(node.left), _operand(node.comparators[0])
        if any(_is_version(side) for side in (node.left, node.comparators[0])):
            left, right = _version(left), _version(right)
        return _COMPARISONS[type(node.ops[0])](left, right)
    raise TypeError


def _operand(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _environment()[node.id]
    raise TypeError


def _is_version(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("python_version", "python_full_version")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _environment() -> dict[str, str]:
    return {
        "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "python_full_version": platform.python_version(),
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "platform_release": platform.release(),
        "platform_version": platform.version(),
        "platform_python_implementation": platform.python_implementation(),
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "extra": "",
    }
