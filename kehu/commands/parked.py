"""`kehu parked` and `kehu retry`: the keys whose fold refused an event, and another try for them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec

from infra.views.parking import Parked, ask, parked
from kehu import plugins
from kehu.console import out, write_json, write_rows
from kehu.failures import PARTLY
from kehu.opening import database, opened
from kehu.options import common, own_projections, require_views
from kehu.serving import catch_up
from kehu.settings import Settings
from projections.view import views


@click.command("parked")
@common
def parked_command(settings: Settings, as_json: bool) -> int:
    """Show which keys of which views wait, since which event, and why it was refused.

    All other keys of these views go on.

    \b
    Example:
      kehu parked --tenant demo
    """
    with database(settings) as dsn:
        found = asyncio.run(_parked(settings, dsn))
    if as_json:
        write_json(found)
    elif found:
        _tell(found)
    else:
        out().print("No key is parked.")
    return 0


async def _parked(settings: Settings, dsn: str) -> list[Parked]:
    async with opened(settings, dsn, (), must_exist=True) as tenant:
        return await parked(tenant.pool, tenant.name)


@click.command("retry")
@click.argument("names", nargs=-1, metavar="[VIEW]...")
@own_projections
@common
def retry_command(
    settings: Settings, names: tuple[str, ...], projections: tuple[Path, ...], as_json: bool
) -> int:
    """Fold the events that wait for parked keys (of all views, where none is named), in their order.

    What is refused again stays parked, and the exit code is 1. Populations that were computed meanwhile
    from these views stay as they are: rebuild them.

    \b
    Example:
      kehu retry orders --tenant demo
    """
    for path in projections:
        plugins.load(path)
    require_views(*names)
    with database(settings) as dsn:
        result = asyncio.run(_retry(settings, dsn, list(names or views), as_json))
    if as_json:
        write_json(result)
    else:
        out().print(f"{result['tried']} parked keys tried again, {len(result['parked'])} still wait")
        _tell(result["parked"])
    return PARTLY if result["parked"] else 0


async def _retry(settings: Settings, dsn: str, names: list[str], quiet: bool) -> dict[str, Any]:
    async with opened(settings, dsn, views.values(), must_exist=True) as tenant:
        tried = await ask(tenant.pool, tenant.name, names)
        await catch_up(tenant, quiet=quiet)
        left = [key for key in await parked(tenant.pool, tenant.name) if key.view in names]
        return {"tried": tried, "parked": left}


def _tell(found: list[Parked]) -> None:
    if found:
        rows = [{**msgspec.structs.asdict(k), "key": " ".join(map(str, k.key))} for k in found]
        write_rows("Parked keys", rows)
