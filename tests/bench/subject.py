"""Which environment is measured: a large one of what the channel has to offer."""

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

_DATA_SCIENCE = (
    "pip",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "matplotlib",
    "seaborn",
    "bokeh",
    "dask",
    "distributed",
    "xarray",
    "numba",
    "pyarrow",
    "jupyterlab",
    "ipywidgets",
    "sphinx",
    "sympy",
    "statsmodels",
    "requests",
    "sqlalchemy",
    "fastapi",
    "pytest",
    "black",
    "mypy",
)
_HEAVY_MODULES = ("pandas", "hypothesis", "trio", "rich", "pytest", "pip")
"""What takes long to import, the longest first; each is called as its package."""

_IMPORTS = {"pip": "pip._internal.cli.main", "rich": "rich.console", "hypothesis": "hypothesis.strategies"}
"""Packages that do next to nothing before a part of theirs is asked for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An environment to build again and again.

    Attributes:
        channel: URL, or a name below the channel alias.
        dependencies: Match specs.
        heavy_module: What `import` is measured with.
    """

    channel: str
    dependencies: tuple[str, ...]
    heavy_module: str

    def specification(self, label: str, dependencies: Sequence[str] | None = None) -> str:
        """A document of its own digest: `label` becomes a variable of the environment."""
        lines = [
            f"channels: [{json.dumps(self.channel)}]",
            "dependencies:",
            *(f"  - {json.dumps(item)}" for item in (self.dependencies if dependencies is None else dependencies)),
            "variables:",
            f"  BENCH: {json.dumps(label)}",
        ]
        return "\n".join(lines) + "\n"


def choose_subject(channel: str) -> Subject:
    """Data science where the channel has it; otherwise everything pure that it has, in its newest version.

    Args:
        channel: URL. Only `file://` channels are looked into; others are taken for conda-forge.
    """
    if not channel.startswith("file://"):
        return Subject(channel, ("python 3.12.*", *_DATA_SCIENCE), "pandas")
    names = _package_names(f"{channel.rstrip('/')}/noarch") | _package_names(f"{channel.rstrip('/')}/{_platform()}")
    wanted = [name for name in _DATA_SCIENCE if name in names]
    if "pandas" not in wanted:
        wanted = sorted(name for name in names if not name.startswith(("zz-", "demo-", "python", "_")))
    heavy = next(name for name in _HEAVY_MODULES if name in wanted)
    return Subject(channel, ("python", *wanted), _IMPORTS.get(heavy, heavy))


def _platform() -> str:
    from rattler import Platform  # noqa: PLC0415 - a third of a second that other channels need not pay

    return str(Platform.current())


def _package_names(url: str) -> set[str]:
    with urllib.request.urlopen(f"{url}/repodata.json") as response:
        document = json.load(response)
    tables = (document.get("packages", {}), document.get("packages.conda", {}))
    return {record["name"] for table in tables for record in table.values()}
