"""`doctor`: everything that condafs needs, looked at, with what to do about what is missing."""

import importlib.metadata
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from condafs.builder.cage.probe import find_level
from condafs.cli.parameters import JsonOption
from condafs.cli.rebuild import rebuild
from condafs.cli.requirements import (
    Finding,
    Level,
    builder_findings,
    fuse_findings,
    group_findings,
    room_findings,
    sandbox_finding,
    sharing_findings,
    state_findings,
)
from condafs.cli.terminal import output, print_json, print_table
from condafs.client.mountpoint import is_answering, mounts_of_machine
from condafs.config import Settings, load_settings, machine_platform
from condafs.errors import MachineError
from condafs.spec.credentials import mask_credentials

_PATIENCE_SECONDS = 5
_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
_IMPORTS = ("pyfuse3", "trio", "lmdb", "rattler", "yaml", "tenacity")


def doctor(
    *,
    state: Path | None = None,
    config: Path | None = None,
    rebuild_catalog: bool = False,
    force: bool = False,
    json: JsonOption = False,
) -> int:
    """Check what condafs needs on this machine and say what to do.

    Ends with 0 when nothing stands in the way, else with 4.

    Args:
        state: The state directory that `condafs mount` would be given.
        config: The settings file that it would be given.
        rebuild_catalog: Make a damaged or lost catalog anew from builds, logs and specifications; end the daemon first.
        force: Make it anew although nothing is wrong with it.
        json: JSON for programs.
    """
    settings = load_settings(config, state)
    if rebuild_catalog:
        return rebuild(settings, is_forced=force, is_json=json)
    findings = list(_examine(settings))
    if json:
        print_json([asdict(item) for item in findings])
    else:
        rows = [(Text(item.level, _STYLES[item.level]), item.subject, item.message) for item in findings]
        print_table(("", "WHAT", "FOUND"), rows)
        for item in findings:
            if item.remedy:
                output().print(f"\n{item.subject}: {item.remedy}")
    return MachineError.exit_code if any(item.level is Level.PROBLEM for item in findings) else 0


def _examine(settings: Settings) -> Iterator[Finding]:
    is_root = os.geteuid() == 0
    yield from fuse_findings(is_root=is_root)
    yield from sharing_findings(is_root=is_root, allow_other=settings.allow_other)
    yield from group_findings(settings)
    yield from state_findings(settings)
    yield from builder_findings(settings)
    yield from room_findings(settings)
    yield from _libraries()
    in_unit = settings.builder_socket is not None
    yield sandbox_finding(settings.sandbox, find_level(settings.sandbox, settings.state, in_unit=in_unit))
    for channel in settings.default_channels:
        yield _channel(channel, settings.channel_alias)
    yield from _mounts()


def _libraries() -> Iterator[Finding]:
    """In a process of their own: a broken C library must not break the doctor."""
    yield Finding("python", Level.OK, f"{sys.version.split()[0]} at {sys.executable}")
    code = "".join(f"import {module}\n" for module in _IMPORTS)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        remedy = "install condafs again: pip install --force-reinstall condafs; pyfuse3 needs libfuse3"
        yield Finding("libraries", Level.PROBLEM, f"cannot be imported: {reason}", remedy)
        return
    versions = [f"{name} {_version(name)}" for name in ("pyfuse3", "py-rattler", "trio", "lmdb")]
    yield Finding("libraries", Level.OK, ", ".join(versions))


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _channel(channel: str, alias: str) -> Finding:
    """Asked over the network, once, for the index of packages."""
    base = channel if "://" in channel else f"{alias}/{channel}"
    subject = f"channel {mask_credentials(channel)}"
    for file in ("repodata.json.zst", "repodata.json"):
        url = f"{base.rstrip('/')}/{machine_platform()}/{file}"
        request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "condafs doctor"})  # noqa: S310 - file: is meant to work
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS):  # noqa: S310 - as above
                return Finding(subject, Level.OK, f"{mask_credentials(base)} answers")
        except (OSError, ValueError) as error:
            reason = str(getattr(error, "reason", error))
    remedy = (
        "check network and proxy (HTTPS_PROXY), or set channel-alias or default-channels to a mirror that you reach"
    )
    return Finding(subject, Level.WARNING, f"{mask_credentials(base)} does not answer: {reason}", remedy)


def _mounts() -> Iterator[Finding]:
    mounts = mounts_of_machine()
    if not mounts:
        yield Finding("mount", Level.OK, "none yet; start one with: condafs mount DIRECTORY")
    for mount in mounts:
        if _answers_in_time(mount):
            yield Finding(f"mount {mount}", Level.OK, "answers")
        else:
            remedy = f"if it is yours, start it again: condafs mount {mount}; or clear it: fusermount3 -uz {mount}"
            yield Finding(f"mount {mount}", Level.WARNING, "does not answer you: dead, hung or another user's", remedy)


def _answers_in_time(mount: Path) -> bool:
    """In a thread that may be left behind: looking at a hung mount hangs."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(is_answering(mount)), daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    return answers == [True]
