"""What every process start asks again and again, remembered until the next commit.

A walk through `/envs/foo` asks for two links. To open a snapshot and decode a record for each is half of the time that
an answer takes; to look whether anything was committed since the last answer is a microsecond.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from condafs.catalog.records import EnvironmentRecord
from condafs.names import EnvironmentName
from condafs.tree.sources import Catalog

T = TypeVar("T")

MAX_ANSWERS = 20_000
"""About 10 MB; what is asked beyond that is asked anew."""


class Recent:
    """Answers of the catalog since its last commit.

    Args:
        catalog: Is asked what is not remembered.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._version = -1
        self._answers: dict[Hashable, Any] = {}

    def environment(self, name: EnvironmentName) -> EnvironmentRecord | None:
        """One environment."""
        return self._remembered(name.text, lambda: self._find_environment(name))

    def is_ready(self, build: str) -> bool:
        """Whether that is the name of a published build."""
        return self._remembered((build,), lambda: self._find_ready(build))

    def _remembered(self, question: Hashable, ask: Callable[[], T]) -> T:
        # The version is read first: a commit between the two makes the answer newer than it is taken for, never older.
        version = self._catalog.version
        answers = self._answers
        if version != self._version or len(answers) >= MAX_ANSWERS:
            answers.clear()
            self._version = version
        try:
            found: T = answers[question]
        except KeyError:
            found = answers[question] = ask()
        return found

    def _find_environment(self, name: EnvironmentName) -> EnvironmentRecord | None:
        with self._catalog.snapshot() as snapshot:
            return snapshot.environment(name)

    def _find_ready(self, build: str) -> bool:
        with self._catalog.snapshot() as snapshot:
            return snapshot.is_ready(build)
