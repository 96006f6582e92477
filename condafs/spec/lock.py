"""rattler's lock files, versions 6 and 7 (`pixi.lock`, and the `conda-meta/condafs.lock` of every build).

::

    version: 6
    environments:
      default:                                   # this one, or the only one
        packages:
          linux-64:                              # of this machine's platform
          - conda: https://host/channel/linux-64/python-3.12.1-h1_0.conda
          - pypi: https://host/requests-2.32.3-py3-none-any.whl
    packages:
    - conda: https://host/channel/linux-64/python-3.12.1-h1_0.conda
      sha256: …                                  # and md5, depends, license, size, …
    - pypi: https://host/requests-2.32.3-py3-none-any.whl
      name: requests
      sha256: …

Packages of PyPI become lines for pip with their sum (`requests @ https://…#sha256=…`), sorted. What else is in a lock
(licences, dependencies, the channels) describes those packages and does not count for identity.
"""

import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import parse_qs

from condafs.errors import SpecificationError
from condafs.spec.archive import is_archive, read_archive
from condafs.spec.brackets import normalise_hash
from condafs.spec.environment import Frame, name_from_stem
from condafs.spec.nodes import Mapping, Node, Scalar, Sequence
from condafs.spec.pip_lines import normalise_pip_line
from condafs.spec.reading import kind_of, read_list, read_text, within
from condafs.spec.source import Place, Source
from condafs.spec.specification import LockedPackage, Specification

VERSIONS = ("6", "7")
_REPOSITORY = re.compile(r"(git\+[^?#]+)(?:\?([^#]*))?(?:#([0-9a-f]{40}))?")


def read_lock(source: Source, root: Node, frame: Frame) -> Specification:
    """The specification that a lock describes; its name is the file's stem.

    Raises:
        SpecificationError: Another kind of lock, another platform's, a package that lies beside the lock.
    """
    wanted = _wanted(source, _checked_root(source, root), frame)
    described = _described(root)
    packages: set[LockedPackage] = set()
    names: set[str] = set()
    pip: set[str] = set()
    for item in wanted:
        kind, location = _reference(source, item)
        details = described.get((kind, location.text))
        if details is None:
            msg = "the lock does not describe this package under 'packages'"
            raise source.refusal(location.place, msg, "make the lock anew")
        if kind == "pypi":
            pip.add(_pip_line(source, location, details))
        else:
            name, package = _conda_package(source, location, details, frame)
            names.add(name)
            packages.add(package)
    if pip and "pip" not in names:
        hint = "add pip to what is locked, for example with `pixi add pip`"
        raise source.refusal(root.place, "the lock has packages of PyPI, but no pip to install them with", hint)
    return Specification(
        name=name_from_stem(source, frame),
        platform=frame.platform,
        pip=tuple(sorted(pip)),
        packages=tuple(sorted(packages)),
    )


def check_lock(source: Source) -> None:
    """Tell other locks (uv's, poetry's, conda-lock's) before YAML complains about them.

    Raises:
        SpecificationError: A text that has no line `version:`.
    """
    if not re.search(r"^version:", source.text, re.MULTILINE):
        raise _unknown_lock(source, Place(1, 1))


def _unknown_lock(source: Source, place: Place) -> SpecificationError:
    hint = "locks of rattler and pixi are, and @EXPLICIT lists; conda-lock renders those with --kind explicit"
    return source.refusal(place, "this is no lock that is known here", hint)


def _checked_root(source: Source, root: Node) -> Mapping:
    if not isinstance(root, Mapping) or not (version := root.get("version")) or not root.get("environments"):
        raise _unknown_lock(source, root.place)
    number = read_text(source, version, "'version'")
    if number.text not in VERSIONS:
        hint = "make the lock anew with a current pixi" if number.text in "12345" else "condafs is older than this lock"
        raise source.refusal(number.place, f"a lock of version {number.text}; {' and '.join(VERSIONS)} are read", hint)
    return root


def _wanted(source: Source, root: Mapping, frame: Frame) -> tuple[Node, ...]:
    """The list of packages for this machine's platform."""
    environments = _mapping(source, root, "environments")
    names = [key.text for key, _ in environments.entries]
    name = "default" if "default" in names else names[0] if len(names) == 1 else ""
    if not name:
        msg = f"the lock has the environments {', '.join(sorted(names))}, and none is called default"
        raise source.refusal(environments.place, msg, "copy a lock with one environment")
    platforms = _mapping(source, _mapping(source, environments, name), "packages")
    there = [key.text for key, _ in platforms.entries]
    named = [word for word in _platform_names(root, frame.platform) if word in there]
    if not named:
        msg = f"the lock is for {', '.join(there) or 'no platform'}, and this machine is {frame.platform}"
        raise source.refusal(platforms.place, msg, f"add {frame.platform} to the platforms and lock again")
    if len(named) > 1 and named[0] != frame.platform:
        msg = f"the lock has {' and '.join(named)} for {frame.platform}"
        raise source.refusal(platforms.place, msg, "copy a lock with one of them")
    packages = platforms.get(named[0])
    return read_list(source, packages, named[0]) if packages else ()


