"""What the scheduler asks of who computes exports (export.exports), as a protocol, so that tests can answer instead."""

from typing import Protocol

from condafs.names import BuildName


class Exports(Protocol):
    """Who computes exports from published builds."""

    def prepare_soon(self, build: BuildName, /) -> None:
        """It is published."""
        ...

    def note_building(self, *, is_building: bool) -> None:
        """Whether any build is being made from now on."""
        ...

    async def clear(self, build: BuildName, /) -> None:
        """Wait until nobody reads an export of it, and remove what was kept for them."""
        ...
