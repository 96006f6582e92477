"""Match specs in one spelling, by conda's rules and independent of any library's version.

The spelling::

    [channel::]name[ version[ build]][[key="value",…]]        keys sorted

What counts as equal beyond blanks, and is written as the right-hand side (`version` has the rules for versions)::

    numpy>=1.2  numpy >= 1.2  numpy[version='>=1.2']        numpy >=1.2
    numpy=1.2  numpy 1.2.*                                  numpy 1.2.*        fuzzy
    numpy==1.2  numpy 1.2  numpy[version=1.2]               numpy ==1.2        exact
    numpy=1.2=py_0  numpy==1.2=py_0  numpy 1.2 py_0         numpy ==1.2 py_0   with a build, one `=` is exact
    numpy=1.2.*=py_0                                        numpy 1.2.* py_0
    numpy=1.2[build=py_0]                                   numpy 1.2.* py_0   brackets come later: still fuzzy
    numpy *  numpy=*=*                                      numpy
    NumPy                                                   numpy
    a/linux-64::numpy  numpy[channel=a,subdir=linux-64]     a::numpy[subdir="linux-64"]
    numpy[fn=numpy-1.2-py_0.conda]                          numpy ==1.2 py_0   rattler's solver ignores file names
    numpy[build_number='==0']                               numpy[build_number="0"]
    numpy=1.2=py*|h*                                        numpy ==1.2 ^(py.*|h.*)$    conda's alternation of globs
    https://host/a/linux-64/numpy-1.2-0.conda               numpy[url="https://host/a/linux-64/numpy-1.2-0.conda"]

Not equal, although they may select the same package: `numpy==1.2` and `numpy==1.2.0` (they are called differently),
`conda-forge::numpy` and the same with the channel's URL (settings decide what a channel's name means).

Refused, each with its remedy: what rattler would take for something that nobody means. A constraint behind a blank
(`numpy >=1 <2`: a build), `conda-forge:numpy` (a namespace), `-r file` (a package called `-r`), a build of dots.
"""

import re
from dataclasses import dataclass, replace

from condafs.errors import SpecificationError
from condafs.spec.archive import FILE_NAME, is_archive, read_archive
from condafs.spec.brackets import normalise_key, split_brackets
from condafs.spec.build_string import normalise_build
from condafs.spec.channels import normalise_channel
from condafs.spec.platforms import SUBDIRS
from condafs.spec.version import Reading, read_version, refuse_at

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MatchSpec:
    """A match spec taken apart, every part in its one spelling; "" where it says nothing."""

    name: str
    channel: str = ""
    subdir: str = ""
    version: str = ""
    build: str = ""
    keys: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        keys = dict(self.keys) | ({"subdir": self.subdir} if self.subdir else {})
        version = self.version or ("*" if self.build else "")
        words = " ".join(word for word in (self.name, version, self.build) if word)
        bracket = ",".join(f'{key}="{value}"' for key, value in sorted(keys.items()))
        return (f"{self.channel}::" if self.channel else "") + words + (f"[{bracket}]" if bracket else "")


def normalise_match_spec(text: str) -> MatchSpec:
    """Read a match spec.

    Args:
        text: One dependency of a conda environment, without the list's dash.

    Raises:
        SpecificationError: It is none, or one that would not mean what it seems to; the position is within the text.
    """
    bare = re.sub(r"(^|\s)#.*$", "", text, flags=re.DOTALL).rstrip()
    _check_first_words(bare, text)
    if is_archive(bare):
        archive = read_archive(bare.strip())
        return MatchSpec(archive.name, keys=archive.keys())
    body, keys = split_brackets(bare)
    spec, offset = _head(body)
    spec = _version_and_build(spec, body, offset)
    return _with_keys(spec, keys, bare)


