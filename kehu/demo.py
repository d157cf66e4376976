"""The demo's log: real purchases, simulated service around them, every day's end; loaded once, resumable."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

from domain.commands import Command, parse
from domain.deadlines import PublishDeadlines
from domain.records import Record
from domain.tiers import PublishTierPolicy
from infra.engine import Engine
from infra.imports.importing import Progress, Summary, import_table
from infra.imports.steps import Among
from infra.imports.tables import Table
from kehu import cdnow
from kehu.simulation import EDITION, Purchase, simulate

TENANT = "demo"
_PUBLISHED = {"actor": "demo", "source": "demo", "occurred_at": datetime(1996, 12, 31, 12, tzinfo=UTC)}
TIER_POLICY = {
    "policy_version": "demo-1",
    "effective_from": date(1997, 1, 1),
    "currency": "USD",
    "window_days": 365,
    "cadence": "month",
    "rules": [
        {"tier": "platinum", "min_spend_minor": 500_00},
        {"tier": "gold", "min_spend_minor": 150_00},
        {"tier": "iron", "min_spend_minor": 40_00},
        {"tier": "lead"},
    ],
}
DEADLINES = {
    "deadlines_version": "demo-1",
    "effective_from": date(1997, 1, 1),
    "default_minutes": 240,
    "rules": [
        {"tier": "platinum", "severity": "critical", "minutes": 120, "around_the_clock": True},
        {"tier": "platinum", "minutes": 240},
        {"severity": "low", "minutes": 960},
        {"severity": "normal", "minutes": 480},
        {"severity": "high", "minutes": 240},
        {"severity": "critical", "minutes": 120},
    ],
}


class Loaded(Record):
    """What loading the demo did."""

    purchases: Summary
    seconds: float


def policies() -> list[Command]:
    """What the demo publishes before anything happens."""
    tiers = {"command_id": "demo/tier-policy", **_PUBLISHED, **TIER_POLICY}
    deadlines = {"command_id": "demo/deadlines", **_PUBLISHED, **DEADLINES}
    return [parse(PublishTierPolicy, tiers), parse(PublishDeadlines, deadlines)]


def simulated(table: Table) -> list[Command]:
    """The simulated commands around these purchases."""
    bought: dict[str, list[Purchase]] = {}
    for row in table.rows():
        day = datetime.strptime(row.values["date"], "%Y%m%d").replace(tzinfo=UTC)
        purchase = Purchase(order_id=row.values["id"], at=day)
        bought.setdefault(row.values["customer_id"], []).append(purchase)
    return simulate(bought)


async def load(
    engine: Engine,
    table: Table,
    rejects: Path,
    *,
    progress: Progress = lambda done, about: None,
) -> Loaded:
    """Load the demo's log, or what is missing of it: the same commands, in the same order, each time."""
    began = time.monotonic()
    for command in policies():
        await engine.execute(command)
    among = Among(name=EDITION, commands=lambda: simulated(table))
    summary = await import_table(engine, table, cdnow.JOB, rejects, among=among, progress=progress)
    return Loaded(purchases=summary, seconds=time.monotonic() - began)
