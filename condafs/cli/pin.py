"""`pin` and `unpin`: which builds garbage collection leaves alone."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.completion import CompletionContext

from condafs.cli.parameters import JsonOption, MountOption, ReferenceArgument, mount_of
from condafs.cli.terminal import print_json, print_table, remarks
from condafs.client.envs import Envs, Pin
from condafs.client.mountpoint import find_mount
from condafs.client.pinning import pin as pin_build
from condafs.client.pinning import unpin as unpin_label
from condafs.errors import CondafsError, NotFoundError
from condafs.names import BuildName
from condafs.wording import time_text, user_text


def pin(
    reference: ReferenceArgument | None = None,
    /,
    *,
    label: Annotated[str, Parameter(name="--as")] = "",
    force: Annotated[bool, Parameter(negative="")] = False,
    json: JsonOption = False,
    mount: MountOption = None,
) -> None:
    """Keep a build until it is unpinned, or list what is kept.

    The same as `ln -s ../foo@-1 .pins/label` in the mount. A pinned build is neither collected nor
    deleted, but its owner may delete what others pinned.

    Args:
        reference: foo, foo@-1, foo@3f2a9c1d77e0, or the full name of a build. Left out: list the pins.
        label: What the pin is called; else foo@3f2a9c1d77e0.
        force: Let a pin of that label keep this build from now on.
        json: JSON for programs.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    if reference is None:
        _list(envs, json=json)
        return
    build = BuildName.parse(envs.prefix(reference).name)
    label = label or _reference(build)
    pin_build(envs, build, label, may_replace=force)
    if json:
        print_json({"label": label, "build": str(build)})
    else:
        remarks().print(f"pinned {_reference(build)} as {label}")


def _complete_labels(context: CompletionContext) -> list[str]:
    try:
        return [pin.label for pin in Envs(mount_of(context)).pins()]
    except (CondafsError, OSError):
        return []


def unpin(
    label: Annotated[str, Parameter(completer=_complete_labels)],
    /,
    *,
    mount: MountOption = None,
) -> None:
    """Let garbage collection decide about a build again.

    Args:
        label: What the pin is called, or a build (foo@-1, foo@3f2a9c1d77e0) of which all pins are removed.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    pins = envs.pins()
    labels = [label] if any(pin.label == label for pin in pins) else _labels_of(envs, pins, label)
    for found in labels:
        unpin_label(envs, found)
        remarks().print(f"unpinned {found}")


def _labels_of(envs: Envs, pins: list[Pin], reference: str) -> list[str]:
    try:
        build = BuildName.parse(envs.prefix(reference).name)
    except CondafsError:
        build = None
    labels = [pin.label for pin in pins if pin.build == build]
    if not labels:
        known = f"there are {', '.join(pin.label for pin in pins[:20])}" if pins else "there are none"
        msg = f"there is no pin {reference}: {known}"
        raise NotFoundError(msg)
    return labels


def _list(envs: Envs, *, json: bool) -> None:
    pins = envs.pins()
    if json:
        print_json(
            [
                {"label": p.label, "build": str(p.build), "owner": user_text(str(p.owner_uid)), "made": p.made}
                for p in pins
            ]
        )
    elif not pins:
        remarks().print("Nothing is pinned. Keep a build: condafs pin foo@-1 --as paper-2026")
    else:
        rows = [[p.label, _reference(p.build), user_text(str(p.owner_uid)), time_text(p.made)] for p in pins]
        print_table(("PIN", "BUILD", "BY", "SINCE"), rows)


def _reference(build: BuildName) -> str:
    return f"{build.name}@{build.digest.short}"
