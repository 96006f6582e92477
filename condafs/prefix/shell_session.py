"""What one activation does, as a value; `posix_shell` and `fish_shell` say it in their language."""

from collections.abc import Mapping
from dataclasses import dataclass

HEADER = "# condafs: "
"""How a script of ours begins: tells it from one that a package brings."""


@dataclass(frozen=True, slots=True)
class Session:
    """One environment to activate.

    Attributes:
        prefix: Absolute path of the sealed prefix.
        name: The environment's name, as the prompt shows it.
        variables: Set in this order; restored when leaving.
        activate_scripts, deactivate_scripts: Absolute paths in the order they run.
    """

    prefix: str
    name: str
    variables: Mapping[str, str]
    activate_scripts: tuple[str, ...]
    deactivate_scripts: tuple[str, ...]

    @property
    def prompt(self) -> str:
        """Put before the prompt."""
        return f"({self.name}) "

    @property
    def settings(self) -> dict[str, str]:
        """Every variable but PATH, PYTHONHOME and conda's level, the packages' and the specification's last."""
        return {
            "CONDA_PREFIX": self.prefix,
            "CONDA_DEFAULT_ENV": self.name,
            "CONDA_PROMPT_MODIFIER": self.prompt,
            "JUPYTER_PREFER_ENV_PATH": "1",
            **self.variables,
        }
