"""`kehu rebuild`: views anew from the log beside the old ones, and whether they say the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table as RichTable

from infra.tenant import Tenant
from infra.views.tables import Table
from kehu import plugins
from kehu.console import out, seconds, write_json
from kehu.failures import PARTLY
from kehu.opening import database, opened
from kehu.options import common, own_projections, require_views
from kehu.serving import catch_up
from kehu.settings import Settings
from projections.view import views


@click.command("rebuild")
@click.argument("names", nargs=-1, metavar="[VIEW]...")
@own_projections
@common
def rebuild_command(
    settings: Settings, names: tuple[str, ...], projections: tuple[Path, ...], as_json: bool
) -> int:
    """Build views anew from the log (all, where none is named), and compare.

    The old ones serve until the new ones have caught up. The digests of both, over all versions of all
    rows, must be equal; where they are not, the exit code is 1.

    \b
    Example:
      kehu rebuild --tenant demo customers orders
    """
    for path in projections:
        plugins.load(path)
    require_views(*names)
    with database(settings) as dsn:
        result = asyncio.run(_rebuild(settings, dsn, names or tuple(views), as_json))
    write_json(result) if as_json else _tell(result)
    return 0 if all(view["equal"] for view in result["views"]) else PARTLY


async def _rebuild(settings: Settings, dsn: str, names: Sequence[str], quiet: bool) -> dict[str, Any]:
    async with opened(settings, dsn, views.values(), must_exist=True) as tenant:
        compared_at = await catch_up(tenant, quiet=quiet)
        before = await _digests(tenant, names, compared_at)
        began = time.monotonic()
        await tenant.projector.rebuild(names)
        position = await catch_up(tenant, quiet=quiet)
        took = time.monotonic() - began
        after = await _digests(tenant, names, compared_at)
        compared = [
            {"view": name, "before": before[name], "after": after[name], "equal": before[name] == after[name]}
            for name in names
        ]
        return {"position": position, "seconds": round(took, 2), "views": compared}


async def _digests(tenant: Tenant, names: Sequence[str], position: int) -> dict[str, str]:
    """The digest of each view's serving generation, up to a position."""
    async with tenant.pool.acquire() as connection:
        serving = await connection.fetch(
            "SELECT view, generation FROM kehu.builds WHERE tenant = $1 AND serving AND view = ANY ($2)",
            tenant.name,
            list(names),
        )
        return {
            row["view"]: await Table(views[row["view"]], row["generation"]).digest(
                connection, tenant.name, position
            )
            for row in serving
        }


def _tell(result: dict[str, Any]) -> None:
    table = RichTable(
        title=f"Rebuilt to position {result['position']:,} in {seconds(result['seconds'])}",
        title_justify="left",
    )
    for column in ("view", "before", "after", "equal"):
        table.add_column(column, overflow="fold")
    for view in result["views"]:
        table.add_row(view["view"], view["before"], view["after"], "yes" if view["equal"] else "NO")
    out().print(table)
