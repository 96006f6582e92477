"""`.tar`: an environment that works wherever it is unpacked, once `bin/conda-unpack` has been run.

Members stand at the top in the order of their paths, files as their packages have them.
"""

from collections.abc import Iterable, Iterator

from condafs.export.environment import Content, Environment, Item, Relocatable, package_time, record_path
from condafs.export.generated import package_document
from condafs.export.member import Kind, Member, Piece, Source, whole
from condafs.export.unpack import Placeholder, render_unpack

UNPACK = "bin/conda-unpack"
"""The name that users of conda-pack know."""

_DIRECTORY_MODE = 0o755


def tar_members(environment: Environment) -> list[Member]:
    """All members, sorted by path; parents stand before what they hold."""
    members = [_member(item) for item in environment.items if item.path != UNPACK]
    placeholders = {
        item.path: Placeholder(item.path, item.content.placeholder, item.content.is_binary)
        for item in environment.items
        if isinstance(item.content, Relocatable)
    }
    for record in environment.records:
        document = package_document(record, placeholders, is_apart=False)
        members.append(Member(record_path(record), Kind.FILE, 0o644, package_time(record), (document,)))
    program = render_unpack(list(placeholders.values()))
    members.append(Member(UNPACK, Kind.FILE, 0o755, environment.created, (program,)))
    return sorted([*members, *parents(members, environment.created)], key=lambda member: member.path)


def parents(members: Iterable[Member], mtime: int) -> Iterator[Member]:
    """The directories that members stand in, but for those that are members themselves."""
    found = {member.path for member in members if member.kind is Kind.DIRECTORY}
    for member in members:
        path = member.path
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
            yield Member(path, Kind.DIRECTORY, _DIRECTORY_MODE, mtime)


def mode_of(item: Item) -> int:
    """Permission bits: what was sealed can be written to by its owner again."""
    if item.kind is Kind.LINK:
        return 0o777
    return _DIRECTORY_MODE if item.kind is Kind.DIRECTORY or item.is_executable else 0o644


def _member(item: Item) -> Member:
    content = _pieces(item.content) if item.kind is Kind.FILE else ()
    return Member(item.path, item.kind, mode_of(item), item.mtime, content, item.target)


def _pieces(content: Content) -> tuple[Piece, ...]:
    if isinstance(content, Relocatable):
        content = content.content
    if isinstance(content, Source):
        return whole(content)
    return (content,) if content else ()
