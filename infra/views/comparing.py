"""What differs between two moments of a view: which rows, in which fields, from what to what."""

from __future__ import annotations

from typing import Any

from domain.records import Record
from infra.archive.files import Row
from infra.database import Pool
from infra.views.conditions import Arguments, Where, condition
from infra.views.reader import EVERYTHING, Sight
from infra.views.tables import Key, Table, quoted


class Difference(Record):
    """A row that is not the same at two moments."""

    view: str
    key: Key
    before: dict[str, Any] | None
    """What differs, as it was at the first moment; None where there was no such row."""
    after: dict[str, Any] | None
    """The same fields at the second moment; None where the row is gone."""
    since: int
    """From where the row is as it is at the second moment; of one that is gone, as it was at the first."""


async def differences(
    pool: Pool,
    tenant: str,
    table: Table,
    before: int,
    after: int,
    *,
    where: Where = EVERYTHING.where,
    sight: Sight = EVERYTHING,
    first: int | None = None,
) -> list[Difference]:
    """The rows (the first ones) that meet a condition and differ, in what is seen of them, between two
    positions, in the order of their key."""
    arguments = Arguments(4)
    wanted = condition(sight.of(where), arguments)
    keys, columns = table.declaration.key, [*table.columns, "since"]
    listed = ", ".join(f"{side}.{quoted(column)}" for side in ("b", "a") for column in columns)
    matched = " AND ".join(f"b.{quoted(key)} = a.{quoted(key)}" for key in keys)
    order = ", ".join(f"coalesce(b.{quoted(key)}, a.{quoted(key)})" for key in keys)
    records = await pool.fetch(
        f"SELECT {listed} FROM {table.as_of('$2', wanted, sight.masked)} b"
        f" FULL JOIN {table.as_of('$3', wanted, sight.masked)} a"
        f" ON {matched} WHERE b.since IS DISTINCT FROM a.since ORDER BY {order}"
        f"{'' if first is None else f' LIMIT {first}'}",
        tenant,
        before,
        after,
        *arguments.values,
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
        since=new[-1] if is_ else old[-1],
    )
