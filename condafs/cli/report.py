"""What there is: `status` and `history`."""

import re
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.text import Text

from condafs.cli.parameters import JsonOption, MountOption, NameArgument
from condafs.cli.terminal import output, print_facts, print_json, print_table, remarks, state_text
from condafs.client.envs import Envs, Generation, Pin
from condafs.client.events import Event, submissions
from condafs.client.mountpoint import find_mount
from condafs.client.status import BuildInTheMaking, Status
from condafs.names import SHORT_DIGEST_LENGTH
from condafs.wording import parse_time, seconds_text, size_text, time_text, user_text


def status(name: NameArgument | None = None, /, *, json: JsonOption = False, mount: MountOption = None) -> None:
    """Show what every environment is and does, or everything about one of them.

    Args:
        name: Show this environment only, in full.
        json: JSON for programs: a list, or one object when a name is given.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    if name is not None:
        found = envs.status(name)
        print_json(asdict(found)) if json else _print_in_full(found)
        return
    statuses = list(envs.statuses())
    if json:
        print_json([asdict(item) for item in statuses])
        return
    if statuses:
        headings = ("NAME", "STATE", "GEN", "BUILD", "PACKAGES", "SIZE", "SINCE", "OWNER", "")
        print_table(headings, map(_row, statuses), right=("GEN", "PACKAGES", "SIZE"))
    else:
        remarks().print(f"No environments yet. Make one: cp foo.yaml {envs.specs}/")
    _print_refused_files(envs)


def _row(status: Status) -> list[str | Text]:
    current = status.current
    return [
        status.name,
        state_text("retired" if status.retired else status.state),
        str(current.generation) if current else "",
        current.digest[:SHORT_DIGEST_LENGTH] if current else "",
        _count(current.package_count) if current else "",
        size_text(current.size_bytes) if current else "",
        _age(current.published) if current else "",
        user_text(status.owner),
        _remark(status),
    ]


def _count(number: int | None) -> str:
    return "" if number is None else str(number)


def _age(published: str) -> str:
    moment = parse_time(published)
    return seconds_text(max(0, time.time() - moment)) if moment else ""


def _remark(status: Status) -> str:
    remarks_of = [f"{file} is refused" for file in status.refused]
    if status.building and status.is_active:
        remarks_of.append(progress_text(status.building))
    if status.last_error and status.state in {"failed", "waiting"}:
        remarks_of.append(f"{status.last_error.kind}: {_first_line(status.last_error.message)}")
    return "; ".join(filter(None, remarks_of))


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def progress_text(building: BuildInTheMaking) -> str:
    """`link 12/40 numpy`, `try 2 of 5`, as far as it is known."""
    words = [building.phase] if building.phase and building.state == "building" else []
    if words and building.total:
        words.append(f"{building.done}/{building.total}")
    if words and building.package:
        words.append(building.package)
    if building.attempts > 1:
        words.append(f"(try {building.attempts} of {building.max_attempts})")
    if building.state == "waiting" and building.next_try:
        words.append(f"next try {time_text(building.next_try)}")
    if building.obstacle:
        words.append(f"({building.obstacle})")
    return " ".join(words)


def _print_in_full(status: Status) -> None:
    current, building, error = status.current, status.building, status.last_error
    facts: list[tuple[str, str | Text | None]] = [
        ("name", status.name),
        ("state", state_text("retired" if status.retired else status.state)),
        ("specification", f"{status.file} of {user_text(status.owner)}" if status.file else ""),
        ("owner", "" if status.file else user_text(status.owner)),
    ]
    if current:
        size = f"{size_text(current.size_bytes)}, {size_text(current.own_bytes)} of it beyond the package cache"
        facts += [
            ("current", f"generation {current.generation} of {status.generations}: {current.build}"),
            ("published", time_text(current.published)),
            ("packages", _count(current.package_count)),
            ("size", size if current.own_bytes is not None else size_text(current.size_bytes)),
            ("prefix", current.path),
            ("sandbox", current.sandbox),
        ]
    if building:
        facts += [
            ("wanted", building.build),
            ("building" if building.state == "building" else building.state, progress_text(building)),
        ]
    if status.pins:
        facts.append(("pinned", ", ".join(f"{build[65:]}@{build[:12]} as {pin}" for pin, build in status.pins.items())))
    if error:
        facts.append(("last error", f"{error.kind}, {time_text(error.at)}" if error.at else error.kind))
    print_facts(facts)
    if error:
        output().print("\n" + _indented(error.message))
    for file, reason in status.refused.items():
        output().print(f"\n{file} is refused:\n{_indented(reason)}")


def _indented(text: str) -> str:
    return re.sub(r"(?m)^", "    ", text.rstrip())


def _print_refused_files(envs: Envs) -> None:
    """A file that was refused from the start has no environment that could tell of it."""
    for entry in sorted(envs.specs.glob("*.error")):
        remarks().print(f"refused: {_first_line(entry.read_text(errors='replace'))}\n    cat {entry}")


def history(
    name: NameArgument, /, *, events: bool = False, json: JsonOption = False, mount: MountOption = None
) -> None:
    """List the generations of an environment.

    The newest is last, the current one has a star; BY is who asked for it.

    Args:
        name: The environment.
        events: List everything that happened instead: submissions, failures, roll-backs.
        json: JSON for programs.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    happened = envs.events(name)
    if events:
        _print_events(envs, name, happened, json=json)
        return
    generations = envs.history(name)
    if not generations:
        envs.status(name)  # complains when there is no such environment
    current, asked, pins = envs.current_build(name), submissions(happened), envs.pins()
    described = [
        _describe(item, asked.get(str(item.build)), pins, is_current=item.build == current) for item in generations
    ]
    if json:
        print_json(described)
    elif not described:
        remarks().print(f"{name} has no generation yet. See: condafs status {name}")
    else:
        rows = [
            [
                "*" if item["current"] else "",
                str(item["generation"]),
                item["reference"],
                time_text(item["published"]),
                item["by"],
                ", ".join(item["pins"]),
            ]
            for item in described
        ]
        pinned = "PINNED AS" if any(item["pins"] for item in described) else ""
        print_table(("", "GEN", "BUILD", "PUBLISHED", "BY", pinned), rows, right=("GEN",))


