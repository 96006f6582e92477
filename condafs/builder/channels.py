"""Which channels a specification means: names below the alias, URLs as they are, in order of priority."""

from collections.abc import Iterable, Sequence

from rattler.channel import Channel, ChannelConfig

DEFAULTS = ("main", "r")
"""What `defaults` stands for: conda's default channels of Linux (conda's documentation, "default_channels"), which
the default alias and mirrors of it serve under these names as well."""


def find_channels(names: Sequence[str], alias: str) -> list[Channel]:
    """The channels in order; each once.

    Args:
        names: URLs (`file://` too), names below the alias, or `defaults`.
        alias: URL.
    """
    channels: dict[str, Channel] = {}
    for name in names:
        for meant in DEFAULTS if name == "defaults" else (name,):
            channel = _channel(meant, alias)
            channels.setdefault(channel.base_url, channel)
    return list(channels.values())


def place_dependencies(
    dependencies: Iterable[str], channels: Sequence[Channel], alias: str
) -> tuple[list[str], list[Channel]]:
    """Make `channel::package` exact: rattler would look for the name below its own alias, among the listed channels.

    Args:
        dependencies: Match specs.
        channels: Those of the specification.
        alias: URL.

    Returns:
        The match specs with URLs for channels, and the channels with those that only match specs name at the end: their
        other packages are taken only where no channel of the specification has any.
    """
    placed = []
    known = {channel.base_url: channel for channel in channels}
    by_name = {channel.name: channel for channel in reversed(channels) if channel.name}
    for dependency in dependencies:
        place, separator, package = dependency.partition("::")
        if not separator or "[" in place:  # `pkg[channel='a::b']` is nobody's way to write it
            placed.append(dependency)
            continue
        place = DEFAULTS[0] if place == "defaults" else place
        channel = by_name.get(place) or _channel(place, alias)
        known.setdefault(channel.base_url, channel)
        placed.append(f"{channel.base_url.rstrip('/')}::{package}")
    return placed, list(known.values())


def _channel(name: str, alias: str) -> Channel:
    # The alias is joined as a URL: without the slash its last part would be replaced.
    return Channel(name, ChannelConfig(channel_alias=alias.rstrip("/") + "/"))
