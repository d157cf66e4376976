"""`kehu fit`: fits a lifetime model on the log's own purchases, and keeps its parameters as an event."""

from __future__ import annotations

import asyncio
import getpass
from datetime import UTC, date, datetime
from typing import Any

import click

from domain.commands import parse
from domain.lifetime import KeepLifetimeModel
from infra.fitting import Fitted, Histories, fit
from infra.tenant import Tenant
from kehu.console import note, out, short, write_json
from kehu.failures import Failure
from kehu.opening import database, opened
from kehu.options import DAY, common
from kehu.settings import Settings
from projections.view import views

HISTORIES = """
    WITH days AS (
        SELECT customer_id, placed_at::date AS day, sum(total_minor) / 100.0 AS spent FROM {orders} o
         WHERE NOT cancelled AND currency = :currency::text AND placed_at < :day::date + 1
         GROUP BY 1, 2),
    known AS (SELECT *, min(day) OVER (PARTITION BY customer_id) AS first FROM days)
    SELECT count(*) - 1 AS repeats, (max(day) - min(day)) / 7.0::float8 AS recency,
           (:day::date - min(day)) / 7.0::float8 AS age,
           coalesce(avg(spent) FILTER (WHERE day > first), 0)::float8 AS mean
      FROM known GROUP BY customer_id
"""
"""Selects what a model is fitted on: one row a customer, purchases of one day together, in weeks."""
LAST = "SELECT max(placed_at)::date AS day FROM {orders} o WHERE currency = :currency::text"


@click.command("fit")
@click.option(
    "--on", "day", type=DAY, metavar="DAY", help="The last day whose purchases count [the last with any]."
)
@click.option("--currency", default="USD", show_default=True, help="Orders in others do not count.")
@click.option("--id", "model_id", help="What the model is called [fitted-DAY-CURRENCY].")
@click.option("--dry-run", is_flag=True, help="Show the parameters, and append nothing.")
@common
def fit_command(
    settings: Settings,
    day: datetime | None,
    currency: str,
    model_id: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Fit BG/NBD and Gamma-Gamma on all customers' purchases, and keep the parameters in the log.

    From then on `lifetimeValues` predicts with them; what was predicted before replays as it was. Needs
    scipy: pip install 'kehu[clv]'.

    \b
    Example:
      kehu fit --tenant demo --on 1998-03-31
    """
    cut = day.date() if day else None
    with database(settings, note) as dsn:
        told = asyncio.run(_fit(settings, dsn, cut, currency, model_id, dry_run))
    if as_json:
        write_json(told)
    else:
        for name, value in told.items():
            out().print(f"{name:>16}  {f'{value:.4f}' if isinstance(value, float) else short(value)}")
    return 0


async def _fit(
    settings: Settings, dsn: str, day: date | None, currency: str, model_id: str | None, dry_run: bool
) -> dict[str, Any]:
    async with opened(settings, dsn, [views["orders"]], must_exist=True) as tenant:
        await tenant.projector.catch_up()
        day = day or (await _select(tenant, LAST, currency=currency))[0]["day"]
        if day is None:
            raise Failure(f"there are no orders in {currency}: say --currency")
        rows = await _select(tenant, HISTORIES, currency=currency, day=day)
        columns = ([row[name] for row in rows] for name in ("repeats", "recency", "age", "mean"))
        fitted = await asyncio.to_thread(fit, Histories(*columns))
        told = _told(fitted, day, currency, model_id)
        position = None if dry_run else (await tenant.engine.execute(_kept(told))).position
    return {**told, "position": position}


async def _select(tenant: Tenant, query: str, **values: Any) -> list[dict[str, Any]]:
    head = await tenant.log.head()
    standing = await tenant.reader.reached(["orders"], head)
    return await tenant.reader.select(query, ["orders"], standing, head, values)


def _told(fitted: Fitted, day: date, currency: str, model_id: str | None) -> dict[str, Any]:
    return {
        "model_id": model_id or f"fitted-{day}-{currency}",
        "fitted_on": day.isoformat(),
        "population": f"all customers with orders in {currency} by {day}",
        "currency": currency,
        **fitted._asdict(),
    }


def _kept(told: dict[str, Any]) -> KeepLifetimeModel:
    by = {"command_id": f"fit/{told['model_id']}", "actor": getpass.getuser(), "source": "kehu fit"}
    return parse(KeepLifetimeModel, {**told, **by, "occurred_at": datetime.now(UTC)})
