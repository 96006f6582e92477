"""The layers of an image that an environment makes up: one a package, so that images share what environments share.

A package's layer holds what the package brings and what linking makes of it, below one prefix that is the same in every
image; neither the environment nor the machine is in it. The largest packages have a layer each, the rest share the
*tail*, and what no package has is the *environment's* layer, which comes last and says who wins where two packages
have the same path.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from condafs.export.environment import NOBODY, Environment, Item, Relocatable, package_time, record_path
from condafs.export.generated import package_document
from condafs.export.member import Kind, Member, Piece, Source, content_length, whole
from condafs.export.relocation import relocate
from condafs.export.tarball import mode_of, parents
from condafs.export.ustar import header

IMAGE_PREFIX = "/opt/env"
"""Where an environment is in every image."""

MAX_PACKAGE_LAYERS = 96
"""docker takes 125 layers, podman runs 128 (shared experiments): room for base, tail, environment and who builds on."""

MIN_LAYER_BYTES = 64 << 10
"""Packages smaller than this share the tail: a layer costs a tool more than it saves."""

_ROOT = IMAGE_PREFIX.removeprefix("/")


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """One layer.

    Attributes:
        comment: What is in it, for people.
        package: `<name>-<version>-<build>`; "" for the tail and the environment.
        members: Sorted by path, parents included.
        key: 32 bytes that stand for its content: equal keys, equal bytes.
    """

    comment: str
    package: str
    members: Sequence[Member]
    key: bytes


def image_layers(environment: Environment) -> list[ImageLayer]:
    """The layers, the lowest first.

    Raises:
        OSError: A file with a prefix in it cannot be read.
        ValueError: A placeholder is shorter than the image's prefix.
    """
    members = _Members(environment)
    sizes = {number: members.size_bytes(number) for number in range(len(environment.records))}
    large = sorted((n for n in sizes if sizes[n] >= MIN_LAYER_BYTES), key=lambda n: (-sizes[n], n))[:MAX_PACKAGE_LAYERS]
    tail = sorted(set(sizes) - set(large))
    layers = [members.layer([number], _name(environment, number)) for number in sorted(large)]
    if tail:
        layers.append(members.layer(tail, f"{len(tail)} small packages", is_package=False))
    layers.append(members.layer([NOBODY], "the environment", is_package=False))
    return layers


def _name(environment: Environment, number: int) -> str:
    record = environment.records[number]
    return f"{record['name']}-{record['version']}-{record['build']}"


class _Members:
    """What each package brings to an image."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._members: dict[int, list[Member]] = defaultdict(list)
        lost = {item.original_path for item in environment.items if item.original_path}
        for item in environment.items:
            self._members[item.owner].append(self._member(item))
            if item.path in lost and item.owner != NOBODY:
                self._members[NOBODY].append(self._member(item))  # the last layer decides who wins
        placeholders = {item.path for item in environment.items if isinstance(item.content, Relocatable)}
        for number, record in enumerate(environment.records):
            document = package_document(record, placeholders, is_apart=True)
            path = f"{_ROOT}/{record_path(record)}"
            self._members[number].append(Member(path, Kind.FILE, 0o644, package_time(record), (document,)))
        self._members[NOBODY].append(Member(f"{_ROOT}/conda-meta", Kind.DIRECTORY, 0o755, 0))

    def size_bytes(self, number: int) -> int:
        """Of all files of a package."""
        return sum(content_length(member.content) for member in self._members[number])

    def layer(self, numbers: Iterable[int], comment: str, *, is_package: bool = True) -> ImageLayer:
        """One layer of some packages."""
        chosen = list(numbers)
        found = {member.path: member for number in chosen for member in self._members[number]}
        members = [*found.values(), *parents(found.values(), 0)]
        members.sort(key=lambda member: member.path)
        # Files that nobody has are told by the build: a script may give what it writes any size and time.
        archives = [self._archive_of(n) if n != NOBODY else self._environment.prefix.name for n in chosen]
        return ImageLayer(comment, comment if is_package else "", members, _key(members, archives))

    def _archive_of(self, number: int) -> str:
        record = self._environment.records[number]
        return record.get("sha256") or record.get("md5") or _name(self._environment, number)

    def _member(self, item: Item) -> Member:
        content = self._pieces(item) if item.kind is Kind.FILE else ()
        path = f"{_ROOT}/{item.original_path or item.path}"
        return Member(path, item.kind, mode_of(item), item.mtime, content, item.target)

    def _pieces(self, item: Item) -> tuple[Piece, ...]:
        content = item.content
        if isinstance(content, Relocatable):
            return relocate(content, self._environment.prefix, IMAGE_PREFIX)
        if isinstance(content, Source):
            return whole(content)
        return (content,) if content else ()


def _key(members: Sequence[Member], archives: Sequence[str]) -> bytes:
    """Sums of archives stand for what packages have; a file that was made here, as bytecode, is told by its times."""
    hashed = hashlib.sha256("\n".join(["condafs layer 1", *archives, ""]).encode())
    for member in members:
        hashed.update(header(member))
        for piece in member.content:
            if isinstance(piece, bytes):
                hashed.update(b"%d:" % len(piece) + piece)
            else:
                source = piece.source
                stamp = (piece.offset, piece.length, source.size_bytes, source.mtime_ns)
                hashed.update(b"slice %d %d %d %d" % stamp)
    return hashed.digest()
