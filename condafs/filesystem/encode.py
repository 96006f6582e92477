"""Between the kernel's words and the tree's: names, attributes, errors."""

import errno

import pyfuse3

from condafs.errors import (
    AmbiguousDigestError,
    CondafsError,
    ConflictError,
    DiskFullError,
    ForbiddenError,
    InvalidNameError,
    NotFoundError,
    QuotaError,
    SpecificationError,
    UserError,
)
from condafs.tree.node import MAX_NAME_BYTES, Attributes, Caller, Changes, Lifetimes

_ERRNO: dict[type[CondafsError], int] = {
    NotFoundError: errno.ENOENT,
    ForbiddenError: errno.EPERM,
    InvalidNameError: errno.EINVAL,
    AmbiguousDigestError: errno.EINVAL,
    ConflictError: errno.EINVAL,
    QuotaError: errno.EDQUOT,
    SpecificationError: errno.EINVAL,
    UserError: errno.EINVAL,
    DiskFullError: errno.ENOSPC,
    CondafsError: errno.EIO,
}


def errno_of(error: CondafsError) -> int:
    """The errno that says most of what an error says; its text goes to the log."""
    return next(_ERRNO[kind] for kind in type(error).__mro__ if kind in _ERRNO)


def decode_name(name: bytes) -> str:
    """Any bytes but `/` and NUL may stand in a name; what is no UTF-8 becomes surrogates (PEP 383)."""
    if len(name) > MAX_NAME_BYTES:
        raise pyfuse3.FUSEError(errno.ENAMETOOLONG)
    return name.decode("utf-8", "surrogateescape")


def decode_path(path: bytes) -> str:
    """The target of a symbolic link, of any length."""
    return path.decode("utf-8", "surrogateescape")


def encode_name(name: str) -> bytes:
    """The inverse of `decode_name`."""
    return name.encode("utf-8", "surrogateescape")


def decode_caller(context: pyfuse3.RequestContext) -> Caller:
    """Who asks."""
    return Caller(context.uid, context.gid)


def encode_attributes(number: int, attributes: Attributes, lifetimes: Lifetimes) -> pyfuse3.EntryAttributes:
    """The kernel's structure."""
    entry = pyfuse3.EntryAttributes()
    entry.st_ino = number
    entry.generation = 0
    entry.entry_timeout = lifetimes.name_seconds
    entry.attr_timeout = lifetimes.attributes_seconds
    entry.st_mode = attributes.mode
    entry.st_nlink = attributes.link_count
    entry.st_uid = attributes.uid
    entry.st_gid = attributes.gid
    entry.st_rdev = 0
    entry.st_size = attributes.size_bytes
    entry.st_blksize = 4096
    entry.st_blocks = (attributes.disk_bytes + 511) // 512
    entry.st_atime_ns = attributes.atime_ns
    entry.st_mtime_ns = attributes.mtime_ns
    entry.st_ctime_ns = attributes.ctime_ns
    return entry


def decode_changes(
    entry: pyfuse3.EntryAttributes, fields: pyfuse3.SetattrFields, context: pyfuse3.RequestContext
) -> Changes:
    """What setattr asks for. Changes of ctime alone come with other changes and are made underneath anyway."""
    return Changes(
        permissions=entry.st_mode & 0o7777 if fields.update_mode else None,
        uid=entry.st_uid if fields.update_uid else None,
        gid=entry.st_gid if fields.update_gid else None,
        size_bytes=entry.st_size if fields.update_size else None,
        mtime_ns=entry.st_mtime_ns if fields.update_mtime else None,
        atime_ns=entry.st_atime_ns if fields.update_atime else None,
        caller=decode_caller(context),
    )
