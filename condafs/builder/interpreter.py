"""The python of an environment, as far as the builder needs to know it before it exists."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rattler.repo_data import RepoDataRecord

from condafs.builder.bytecode_cache import key_of
from condafs.builder.failure import BuildError
from condafs.builder.protocol import FailureKind
from condafs.builder.solve import archive_of

_SITE_PACKAGES = re.compile(r"lib/\w[\w.-]*/site-packages", re.ASCII)
"""Anywhere else, a module could be taken for something that it is not, a record of conda-meta for one."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One python package.

    Attributes:
        number: Its place in the list of packages.
        version: Major and minor.
        distribution: Name of its directory in the package cache.
        key: Name that the bytecode cache knows it by.
        site_packages: Relative to the prefix.
    """

    number: int
    version: tuple[int, int]
    distribution: str
    key: str
    site_packages: str

    @property
    def executable(self) -> str:
        """Relative to the prefix, and to the extracted package."""
        return f"bin/python{self.version[0]}.{self.version[1]}"

    @property
    def has_unchecked_bytecode(self) -> bool:
        """Whether it knows unchecked hashes (PEP 552); bytecode of an older one would depend on its source's time."""
        return self.version >= (3, 7)


def find_interpreter(records: Sequence[RepoDataRecord]) -> Interpreter | None:
    """The python among packages; None when there is none.

    Raises:
        BuildError: PACKAGE, when it wants modules where none belong.
    """
    for number, record in enumerate(records):
        version = record.version.as_major_minor()
        if record.name.normalized == "python" and version is not None:
            distribution = archive_of(record).distribution
            # CEP 17: a free-threaded python says where; any other has it where it always was.
            site_packages = record.python_site_packages_path or f"lib/python{version[0]}.{version[1]}/site-packages"
            if not _SITE_PACKAGES.fullmatch(site_packages):
                msg = f"{distribution} wants modules in {site_packages!r}, which is no lib/<python>/site-packages"
                raise BuildError(FailureKind.PACKAGE, msg)
            key = key_of(distribution, record.sha256)
            return Interpreter(number, version, distribution, key, site_packages)
    return None
