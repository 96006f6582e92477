"""What containers of an image start with, and how much of that an image takes over from its base.

A base's values are inherited as `docker build` does it for FROM: environment variables and labels one by one, the rest
as a whole, and an entrypoint of one's own makes an inherited command void (Dockerfile reference, "Understand how CMD
and ENTRYPOINT interact"). Triggers (ONBUILD) are not inherited: there is nothing that they could run in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from condafs.export.facts import Facts
from condafs.names import BuildName
from condafs.spec.image import ImageSettings

BaseConfig: TypeAlias = Mapping[str, Any]
"""What is inherited from the configuration document of a base, checked: see `base_config`. Empty for none."""

INHERITED = ("ExposedPorts", "Volumes", "StopSignal", "StopTimeout", "Healthcheck", "Shell")
"""Properties that condafs says nothing about; the last three are docker's own."""

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What docker gives to containers whose image says nothing (moby, oci/defaults.go)."""

_END_OF_TIME = 253402300799
"""The last second of the year 9999: RFC 3339 has no fifth digit."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an image says of its containers, all of it but layers and platform.

    Attributes:
        created: Unix seconds.
        environment: Name -> value.
        entrypoint, command: What runs; empty for none.
        user: Name or number, with `:group`; "" for root.
        workdir: Absolute path.
        labels: Name -> value.
        base: What properties and history to take over; its values for all of the above are in these already.
    """

    created: int
    environment: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    workdir: str = "/"
    labels: Mapping[str, str] = field(default_factory=dict)
    base: BaseConfig = field(default_factory=dict)


def configure(  # noqa: PLR0913 - an image is made of these
    build: BuildName, facts: Facts, settings: ImageSettings, base: BaseConfig, *, prefix: str, host_glibc: str = ""
) -> Configuration:
    """The configuration of a build's image.

    Args:
        build: What the image is of.
        facts: What its layers were made of.
        settings: The `image:` key.
        base: Of the base archive; empty for none.
        prefix: Where the environment is in the image.
        host_glibc: Version of the glibc in the image, where it is this machine's.
    """
    inherited = base.get("config", {})
    return Configuration(
        created=facts.created,
        environment=_environment(build, facts, _variables(inherited), prefix),
        entrypoint=settings.entrypoint or tuple(inherited.get("Entrypoint", ())),
        command=_command(facts, settings, inherited, prefix),
        user=settings.user or inherited.get("User", ""),
        workdir=settings.workdir or inherited.get("WorkingDir", "") or "/",
        labels={**inherited.get("Labels", {}), **_own_labels(build, facts, host_glibc), **dict(settings.labels)},
        base=base,
    )


def _variables(inherited: BaseConfig) -> dict[str, str]:
    pairs = (text.partition("=") for text in inherited.get("Env", ()))
    return {name: value for name, _, value in pairs}


def _environment(build: BuildName, facts: Facts, inherited: Mapping[str, str], prefix: str) -> dict[str, str]:
    """A later one replaces an earlier: defaults, the base, activation of the environment, packages, specification."""
    return {
        "LANG": "C.UTF-8",  # programs without any locale take what is not ASCII for an error
        **inherited,
        "PATH": f"{prefix}/bin:{inherited.get('PATH') or DEFAULT_PATH}",
        "CONDA_PREFIX": prefix,
        "CONDA_DEFAULT_ENV": build.name.text,
        **facts.variables,
    }


def _command(facts: Facts, settings: ImageSettings, inherited: BaseConfig, prefix: str) -> tuple[str, ...]:
    if settings.entrypoint:
        return ()  # it would become arguments of the entrypoint
    if facts.has_python:
        return (f"{prefix}/bin/python",)
    return tuple(inherited.get("Cmd", ())) or ("/bin/sh",)


def _own_labels(build: BuildName, facts: Facts, host_glibc: str) -> dict[str, str]:
    labels = {
        "condafs.digest": build.digest.hex,
        "condafs.lock-sha256": facts.lock_sha256,
        "condafs.host-glibc": host_glibc,
    }
    return {name: value for name, value in labels.items() if value}


def execution_parameters(config: Configuration) -> dict[str, Any]:
    """The property `config` of an image configuration (config.md, Properties); what is empty is left out."""
    inherited = config.base.get("config", {})
    parameters = {
        **{name: inherited[name] for name in INHERITED if name in inherited},
        "Env": [f"{name}={value}" for name, value in config.environment.items()],
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
        "User": config.user,
        "WorkingDir": config.workdir,
        "Labels": dict(config.labels),
    }
    return {name: value for name, value in parameters.items() if value}


def history(config: Configuration, comments: Sequence[str]) -> list[dict[str, Any]]:
    """The property `history`: as many entries that are not `empty_layer` as there are layers.

    Args:
        config: Its base's history stands for the base's layers, if it has as many entries as it should.
        comments: One a layer.
    """
    inherited = list(config.base.get("history", ()))
    layers_of_base = len(config.base.get("rootfs", {}).get("diff_ids", ()))
    if sum(not entry.get("empty_layer") for entry in inherited) != layers_of_base:
        inherited, layers_of_base = [], 0  # squashed, or made by a tool that keeps none
    created = rfc3339(config.created)
    return inherited + [
        {"created": created, "created_by": f"condafs: {comment}"} for comment in comments[layers_of_base:]
    ]


def rfc3339(seconds: int) -> str:
    """`1970-01-01T00:00:00Z` of Unix seconds; the nearest that can be written of what cannot."""
    moment = datetime.fromtimestamp(max(0, min(seconds, _END_OF_TIME)), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
