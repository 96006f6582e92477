"""What was asked for: environment files and locks, parsed, normalised, identified. Pure: no trio, no os, no rattler."""

from condafs.spec.canonical import digest_of, from_canonical, to_canonical
from condafs.spec.credentials import mask_credentials
from condafs.spec.image import ImageSettings
from condafs.spec.parse import parse
from condafs.spec.specification import LockedPackage, Specification

__all__ = [
    "ImageSettings",
    "LockedPackage",
    "Specification",
    "digest_of",
    "from_canonical",
    "mask_credentials",
    "parse",
    "to_canonical",
]
