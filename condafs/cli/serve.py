"""`serve`: the HTTP server, in this process, until it is told to end."""

import importlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast

from cyclopts import Parameter

from condafs.cli.parameters import MountOption, value_of
from condafs.client.mountpoint import find_mount
from condafs.config import load_settings, parse_address
from condafs.errors import MachineError
from condafs.journal import set_up_logging


def serve(
    *,
    bind: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)] = (),
    mount: MountOption = None,
    state: Path | None = None,
    config: Path | None = None,
    verbose: Annotated[bool, Parameter(alias="-v", negative="")] = False,
) -> int:
    """Serve environments over HTTP: REST, a container registry, web pages.

    Until it is interrupted (Ctrl-C). It needs a mounted condafs, reads its catalog, and does everything else through
    the mount as the user that runs it. `condafs token create` makes the tokens that writing needs.

    Args:
        bind: Where to listen: host:port or unix:/path; may be given again. Else 127.0.0.1:8080.
        mount: The mount that is meant.
        state: State directory of the mount's daemon; else /var/lib/condafs for root, ~/.local/share/condafs for others.
        config: Settings file; else /etc/condafs.yaml for root, ~/.config/condafs.yaml for others, if it is there.
        verbose: Log debugging messages too.
    """
    settings = load_settings(config, state)
    if bind:
        settings = replace(settings, http_bind=tuple(value_of("--bind", parse_address, text) for text in bind))
    place = find_mount(mount)
    set_up_logging(sys.stderr, os.environ, is_verbose=verbose, identifier="condafs-http")
    try:
        server = importlib.import_module("condafs.web.server")
    except ModuleNotFoundError as error:
        msg = f"the HTTP server needs {error.name}, which is not installed: pip install 'condafs[http]'"
        raise MachineError(msg) from None
    return cast("int", server.run(place, settings))
