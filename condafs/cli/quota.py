"""`quota`: what one has of what one may have."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from condafs.cli.parameters import JsonOption, MountOption
from condafs.cli.terminal import print_json, print_table, remarks
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.client.quota import Quota, read_quota, read_quotas
from condafs.wording import size_text, user_text

_AMOUNTS = ("ENVIRONMENTS", "BUILDS TODAY", "BYTES")


def quota(
    *,
    all_users: Annotated[bool, Parameter(name="--all", alias="-a", negative="")] = False,
    json: JsonOption = False,
    mount: MountOption = None,
) -> None:
    """Show what you have and may have: environments, builds of today, bytes.

    Bytes are those of published builds that the package cache does not hold anyway.

    Args:
        all_users: Everybody who has anything.
        json: JSON for programs: an object, or a list of all.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    found = list(read_quotas(envs)) if all_users else [read_quota(envs)]
    if json:
        described = [{"user": user_text(str(item.uid)), **asdict(item)} for item in found]
        print_json(described if all_users else described[0])
        return
    print_table(("USER", *_AMOUNTS), map(_row, found), right=_AMOUNTS)
    if not all_users and found[0].used_up:
        remarks().print(found[0].used_up)


def _row(item: Quota) -> list[str]:
    return [
        user_text(str(item.uid)),
        _of(item.environments, item.max_environments, str),
        _of(item.builds_today, item.max_builds_per_day, str),
        _of(item.own_bytes, item.max_own_bytes, size_text),
    ]


def _of(amount: int, limit: int | None, words: Callable[[int], str]) -> str:
    return words(amount) if limit is None else f"{words(amount)} of {words(limit)}"
