"""What differs between two moments of a view: which rows, in which fields, from what to what."""

from __future__ import annotations

from typing import Any

from domain.records import Record
from infra.archive.files import Row
from infra.database import Pool
from infra.views.tables import Key, Table, quoted


class Difference(Record):
    """A row that is not the same at two moments."""

    view: str
    key: Key
    before: dict[str, Any] | None
    """What differs, as it was at the first moment; None where there was no such row."""
    after: dict[str, Any] | None
    """The same fields at the second moment; None where the row is gone."""


async def differences(
    pool: Pool, tenant: str, table: Table, before: int, after: int, customer_id: str | None = None
) -> list[Difference]:
    """The rows (of one customer, or all) that differ between two positions, in the order of their key."""
    where = "true" if customer_id is None else "customer_id = $4"
    keys, columns = table.declaration.key, [*table.columns, "since"]
    listed = ", ".join(f"{side}.{quoted(column)}" for side in ("b", "a") for column in columns)
    matched = " AND ".join(f"b.{quoted(key)} = a.{quoted(key)}" for key in keys)
    order = ", ".join(f"coalesce(b.{quoted(key)}, a.{quoted(key)})" for key in keys)
    records = await pool.fetch(
        f"SELECT {listed} FROM {table.as_of('$2', where)} b FULL JOIN {table.as_of('$3', where)} a"
        f" ON {matched} WHERE b.since IS DISTINCT FROM a.since ORDER BY {order}",
        tenant,
        before,
        after,
        *([] if customer_id is None else [customer_id]),
    )
    width = len(columns)
    found = [_difference(table, tuple(record)[:width], tuple(record)[width:]) for record in records]
    return [difference for difference in found if difference is not None]


def _difference(table: Table, old: Row, new: Row) -> Difference | None:
    """Two versions of a row, each with its `since`; None where it has become again what it was."""
    was, is_ = old[-1] is not None, new[-1] is not None
    before, after = dict(zip(table.columns, old, strict=False)), dict(zip(table.columns, new, strict=False))
    changed = [name for name in table.columns if before[name] != after[name]]
    if not changed:
        return None
    return Difference(
        view=table.declaration.name,
        key=tuple((before if was else after)[name] for name in table.declaration.key),
        before={name: before[name] for name in changed} if was else None,
        after={name: after[name] for name in changed} if is_ else None,
    )