def _describe(generation: Generation, asked: Event | None, pins: Iterable[Pin], *, is_current: bool) -> dict[str, Any]:
    build = generation.build
    return {
        "generation": generation.number,
        "build": str(build),
        "reference": f"{build.name}@{build.digest.short}",
        "current": is_current,
        "published": generation.published,
        "by": asked.by if asked else "",
        "uid": asked.uid if asked else None,
        "behalf": asked.behalf if asked else "",
        "pins": [pin.label for pin in pins if pin.build == build],
    }


def _print_events(envs: Envs, name: str, happened: list[Event], *, json: bool) -> None:
    if not happened:
        envs.status(name)  # complains when there is no such environment
    if json:
        print_json([asdict(event) for event in happened])
    elif not happened:
        remarks().print(f"nothing is remembered of {name}")
    else:
        rows = [[time_text(event.at), *_told(event), event.by] for event in happened]
        print_table(("WHEN", "BUILD", "WHAT", "BY"), rows)


def _told(event: Event) -> tuple[str, str]:
    """A build's reference, and what happened in words."""
    digest, _, name = event.build.partition("-")
    reference = f"{name}@{digest[:SHORT_DIGEST_LENGTH]}" if name else ""
    again = f", try {event.attempts}" if event.attempts > 1 else ""
    match event.kind:
        case "published":
            text = f"published as generation {event.generation}"
        case "moved":
            text = f"the name leads to generation {event.generation} now"
        case "waiting":
            text = f"try {event.attempts} failed, another follows"
        case "interrupted":
            text = "interrupted: the daemon ended"
        case kind:
            text = f"{kind}{again}" if kind in {"started", "failed"} else kind
    return reference, f"{text}: {event.detail}" if event.detail else text
