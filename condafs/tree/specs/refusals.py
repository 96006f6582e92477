"""`foo.yaml.error`: why the last `foo.yaml` was refused, for shells and tools that ignore errors of close."""

from collections.abc import Iterator

from condafs.catalog.records import FileRecord
from condafs.tree.sources import Catalog
from condafs.tree.specs.backing import is_specification

SUFFIX = ".error"


def refusal_of(file_name: str) -> str:
    """`foo.yaml` -> `foo.yaml.error`."""
    return file_name + SUFFIX


def refused_file(name: str) -> str | None:
    """`foo.yaml.error` -> `foo.yaml`; None for any other name."""
    stem = name.removesuffix(SUFFIX)
    return stem if stem != name and is_specification(stem) else None


class Refusals:
    """The refusals that are shown: of every file refused, unless somebody removed the message.

    Args:
        catalog: Remembers what became of each file.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._dismissed: dict[str, FileRecord] = {}

    def find(self, file_name: str) -> FileRecord | None:
        """The record of a file that is refused."""
        with self._catalog.snapshot() as snapshot:
            record = snapshot.file(file_name)
        return record if record and self._is_shown(record) else None

    def __iter__(self) -> Iterator[str]:
        """Names of all messages. Blocking: as many records as there are files."""
        with self._catalog.snapshot() as snapshot:
            refused = [record for record in snapshot.files() if self._is_shown(record)]
        return (refusal_of(record.file_name) for record in refused)

    def dismiss(self, file_name: str) -> bool:
        """Show it no more until the file is refused anew; False when there was nothing to dismiss.

        A tool that clears a directory, as `rsync --delete` does, would fail for ever if it could not be removed.
        """
        record = self.find(file_name)
        if record:
            self._dismissed[file_name] = record
        return record is not None

    def _is_shown(self, record: FileRecord) -> bool:
        return bool(record.refusal) and self._dismissed.get(record.file_name) != record
