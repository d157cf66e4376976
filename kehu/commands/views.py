"""`kehu views` and `kehu rollback`: which generations of the views there are, and the one before again."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from infra.tenant import Tenant
from infra.views import generations
from infra.views.lag import lags, size
from kehu.console import out, write_json, write_rows
from kehu.failures import NOT_FOUND, Failure
from kehu.opening import database, opened
from kehu.options import common
from kehu.settings import Settings


@click.command("views")
@common
def views_command(settings: Settings, as_json: bool) -> int:
    """Show the generations of each view: state, position, lag, parked keys, size.

    \b
    Example:
      kehu views --tenant demo
    """
    with database(settings) as dsn:
        found = asyncio.run(_views(settings, dsn))
    if as_json:
        write_json(found)
    elif found:
        write_rows(f"Views of tenant {settings.tenant}", found)
    else:
        out().print("No view is built yet.")
    return 0


async def _views(settings: Settings, dsn: str) -> list[dict[str, Any]]:
    async with opened(settings, dsn, (), must_exist=True) as tenant:
        return [
            {
                "view": lag.view,
                "generation": lag.generation,
                "state": lag.state,
                "digest": lag.digest,
                "position": lag.position,
                "lag_events": lag.events,
                "lag_seconds": round(lag.seconds, 1),
                "parked": lag.parked,
                "workers": lag.workers,
                "bytes": await size(tenant.pool, lag.view, lag.generation),
                "failed": lag.failed,
            }
            for lag in await lags(tenant.pool, tenant.name)
        ]


@click.command("rollback")
@click.argument("view")
@common
def rollback_command(settings: Settings, view: str, as_json: bool) -> int:
    """Let the generation of VIEW serve again that was replaced last, with its old answers.

    What it replaces is kept, and is not built again by itself until its declaration changes: `kehu rebuild
    VIEW` builds it anew, and another rollback brings it back.

    \b
    Example:
      kehu rollback customers --tenant demo
    """
    with database(settings) as dsn:
        result = asyncio.run(_rollback(settings, dsn, view))
    if as_json:
        write_json(result)
    else:
        out().print(
            f"{view}: generation {result['generation']} serves, true at position {result['position']:,}"
        )
    return 0


async def _rollback(settings: Settings, dsn: str, view: str) -> dict[str, Any]:
    async with opened(settings, dsn, (), must_exist=True) as tenant:
        try:
            generation = await _bring_back(tenant, view)
        except generations.NothingToBringBack as error:
            raise Failure(str(error), NOT_FOUND) from error
        now = [lag for lag in await lags(tenant.pool, tenant.name) if lag.view == view and lag.serving]
        return {"view": view, "generation": generation, "position": now[0].position}


async def _bring_back(tenant: Tenant, view: str) -> int:
    async with tenant.pool.acquire() as connection, connection.transaction():
        return await generations.bring_back(connection, tenant.name, view)
