"""`kehu status`: what is there, how far the views are, and where the data lies."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from infra.tenant import Tenant
from infra.views.lag import lags
from kehu.console import out, write_json, write_rows
from kehu.opening import database, opened
from kehu.options import common
from kehu.settings import Settings


@click.command("status")
@common
def status_command(settings: Settings, as_json: bool) -> int:
    """Show the tenant's log, its views and imports, and where the data lies.

    \b
    Example:
      kehu status --tenant demo
    """
    with database(settings) as dsn:
        status = asyncio.run(_status(settings, dsn))
    write_json(status) if as_json else _tell(status)
    return 0


async def _status(settings: Settings, dsn: str) -> dict[str, Any]:
    async with opened(settings, dsn, (), must_exist=True) as tenant:
        head = await tenant.log.head()
        last = await tenant.log.read(backwards=True, limit=1)
        return {
            "tenant": tenant.name,
            "head": head,
            "recorded_at": last[0].recorded_at if last else None,
            "views": await _views(tenant),
            "imports": await _imports(tenant),
            "data": settings.database_words,
            "postgresql": await tenant.pool.fetchval("SHOW server_version"),
        }


async def _views(tenant: Tenant) -> list[dict[str, Any]]:
    return [
        {
            "view": lag.view,
            "generation": lag.generation,
            "position": lag.position,
            "lag": lag.events,
            "seconds": round(lag.seconds, 1),
            "serving": lag.serving,
            "parked": lag.parked,
            "failed": lag.failed,
        }
        for lag in await lags(tenant.pool, tenant.name)
        if lag.serving or not lag.former
    ]


async def _imports(tenant: Tenant) -> list[dict[str, Any]]:
    rows = await tenant.pool.fetch(
        "SELECT file, kind, imported, repeated, rejected, finished_at FROM kehu.imports"
        " WHERE tenant = $1 ORDER BY started_at",
        tenant.name,
    )
    return [dict(row) for row in rows]


def _tell(status: dict[str, Any]) -> None:
    console = out()
    last = f", the last recorded at {status['recorded_at']:%Y-%m-%d %H:%M:%S} UTC" if status["head"] else ""
    console.print(f"Tenant {status['tenant']}: {status['head']:,} events{last}")
    console.print(f"Data: {status['data']} (PostgreSQL {status['postgresql']})")
    for title, rows in (("Views", status["views"]), ("Imports", status["imports"])):
        if rows:
            write_rows(title, rows)
