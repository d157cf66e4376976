"""`kehu serve`: the GraphQL server with its views."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import click

from kehu import plugins
from kehu.console import note, out, write_json
from kehu.local_key import local_key
from kehu.opening import database, opened
from kehu.options import common, own_projections
from kehu.serving import address, catch_up, is_local, listen, serve
from kehu.settings import Settings
from kehu.traces import traced
from projections.view import views


@click.command("serve")
@own_projections
@click.option("--host", help="Address to listen on [KEHU_HOST, 127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, 0 for any [KEHU_PORT, 8000].")
@click.option(
    "--expose",
    is_flag=True,
    help="Allow an address that other machines reach, behind a proxy with TLS.",
)
@common
def serve_command(
    settings: Settings,
    projections: tuple[Path, ...],
    host: str | None,
    port: int | None,
    expose: bool,
    as_json: bool,
) -> int:
    """Serve GraphQL, with GraphiQL in the browser, until Ctrl-C.

    Views that are far behind are brought up first, with a progress bar.

    \b
    Example:
      kehu serve --projection examples/channel_use.py --port 8080
    """
    for path in projections:
        names = plugins.load(path)
        note(f"{path}: {', '.join(names)}")
    listener = listen(host or settings.host, settings.port if port is None else port, expose=expose)
    with listener, traced(settings), database(settings, note) as dsn:
        asyncio.run(_serve(settings, dsn, listener, as_json))
    note("Stopped.")
    return 0


async def _serve(settings: Settings, dsn: str, listener: socket.socket, as_json: bool) -> None:
    must_exist = settings.tenant != Settings().tenant
    async with opened(settings, dsn, views.values(), must_exist=must_exist) as tenant:
        await catch_up(tenant, quiet=as_json)
        url = f"{address(listener)}/graphql"
        key = await local_key(tenant, settings) if is_local(listener) else None

        def ready() -> None:
            if as_json:
                did = {"url": url, "tenant": settings.tenant, "data": settings.database_words}
                write_json(did | ({"key": key} if key else {}))
            else:
                out().print(f"GraphQL of tenant {settings.tenant}: {url}  (Ctrl-C stops)")
                out().print(f"GraphiQL: {url}#{key}" if key else "Keys: kehu key create")

        await serve(tenant, listener, settings, ready)
