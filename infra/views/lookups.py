"""What folds look up besides their own row: the customer's row of a population, as of before the event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.events import Recorded
from infra.database import Connection, Pool
from infra.views.tables import Table
from projections.view import Declaration, View

Beside = Mapping[str, Table]
"""The tables of the populations in which a view looks something up, by name."""
LookedUp = Mapping[int, View]
"""What the folds of events find, by the position of the event."""


async def looked_up(
    connection: Connection | Pool,
    tenant: str,
    declaration: Declaration,
    events: Iterable[Recorded[Any]],
    beside: Beside,
) -> LookedUp:
    """What the folds of these events find in the populations, one query for each of these."""
    found: dict[int, View] = {}
    if not declaration.reads:
        return found
    wanted: dict[str, dict[int, str]] = {}
    for recorded in events:
        handler = declaration.handlers.get(type(recorded.event))
        if handler and handler.looks_up and recorded.customer_id:
            wanted.setdefault(handler.looks_up, {})[recorded.position] = recorded.customer_id
    for name, customers in wanted.items():
        keys = [((customer,), position) for position, customer in customers.items()]
        rows = await beside[name].held(connection, tenant, keys)
        found.update((position, row) for (_, position), row in rows.items())
    return found
