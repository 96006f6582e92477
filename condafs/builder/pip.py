"""The `pip:` section: the environment's own pip, with the lines in their order, and what pip says about failing."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condafs.builder.cage.inmate import Order
from condafs.builder.cage.view import NAMING_FILES
from condafs.builder.failure import BuildError, kind_of_text
from condafs.builder.programs import Ended, clean_environment, is_kept, run
from condafs.builder.protocol import FailureKind
from condafs.builder.transcript import Transcript
from condafs.builder.workplace import Workplace
from condafs.spec.credentials import mask_credentials

_TRANSIENT = frozenset({FailureKind.NETWORK, FailureKind.TIMEOUT, FailureKind.DISK_FULL, FailureKind.LOCKED})
_NOT_FOUND = re.compile(r"No matching distribution found|Could not find a version that satisfies")
_UNREACHABLE = re.compile(r"Retrying \(Retry|NewConnectionError|connection broken", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Distribution:
    """What pip installed, from where; `location` has the archive's sum as a fragment where pip knew it."""

    name: str
    version: str
    location: str


def install_requirements(
    lines: Sequence[str],
    prefix: Path,
    workplace: Workplace,
    variables: Mapping[str, str],
    transcript: Transcript,
) -> list[Distribution]:
    """Install the lines of the `pip:` section.

    Args:
        lines: As in a requirements file; options are positional.
        prefix: Has python and pip.
        workplace: Where pip runs.
        variables: Of the specification.
        transcript: Gets pip's output.

    Returns:
        What was installed.

    Raises:
        BuildError: PIP, or NETWORK and its like where pip's output says so.
    """
    python = prefix / "bin" / "python"
    if not python.exists():
        raise BuildError(FailureKind.BAD_SPEC, "there is a pip: section, but no python in the environment")
    requirements = workplace.pip / "requirements.txt"
    requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    report = workplace.pip / "report.json"
    arguments = [str(python), "-m", "pip", "install", "-r", str(requirements), "--no-warn-script-location"]
    # Bytecode is ours to make: pip's depends on the source's time, which archives and image layers change.
    arguments += ["--no-compile", "--disable-pip-version-check", "--progress-bar", "off"]
    arguments += ["--report", str(report)] if _has_report(prefix) else []
    transcript.note("pip: " + "; ".join(lines))
    texts = [*lines, *(value for name, value in variables.items() if name in NAMING_FILES)]
    for path, problem in workplace.hidden_from_pip(texts).items():
        transcript.note(f"pip may not read {path}, or not all of it: {problem}")
    environment = {
        **workplace.settings_of_pip(),
        **_environment(prefix, workplace.pip_cache, variables),
        **workplace.places(),
    }
    order = Order(arguments, environment, workplace.pip, workplace.view_of_pip(texts))
    ended = run(order, workplace.keeper, source="pip", transcript=transcript)
    if ended.status:
        raise _failure(ended)
    return _read_report(report)


def _environment(prefix: Path, cache: Path, variables: Mapping[str, str]) -> dict[str, str]:
    own = {
        "CONDA_PREFIX": str(prefix),
        "PIP_NO_INPUT": "1",
        "PIP_USER": "0",
        "PIP_CACHE_DIR": str(cache),
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_NO_COLOR": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # A specification's variables are for those who use the environment; pip is not to be led elsewhere by them.
    theirs = {
        name: value
        for name, value in variables.items()
        if not name.startswith("PIP_") or is_kept(name, has_network=True)
    }
    return clean_environment(prefix, {**theirs, **own}, has_network=True)


def _has_report(prefix: Path) -> bool:
    """Whether that pip writes reports: 22.2 and later (pip's documentation, "Installation Report")."""
    versions = [path.name.split("-")[1] for path in prefix.glob("lib/python*/site-packages/pip-*.dist-info")]
    numbers = [tuple(int(part) for part in re.findall(r"\d+", version)[:2]) for version in versions]
    return bool(numbers) and max(numbers) >= (22, 2)


def _failure(ended: Ended) -> BuildError:
    status, tail = ended.status, ended.tail
    if ended.was_killed:
        msg = f"pip was killed; when nobody did that by hand, memory was short:\n{tail}"
        return BuildError(FailureKind.KILLED, mask_credentials(msg))
    kind = kind_of_text(tail)
    if kind is None and _UNREACHABLE.search(tail):
        kind = FailureKind.NETWORK
    if kind not in _TRANSIENT:
        kind = FailureKind.CHECKSUM if kind is FailureKind.CHECKSUM else FailureKind.PIP
    return BuildError(kind, mask_credentials(f"pip failed with status {status}:\n{tail}"))


def _read_report(report: Path) -> list[Distribution]:
    if not report.exists():
        return []
    document = json.loads(report.read_bytes())
    return [_distribution(item) for item in document.get("install", ())]


def _distribution(item: Mapping[str, Any]) -> Distribution:
    info = item["download_info"]
    sha256 = info.get("archive_info", {}).get("hashes", {}).get("sha256")
    location = mask_credentials(info["url"]) + (f"#sha256={sha256}" if sha256 else "")
    if vcs := info.get("vcs_info"):
        location = f"{vcs['vcs']}+{location}@{vcs['commit_id']}"
    return Distribution(item["metadata"]["name"], item["metadata"]["version"], location)
