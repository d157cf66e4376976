"""`kehu tenants`: whose logs there are, and a new one."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import click
from rich.table import Table

from infra.database import Pool, connected
from infra.log.log import Log
from kehu.console import out, write_json
from kehu.failures import USAGE, Failure
from kehu.opening import database
from kehu.options import common
from kehu.settings import Settings

NAME = re.compile(r"\w[\w.-]{0,62}\Z")


@click.command("tenants")
@click.option(
    "--create", metavar="NAME", help="Make an empty log of this name first; nothing, if it is there."
)
@common
def tenants_command(settings: Settings, create: str | None, as_json: bool) -> int:
    """List the tenants: their logs, and when the last event was recorded.

    Each has a log, streams and views of its own; nothing that is asked of one sees another. A name
    has 1 to 63 letters or digits of any script, _, . and -, and does not begin with . or -.

    \b
    Example:
      kehu tenants --create 华东
    """
    if create is not None and not NAME.match(create):
        rule = "1 to 63 letters, digits, _, . and -, of which the first is not . or -"
        raise Failure(f"--create {create!r}: a tenant's name has {rule}", USAGE)
    with database(settings) as dsn:
        created, tenants = asyncio.run(_tenants(dsn, create))
    if as_json:
        write_json({"created": created, "tenants": tenants})
    else:
        _tell(create, created, tenants)
    return 0


async def _tenants(dsn: str, create: str | None) -> tuple[bool, list[dict[str, Any]]]:
    async with connected(dsn) as pool:
        created = create is not None and await Log(pool, create).create()
        return created, await _listed(pool)


async def _listed(pool: Pool) -> list[dict[str, Any]]:
    rows = await pool.fetch(
        "SELECT tenant, position AS head, CASE WHEN position > 0 THEN recorded_at END AS recorded_at"
        " FROM kehu.heads ORDER BY tenant"
    )
    return [dict(row) for row in rows]


def _tell(create: str | None, created: bool, tenants: list[dict[str, Any]]) -> None:
    if create is not None:
        out().print(f"Tenant {create} {'was made' if created else 'is there already'}.")
    table = Table("tenant")
    table.add_column("events", justify="right")
    table.add_column("the last recorded at (UTC)")
    for tenant in tenants:
        last = f"{tenant['recorded_at']:%Y-%m-%d %H:%M:%S}" if tenant["recorded_at"] else "–"
        table.add_row(tenant["tenant"], f"{tenant['head']:,}", last)
    out().print(table)
