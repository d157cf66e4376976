"""How a simulated command is written: at a moment, by somebody, always with one id, marked as such."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from domain.commands import Command, parse
from domain.records import Record

SOURCE = "simulated"
SEED = "kehu demo 2"
"""What all chance is drawn from."""
EDITION = "kehu demo 7"
"""Names this simulation: change it with whatever changes a command, so that no half is continued."""
END = datetime(1998, 6, 30, 22, tzinfo=UTC)


class Purchase(Record):
    """What the simulation knows of one purchase."""

    order_id: str
    at: datetime


def tell(cls: type[Command], id: str, at: datetime, actor: str, **fields: Any) -> Command:
    """A command of the simulation; its idempotency key begins with `simulated/`."""
    metadata = {"command_id": f"simulated/{id}", "occurred_at": at, "actor": actor, "source": SOURCE}
    return parse(cls, {**metadata, **fields})


def at(day: str, hour: float = 10) -> datetime:
    """A moment (UTC) of a day written as `1997-03-31`."""
    return datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(hours=hour)
