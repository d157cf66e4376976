"""Runs the server: views follow the log in the background, GraphQL answers, and Ctrl-C ends both cleanly."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from infra.scheduler import end_days
from infra.tenant import Tenant
from kehu.console import bar
from kehu.failures import USAGE, Failure
from kehu.settings import Settings

if TYPE_CHECKING:
    from api.access import Access

KEEP_ALIVE = 75
"""Seconds for which an idle connection stays open: longer than proxies keep theirs, so that none of them
sends a request on one that is being closed."""
DRAIN = 5
"""Seconds that open requests and streams have to end."""


class _Server(uvicorn.Server):
    """Uvicorn's server, stopped by us alone; it ends streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, leave: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._leave = leave

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._leave()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def settle() -> None:
    """Take what the start made, which lives as long as the process, out of the garbage collector's sight.

    The schema's types and all declarations are 400,000 objects: to look through them holds up everybody for
    a quarter of a second.
    """
    gc.collect()
    gc.freeze()


def listen(host: str, port: int, *, expose: bool) -> socket.socket:
    """A socket that listens there. Raises `Failure` where that is not possible, or not wise."""
    if not expose and not _is_loopback(host):
        raise Failure(
            f"{host} can be reached from other machines, and Kehu speaks plain HTTP:"
            " put a proxy with TLS before it, and say --expose",
            USAGE,
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"cannot listen on {host}:{port}: {reason}; choose another --port") from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does so for its own sockets only
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(listener: socket.socket) -> str:
    """The URL of the server."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_local(listener: socket.socket) -> bool:
    """Whether this machine alone reaches the server."""
    return _is_loopback(listener.getsockname()[0])


def _access(listener: socket.socket, settings: Settings) -> Access:
    """How open the server is: for developers on this machine, closed for everybody else."""
    from api.access import Access
    from api.oidc import Issuer

    issuer = settings.oidc_issuer
    common: dict[str, Any] = {
        "trusted_only": settings.trusted_only,
        "origins": settings.origins,
        "oidc": Issuer(issuer=issuer, audience=settings.oidc_audience, keys=settings.oidc_keys)
        if issuer
        else None,
    }
    if is_local(listener):
        return Access.local(listener.getsockname()[0], **common)
    return Access.production(rate=settings.rate, **common)


async def catch_up(tenant: Tenant, *, quiet: bool = False) -> int:
    """Bring the views up with the log, and say how it goes."""
    with bar("Bringing the views up", quiet=quiet) as moved:
        return await tenant.projector.catch_up(moved)


async def serve(
    tenant: Tenant, listener: socket.socket, settings: Settings, ready: Callable[[], None]
) -> None:
    """Serve until a signal comes. Raises `Failure` where the views cannot follow the log any more."""
    from api.http import LARGEST_BODY, create_app

    access = _access(listener, settings)
    if access.logged:
        log = logging.getLogger("kehu.access")
        log.setLevel(logging.INFO)
        log.addHandler(logging.StreamHandler())
    app = create_app(tenant, access)
    settle()
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=DRAIN,
        timeout_keep_alive=KEEP_ALIVE,
        ws="websockets-sansio",
        ws_max_size=LARGEST_BODY,
    )
    server = _Server(config, app.state.leave)
    following = asyncio.create_task(
        tenant.projector.run(tenant.wakeups, tenant.reader.moved), name="projector"
    )
    ending = asyncio.create_task(end_days(tenant), name="scheduler")
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="server")
    with _stopping(server):
        while not (server.started or serving.done()):
            await asyncio.wait({serving}, timeout=0.01)
        if not serving.done():
            ready()
        await asyncio.wait({following, ending, serving}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await asyncio.wait({serving})
    await _stop(following, "the views cannot follow the log")
    await _stop(ending, "business days cannot be ended")
    serving.result()


async def _stop(task: asyncio.Task[None], trouble: str) -> None:
    """End a task that runs for ever. Raises `Failure` where it has ended by itself."""
    failure = task.exception() if task.done() else None
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
    if failure is not None:
        raise Failure(f"{trouble}: {type(failure).__name__}: {failure}") from failure


@contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """The first signal lets requests end, a second one does not wait for them."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