def _platform_names(root: Mapping, platform: str) -> Iterator[str]:
    """The platform, then what version 7 calls machines of it that have something special (`subdir: linux-64`)."""
    yield platform
    listed = root.get("platforms")
    for item in listed.items if isinstance(listed, Sequence) else ():
        name, subdir = (item.get("name"), item.get("subdir")) if isinstance(item, Mapping) else (None, None)
        if isinstance(name, Scalar) and isinstance(subdir, Scalar) and subdir.text == platform != name.text:
            yield name.text


def _mapping(source: Source, parent: Mapping, key: str) -> Mapping:
    node = parent.get(key)
    if not isinstance(node, Mapping):
        msg = f"{key!r} is a mapping in a lock, not {kind_of(node) if node else 'missing'}"
        raise source.refusal(node.place if node else parent.place, msg, "make the lock anew")
    return node


def _described(root: Node) -> dict[tuple[str, str], Mapping]:
    """(kind, location) -> what the lock says about the package."""
    listed = root.get("packages") if isinstance(root, Mapping) else None
    described: dict[tuple[str, str], Mapping] = {}
    for item in listed.items if isinstance(listed, Sequence) else ():
        if isinstance(item, Mapping) and item.entries and isinstance(item.entries[0][1], Scalar):
            described.setdefault((item.entries[0][0].text, item.entries[0][1].text), item)
    return described


def _reference(source: Source, item: Node) -> tuple[str, Scalar]:
    if not isinstance(item, Mapping) or not item.entries:
        raise source.refusal(item.place, f"a package of a lock is a mapping, not {kind_of(item)}", "make the lock anew")
    key, value = item.entries[0]
    if key.text not in ("conda", "pypi"):
        hint = "packages that are built from source are not supported: put them into a channel"
        raise source.refusal(key.place, f"there is no kind of package {key.text!r}", hint)
    return key.text, read_text(source, value, "a package's location")


def _conda_package(source: Source, location: Scalar, details: Mapping, frame: Frame) -> tuple[str, LockedPackage]:
    if not is_archive(location.text):
        hint = "nothing lies beside a specification: put the package into a channel"
        raise source.refusal(location.place, "a package that lies beside the lock, or is built from source", hint)
    archive = within(source, location, read_archive)
    if archive.subdir not in ("", "noarch", frame.platform):
        msg = f"a package for {archive.subdir}, and this machine is {frame.platform}"
        raise source.refusal(location.place, msg, "make the lock anew")
    sums = dict(_sums(source, details))
    return archive.name, LockedPackage(archive.url, sums.get("sha256", ""), sums.get("md5", ""))


def _sums(source: Source, details: Mapping) -> Iterator[tuple[str, str]]:
    for kind in ("sha256", "md5"):
        if node := details.get(kind):
            digits = read_text(source, node, kind)
            yield kind, within(source, digits, partial(_hash, kind))


def _hash(kind: str, text: str) -> str:
    return normalise_hash(kind, text, text, 0)


def _pip_line(source: Source, location: Scalar, details: Mapping) -> str:
    name_node = details.get("name")
    name = read_text(source, name_node, "'name'").text if name_node else ""
    url = location.text.removeprefix("direct+")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise source.refusal(details.place, f"{name!r} is no name of a package of PyPI", "make the lock anew")
    if repository := _REPOSITORY.fullmatch(url):
        url = _repository_url(repository)
    elif not re.fullmatch(r"(https?|file)://\S+", url):
        raise _no_url(source, location)
    elif (digits := dict(_sums(source, details)).get("sha256")) and "#" not in url:
        url += f"#sha256={digits}"
    return within(source, Scalar(f"{name} @ {url}", location.place), normalise_pip_line)


def _repository_url(match: re.Match[str]) -> str:
    """What pixi writes as `git+https://host/a?subdirectory=b&rev=main#<commit>`, as pip writes it."""
    query = parse_qs(match[2] or "")
    wanted = [match[3] or "", *query.get("rev", ()), *query.get("tag", ()), *query.get("branch", ())]
    revision = next((f"@{word}" for word in wanted if word), "")
    subdirectory = "".join(f"#subdirectory={word}" for word in query.get("subdirectory", ())[:1])
    return match[1] + revision + subdirectory


def _no_url(source: Source, location: Scalar) -> SpecificationError:
    hint = "nothing lies beside a specification: leave the project itself out of the environment that is locked"
    return source.refusal(location.place, f"{location.text!r} lies beside the lock", hint)
