"""The process: where it listens, how it ends.

hypercorn speaks HTTP; its sockets and its accepting are ours, because connections have to be counted, and slow ones
given up (`connection`). It is used as its own trio worker uses it; those parts change with its versions.
"""

import errno
import logging
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState

from condafs.catalog.store import Catalog
from condafs.client.envs import Envs
from condafs.config import Settings
from condafs.errors import MachineError, UserError
from condafs.notify import Notifier
from condafs.web.access.sessions import load_sessions
from condafs.web.access.tokens import TokenStore
from condafs.web.access.visitor import Doorkeeper
from condafs.web.application import make_application
from condafs.web.conda_store_ui import require_ui
from condafs.web.connection import Http1Server, PatientStream
from condafs.web.house import House
from condafs.web.mount import Mount

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 1000
"""At once; one more is closed at once. Each may have one request at a time."""

DESCRIPTORS = 8 * MAX_CONNECTIONS

BACKLOG = 512
GRACE_SECONDS = 3
"""How long answers may go on after the server was told to end."""

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run(mount: Path, settings: Settings) -> int:
    """Serve until the process is told to end.

    Args:
        mount: Where condafs is mounted.
        settings: Of that mount's daemon, and of this server.

    Returns:
        The exit code: 0 after a clean end.

    Raises:
        CondafsError: It cannot start: an address is taken, there is no catalog, its own directory cannot be used.
    """
    notifier = Notifier.take(os.environ, os.getpid())
    _allow_descriptors()
    doorkeeper = Doorkeeper(
        TokenStore(settings.http_directory),
        load_sessions(settings.http_directory),
        is_open=settings.http_open,
        clock=time.time,
        public_host=settings.http_url.partition("://")[2].partition("/")[0],
    )
    if settings.http_ui:
        require_ui(settings.http_ui)
    with Catalog.open_read_only(settings.catalog) as catalog:
        _require_same(mount, settings, catalog)
        sockets = [_listen(address) for address in settings.http_addresses]
        try:
            trio.run(_serve, mount, settings, catalog, doorkeeper, sockets, notifier)
        finally:
            _close(sockets, settings.http_addresses)
    return 0


def _allow_descriptors() -> None:
    """Each connection takes one, each file that is sent another; the usual limit of 1024 is for users of select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _require_same(mount: Path, settings: Settings, catalog: Catalog) -> None:
    """The catalog must be the mount's: answers of one with links into the other would be true of neither."""
    with catalog.snapshot() as snapshot:
        build = next(snapshot.ready_builds(), None)
    if build is None:
        return
    try:
        target = Path(os.readlink(mount / build))  # noqa: PTH115 - the text
    except OSError:
        target = Path()
    if target != settings.builds / build:
        msg = f"the mount {mount} is not that of the state directory {settings.state}: name both (--mount, --state)"
        raise UserError(msg)


def _listen(address: str) -> socket.socket:
    """A socket that listens at `host:port` or `unix:/path`."""
    try:
        if address.startswith("unix:"):
            return _listen_in_filesystem(address.removeprefix("unix:"))
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, int(port)))
    except OSError as error:
        why = "something listens there already" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        msg = f"cannot listen at {address}: {why}. Choose another place with --bind"
        raise MachineError(msg) from None
    found.listen(BACKLOG)
    return found


def _listen_in_filesystem(path: str) -> socket.socket:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with suppress(OSError):
        if stat.S_ISSOCK(os.stat(path).st_mode) and found.connect_ex(path) == errno.ECONNREFUSED:  # noqa: PTH116
            os.unlink(path)  # noqa: PTH108 - of a server that is gone
        found.close()
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    found.bind(path)
    os.chmod(path, 0o666)  # noqa: PTH101, S103 - who may connect is the directory's business; who may write, the token's
    found.listen(BACKLOG)
    return found


def _place_of(listening: socket.socket) -> str:
    """Where it listens really: port 0 is any that is free."""
    if listening.family == socket.AF_UNIX:
        return f"unix:{listening.getsockname()}"
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _close(sockets: list[socket.socket], addresses: tuple[str, ...]) -> None:
    for found, address in zip(sockets, addresses, strict=True):
        found.close()
        if address.startswith("unix:"):
            Path(address.removeprefix("unix:")).unlink(missing_ok=True)


async def _serve(  # noqa: PLR0913, PLR0917 - the process is made of these
    mount: Path,
    settings: Settings,
    catalog: Catalog,
    doorkeeper: Doorkeeper,
    sockets: list[socket.socket],
    notifier: Notifier,
) -> None:
    with trio.open_signal_receiver(*ENDING_SIGNALS) as signals:
        async with trio.open_nursery() as beside:
            house = House(settings, catalog, Mount(Envs(mount)), doorkeeper, beside)
            async with trio.open_nursery() as connections:
                async with trio.open_nursery() as accepting:
                    handle = _handler(make_application(house))
                    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(found)) for found in sockets]
                    accepting.start_soon(partial(trio.serve_listeners, handle, listeners, handler_nursery=connections))
                    accepting.start_soon(_show_life, notifier)
                    places = ", ".join(map(_place_of, sockets))
                    notifier.ready(f"serving {mount} at {places}")
                    logger.info("serving %s at %s", mount, places)
                    async for number in signals:
                        logger.info("ending: %s", signal.Signals(number).name)
                        break
                    notifier.stopping()
                    accepting.cancel_scope.cancel()
                connections.cancel_scope.deadline = trio.current_time() + GRACE_SECONDS
            beside.cancel_scope.cancel()


def _handler(application: Any) -> Callable[[trio.SocketStream], Awaitable[None]]:
    """What serves one connection."""
    config = Config()
    config.include_server_header = False
    config.keep_alive_timeout = 30
    config.errorlog = logger
    app = ASGIWrapper(cast("ASGIFramework", application))
    context = WorkerContext(None)
    open_connections = 0

    async def handle(stream: trio.SocketStream) -> None:
        nonlocal open_connections
        if open_connections >= MAX_CONNECTIONS:
            await trio.aclose_forcefully(stream)
            return
        open_connections += 1
        try:
            await Http1Server(app, config, context, ConnectionState({}), cast("Any", PatientStream(stream)))
        finally:
            open_connections -= 1

    return handle


async def _show_life(notifier: Notifier) -> None:
    while notifier.watchdog_seconds:
        notifier.watchdog()
        await trio.sleep(notifier.watchdog_seconds / 3)