def _check_first_words(bare: str, text: str) -> None:
    start = len(bare) - len(bare.lstrip())
    word = bare.strip()
    if not word:
        raise refuse_at(text, 0, "an empty package name", "remove the line or write a package")
    if strange := re.search(r"[^\x20-\x7e\t\n]", word):
        name = f"U+{ord(strange[0]):04X}"
        raise refuse_at(text, start + strange.start(), f"the character {name} in a package", "type it again in ASCII")
    if re.match(r"(git|hg|svn|bzr)\+|git@", word):
        raise refuse_at(text, start, "a repository is nothing conda can install", "put the line below 'pip:'")
    if word.startswith(("'", '"')):
        raise refuse_at(text, start, "quotes within quotes", "keep one pair of quotes")
    if re.match(r"--|-[A-Za-z](\s|$)", word):
        raise refuse_at(
            text, start, f"{word.split()[0]!r} is an option, not a package", "pip's options go below 'pip:'"
        )
    if word.startswith("-"):
        raise refuse_at(
            text, start, "a package's name cannot begin with a dash", "a list item is '- name', with a blank"
        )
    if word.startswith(("./", "../", "~/")):
        raise refuse_at(
            text, start, "a relative path: nothing lies beside this file", "write an absolute path or a URL"
        )
    if re.search(r"\s-\s", word):
        hint = "the dashes of one list begin in one column"
        raise refuse_at(text, start, "a list item has swallowed the next one", hint)


def _head(text: str) -> tuple[MatchSpec, int]:
    """Channel, subdir and name, and the offset behind them."""
    channel_text, colons, _ = text.partition("::")
    channel = subdir = ""
    start = 0
    if colons:
        start = len(channel_text) + 2
        channel, subdir = _channel(channel_text)
    start += len(text[start:]) - len(text[start:].lstrip())
    match = _NAME.match(text, start)
    if not match:
        raise _no_name(text, start, after_channel=bool(colons))
    _check_name_end(text, match)
    return MatchSpec(match[0].lower(), channel, subdir), match.end()


def _channel(text: str) -> tuple[str, str]:
    plain = text.strip().rstrip("/")
    if not plain:
        raise refuse_at(text + "::", 0, "no channel before '::'", "write the channel, or remove '::'")
    before, _, last = plain.rpartition("/")
    if before and last in SUBDIRS:
        return normalise_channel(before), last
    return normalise_channel(text), ""


def _no_name(text: str, start: int, *, after_channel: bool) -> SpecificationError:
    rest = text[start:]
    if after_channel and not rest:
        return refuse_at(text, start, "a package's name is missing behind '::'", "as in conda-forge::numpy")
    if rest[:1] in "<>=!~":
        hint = 'in a list in [ ] put quotes around a package with commas, as in ["numpy>=1,<2"]'
        return refuse_at(text, start, "a version without a package before it", hint)
    if rest[:1] in "*^":
        return refuse_at(text, start, "a package's name cannot be a pattern", "write each package's name")
    hint = "letters, digits, '_', '.' and '-' are allowed"
    return refuse_at(text, start, f"a package's name cannot begin with {rest[:1]!r}", hint)


def _check_name_end(text: str, match: re.Match[str]) -> None:
    name, end = match[0], match.end()
    following = text[end : end + 1]
    rest = text[end + 1 :].strip()
    if name.endswith((".conda", ".tar.bz2")):
        raise refuse_at(text, match.start(), f"{name!r} is an archive's name", "write its URL, or name=version=build")
    if name.endswith((".", "-")):
        raise refuse_at(text, end - 1, f"a package's name cannot end with {name[-1]!r}", f"did you mean {name[:-1]}?")
    if text.startswith("::", end):
        raise refuse_at(text, end, "a second '::'", "as in conda-forge::numpy or conda-forge/noarch::numpy")
    if following == ":":
        last = rest.rpartition(":")[2]
        hint = f"write {name}{'=' if last[:1].isdigit() else '::'}{last}"
        raise refuse_at(text, end, "one ':' says nothing", hint)
    if following == "@":
        raise refuse_at(text, end, "versions do not follow '@' here", f"write {name}={rest}")
    if following == ";" or re.match(r"\s*;", text[end:]):
        raise refuse_at(text, end, "conda has no conditions behind ';'", "put the line below 'pip:', or leave it out")
    if following == "*":
        raise refuse_at(text, end, "a package's name cannot be a pattern", "write each package's name")
    if following == ",":
        raise refuse_at(text, end, "one package a line", f"write {rest!r} in a line of its own")
    if following and following not in " \t\n=<>!~":
        raise refuse_at(text, end, f"{following!r} cannot follow a package's name", "as in numpy >=1.2,<2")


