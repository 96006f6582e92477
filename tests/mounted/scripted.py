"""The daemon without a builder: everything is real but the builds, which do what the specification says.

    python -m tests.mounted.scripted MOUNTPOINT STATE [--take-over] [--settings=TEXT] [--uid=UID]

Everybody may write, unless the text of the settings file says something else.
A specification's `variables: {SCRIPT: ...}` says how its build goes::

    (none)      succeeds at once: the prefix holds `specification`, the canonical bytes
    hang        says that it is linking, and goes on until it is cancelled
    fail        fails for good
    network     fails for a passing reason
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import trio

from condafs.builder.protocol import BuildRequest, Failed, FailureKind, Phase, Progress, Succeeded
from condafs.builder.runner import remove_here
from condafs.config import Settings, parse_settings
from condafs.daemon import run
from condafs.errors import CondafsError
from condafs.prefix.inventory import write_inventory


class ScriptedRunner:
    """Builds nothing."""

    async def run(
        self, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None]
    ) -> Succeeded | Failed:
        script = json.loads(request.specification).get("variables", {}).get("SCRIPT", "")
        with log.open("a") as output:
            output.write(f"script: {script or 'succeed'}\n")
        match script:
            case "hang":
                on_progress(Progress(Phase.LINK, "numpy", 1, 2))
                await trio.sleep_forever()
            case "fail":
                return Failed(FailureKind.UNSATISFIABLE, "there is no numpy 99", Phase.SOLVE)
            case "network":
                return Failed(FailureKind.NETWORK, "no route to host", Phase.FETCH)
        prefix = Path(request.prefix)
        prefix.mkdir(parents=True)  # noqa: ASYNC240 - tiny
        (prefix / "specification").write_text(request.specification)
        write_inventory(prefix)  # what exports are laid out from
        return Succeeded(100, 10, 2, 1, "0" * 64)

    async def remove(self, prefix: Path) -> None:
        await remove_here(prefix)


def main() -> None:
    """The command line; ends the process."""
    arguments = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    mount, state = map(Path, arguments[:2])
    options = dict(argument.partition("=")[::2] for argument in arguments[2:])
    defaults = Settings(state, backoff_initial_seconds=0.05, specs_mode=0o1777)
    settings = parse_settings(options.get("--settings", ""), defaults)
    if uid := int(options.get("--uid", 0)):  # as late as this, for this python may be out of its reach
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    try:
        sys.exit(run(mount, settings, ScriptedRunner(), takes_over="--take-over" in options))
    except CondafsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
