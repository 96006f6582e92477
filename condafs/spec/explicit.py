"""conda's `@EXPLICIT` lists: one archive a line.

::

    # platform: linux-64
    @EXPLICIT
    https://host.org/conda-forge/noarch/tzdata-2026a-h1.conda#d41d8cd98f00b204e9800998ecf8427e
"""

import re

from condafs.errors import SpecificationError
from condafs.spec.archive import Archive, is_archive, read_archive
from condafs.spec.environment import Frame, name_from_stem
from condafs.spec.nodes import Scalar
from condafs.spec.reading import within
from condafs.spec.source import Place, Source
from condafs.spec.specification import LockedPackage, Specification

_MARKER = "@EXPLICIT"
_PLATFORM = re.compile(r"#\s*platform:\s*(\S+)\s*")


def has_explicit_line(source: Source) -> bool:
    """Whether one of the lines is the one that makes a text an explicit list."""
    return _MARKER in source.text and any(line.strip() == _MARKER for line in source.lines)


def read_explicit(source: Source, frame: Frame) -> Specification:
    """The specification that a list describes; its name is the file's stem.

    Raises:
        SpecificationError: A line that is no archive, packages of another platform, no packages at all.
    """
    packages: dict[str, LockedPackage] = {}
    for number, line in enumerate(source.lines, 1):
        text = line.strip()
        place = Place(number, len(line) - len(line.lstrip()) + 1)
        if match := _PLATFORM.fullmatch(text):
            _check_platform(source, match[1], frame, Place(number, line.index(match[1]) + 1))
        if not text or text.startswith("#") or text == _MARKER:
            continue
        archive = _archive(source, text, place, frame)
        package = LockedPackage(archive.url, archive.sha256, archive.md5)
        if packages.setdefault(archive.url, package) != package:
            raise source.refusal(place, "the same archive with another sum", "keep one of the lines")
    if not packages:
        raise source.refusal(Place(1, 1), "the list has no packages", "`conda list --explicit --md5` writes one")
    return Specification(name_from_stem(source, frame), frame.platform, packages=tuple(sorted(packages.values())))


def _archive(source: Source, text: str, place: Place, frame: Frame) -> Archive:
    if not is_archive(text):
        raise _no_url(source, text, place)
    archive = within(source, Scalar(text, place, is_plain=True, is_flat=True), read_archive)
    if archive.subdir not in ("", "noarch"):
        _check_platform(source, archive.subdir, frame, place)
    return archive


def _check_platform(source: Source, platform: str, frame: Frame, place: Place) -> None:
    if platform != frame.platform:
        msg = f"the list is for {platform}, and this machine is {frame.platform}"
        raise source.refusal(place, msg, f"make the list on a {frame.platform} machine")


def _no_url(source: Source, text: str, place: Place) -> SpecificationError:
    word = text.split(maxsplit=1)[0][:60]
    hint = "`conda list --explicit --md5` writes such lists; packages to be solved for go into a .yaml file"
    return source.refusal(place, f"{word!r} is not the URL of an archive", hint)
