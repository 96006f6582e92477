"""What a specification says of its container image: the `image:` key, which is no part of the digest.

It decides how a build is wrapped, not what is built, so the latest document of a name holds for all of its builds.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """The `image:` key.

    Attributes:
        base: What the image stands on: `host`, `none`, or the absolute path of an OCI archive; "" as the daemon's
            settings say.
        labels: Name and value, sorted by name.
        entrypoint: Command and arguments; empty for none.
        user: As in a container file: name or number, with `:group`; "" for root.
        workdir: Absolute path; "" for `/`.
    """

    base: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""


DEFAULT_IMAGE = ImageSettings()
"""Of every specification that has no `image:`."""