def _version_and_build(spec: MatchSpec, text: str, offset: int) -> MatchSpec:
    if not text[offset:].strip():
        return spec
    reading = read_version(text, offset)
    if reading.bare and re.fullmatch(r"==\D+", reading.text):
        word = text[offset : reading.end].strip()
        hint = f"one package a line: is {word!r} another one? If it is a version, write {spec.name}=={word}"
        raise refuse_at(text, reading.end - len(word), f"{word!r} does not look like a version", hint)
    build = _build_behind(text, reading)
    version = reading.exact if build is not None and reading.exact else reading.text
    return replace(spec, version=version, build=build or "")


def _build_behind(text: str, reading: Reading) -> str | None:
    """The build behind the version: "" for any (`*`), None when there is none."""
    rest = text[reading.end :]
    if not rest.strip():
        return None
    match = re.match(r"\s*={0,2}\s*", rest)
    start = reading.end + (match.end() if match else 0)
    build = text[start:].strip()
    if not build:
        raise refuse_at(text, start - 1, "an empty build behind '='", "remove the '=' or write the build")
    if build[0] in "<>!~=":
        hint = f"join them by a comma: {text[: reading.end].strip()},{build}"
        raise refuse_at(text, start, "a second constraint behind a blank would be taken for a build", hint)
    return normalise_build(build, text, start)


def _with_keys(spec: MatchSpec, keys: dict[str, tuple[str, int]], text: str) -> MatchSpec:
    kept: dict[str, str] = {}
    parts = {"version": spec.version, "build": spec.build, "channel": spec.channel, "subdir": spec.subdir}
    for key, (value, offset) in _without_file_name(spec, keys, text).items():
        if parts.get(key):
            raise refuse_at(text, offset, f"the {key} is there twice", "keep one of them")
        target = parts if key in parts else kept
        target[key] = normalise_key(key, value, text, offset)
    if "url" in kept:
        kept |= _archive_of(spec.name, kept["url"], text, keys["url"][1])
    return MatchSpec(spec.name, keys=tuple(sorted(kept.items())), **parts)


def _archive_of(name: str, url: str, text: str, offset: int) -> dict[str, str]:
    try:
        archive = read_archive(url)
    except SpecificationError as error:
        raise refuse_at(text, offset, error.message, error.hint) from None
    if archive.name != name:
        raise refuse_at(
            text, offset, f"the URL is of {archive.name}, not of {name}", f"write the URL alone, without {name}"
        )
    return dict(archive.keys())


def _without_file_name(spec: MatchSpec, keys: dict[str, tuple[str, int]], text: str) -> dict[str, tuple[str, int]]:
    """The keys with `fn=name-version-build.conda` as what it says."""
    value, offset = keys.get("fn", ("", 0))
    if not value:
        return keys
    match = FILE_NAME.fullmatch(value)
    if not match or match[1].lower() != spec.name:
        hint = f"as in {spec.name}[fn='{spec.name}-1.2-py_0.conda']"
        raise refuse_at(text, offset, f"{value!r} is no archive of {spec.name}", hint)
    if spec.version or spec.build or {"version", "build"} & keys.keys():
        raise refuse_at(text, offset, "the version is there twice", "keep one of them")
    named = {"version": (match[2], offset + match.start(2)), "build": (match[3], offset + match.start(3))}
    return {key: found for key, found in keys.items() if key != "fn"} | named
