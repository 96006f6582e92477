"""One build: everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from condafs.health.compare import compare
from condafs.health.expected import Expected, read_expected
from condafs.health.found import Found, look_around
from condafs.health.hashing import Digest, Hasher, Job
from condafs.health.problem import Damage, Problem
from condafs.prefix.layout import MARKER
from condafs.wording import size_text


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about a build.

    Attributes:
        problems: Sorted by path; none: it is sound, as far as it was looked at.
        file_count: Files, links and directories that were looked at.
        hashed_bytes: What was read.
        unvouched: Files whose sum nobody knows: only builds of early versions of condafs, and broken ones, have any.
    """

    prefix: Path
    problems: tuple[Problem, ...]
    file_count: int
    hashed_bytes: int = 0
    unvouched: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Examination:
    """A report with all that it comes from."""

    report: Report
    expected: Expected
    found: dict[str, Found]


Advance = Callable[[int, int], None]
"""Told how many more bytes are done, and how many more are known to be to do."""


def examine(prefix: Path, hasher: Hasher, *, is_quick: bool = False, advance: Advance = lambda *_: None) -> Examination:
    """Look at everything in a build.

    Args:
        prefix: A sealed prefix.
        hasher: Reads the files.
        is_quick: Whether size, time and mode are enough.
        advance: Told how far it is.
    """
    expected = read_expected(prefix)
    found, problems = look_around(prefix)
    problems += expected.problems
    problems += compare(expected.entries, found, is_whole=expected.is_whole)
    jobs: list[Job] = []
    unvouched = 0
    if not is_quick:
        told = {problem.path for problem in problems if problem.damage in (Damage.CHANGED, Damage.KIND)}
        jobs, unvouched = _jobs(prefix, expected, found, told)
        advance(0, sum(job.size_bytes for job in jobs))
        digests = hasher.hash(jobs, lambda count: advance(count, 0))
        problems += _differences(prefix, expected, digests)
    report = Report(
        prefix,
        tuple(sorted(_named(problems, expected))),
        len(found),
        sum(job.size_bytes for job in jobs),
        unvouched,
    )
    return Examination(report, expected, found)


def _jobs(prefix: Path, expected: Expected, found: Mapping[str, Found], told: set[str]) -> tuple[list[Job], int]:
    """What has to be hashed, and how many files nobody vouches for."""
    jobs, unvouched = [], 0
    for path, entry in expected.entries.items():
        there = found.get(path)
        if entry.kind not in "fx" or there is None or there.kind != "f" or path in told:
            continue
        if entry.sha256:
            jobs.append(Job(f"{prefix}/{path}", there.inode))
        elif path != MARKER:  # which vouches for itself
            unvouched += 1
    return jobs, unvouched


def _differences(prefix: Path, expected: Expected, digests: Mapping[str, Digest]) -> Iterator[Problem]:
    skipped = len(f"{prefix}/")
    for place, digest in digests.items():
        path = place[skipped:]
        entry = expected.entries[path]
        if isinstance(digest, OSError):
            yield Problem(path, Damage.UNREADABLE, digest.strerror or str(digest))
        elif digest != entry.sha256:
            size = f"{size_text(entry.size_bytes)} of " if entry.size_bytes > 0 else ""
            yield Problem(path, Damage.CHANGED, f"{size}other content: sha256 {digest[:12]}…, not {entry.sha256[:12]}…")


def _named(problems: Iterable[Problem], expected: Expected) -> Iterator[Problem]:
    """With the packages whose files they are."""
    listed = list(dict.fromkeys(problems))
    packages = expected.packages() if listed else {}
    for problem in listed:
        yield replace(problem, package=packages.get(problem.path, ""))
