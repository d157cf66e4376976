"""`kehu status`: what is there, how far the views are, and where the data lies."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from rich.table import Table

from infra.tenant import Tenant
from kehu.console import out, write_json
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
            "views": await _views(tenant, head),
            "imports": await _imports(tenant),
            "data": settings.database_words,
            "postgresql": await tenant.pool.fetchval("SHOW server_version"),
        }


async def _views(tenant: Tenant, head: int) -> list[dict[str, Any]]:
    rows = await tenant.pool.fetch(
        "SELECT view, generation, position, $2 - position AS lag, serving, failed FROM kehu.builds"
        " WHERE tenant = $1 AND retired_at IS NULL ORDER BY view, generation",
        tenant.name,
        head,
    )
    return [dict(row) for row in rows]


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
            console.print(_table(title, rows))


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name, value in rows[0].items():
        table.add_column(name.replace("_", " "), justify="right" if type(value) is int else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _cell(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case str():
            return value
        case _:
            return f"{value:%Y-%m-%d %H:%M}"
