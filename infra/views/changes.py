"""Which rows of a view an event changed, and how they were before: what those hear who follow a view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.events import Event, Recorded
from domain.records import Record
from infra.views.conditions import All, Where
from infra.views.reader import Found, Sight, ViewReader
from infra.views.tables import Table, quoted
from projections.view import Declaration


class Change(Record):
    """What an event did to one row that met a condition before or after it."""

    key: str
    before: Found | None
    """As it was, if it met the condition."""
    after: Found | None
    """As it is now, whether or not it meets the condition; None where the row has ended."""
    matches: bool
    """Whether it meets the condition now."""


def followed(view: Declaration) -> tuple[str, ...]:
    """The stored names of the events that can change rows of a view."""
    kinds: set[type[Event]] = {*view.handlers}
    if view.population is not None:
        kinds.add(view.population.at)
    return tuple(sorted(kind.TOPIC for kind in kinds))


async def changes(
    reader: ViewReader,
    table: Table,
    recorded: Recorded[Any],
    sight: Sight,
    where: Where,
    *,
    beyond: str | None,
    first: int,
) -> tuple[list[Change], str | None]:
    """The rows that an event changed, in the order of their keys, of which there must be one text a row.

    Looks at `first` rows after the key `beyond`, of which not all need to have met the condition; tells also
    the last key it looked at, or None where there are no others. The view must have reached the event.
    """
    keys = await _touched(reader, table, recorded, beyond, first + 1)
    looked_at, at = keys[:first], recorded.position

    async def found(where: Where, keys: Iterable[str], at: int) -> Mapping[str, Found]:
        wanted = [(key,) for key in keys]
        rows = await reader.by_keys(table, wanted, at, sight=sight, where=where) if wanted else {}
        return {key: row for (key,), row in rows.items()}

    matching = await found(where, looked_at, at)
    before = await found(where, looked_at, at - 1)
    after = {**await found(All(parts=()), before.keys() - matching.keys(), at), **matching}
    told = [
        Change(key=key, before=before.get(key), after=after.get(key), matches=key in matching)
        for key in looked_at
        if key in before or key in after
    ]
    more = looked_at[-1] if len(keys) > first else None
    return [change for change in told if change.after is None or change.after.since == at], more


async def _touched(
    reader: ViewReader, table: Table, recorded: Recorded[Any], beyond: str | None, most: int
) -> Sequence[str]:
    """The keys of the rows that an event may have changed."""
    handler = table.declaration.handlers.get(type(recorded.event))
    if handler is not None and handler.rows is None:
        keys = sorted({key for (key,) in handler.keys(recorded)})
        return [key for key in keys if beyond is None or key > beyond][:most]
    [column] = map(quoted, table.declaration.key)
    rows = await reader.log.pool.fetch(  # what was changed for all has a version that ended there
        f"SELECT {column} FROM {table.past} WHERE tenant = $1 AND until = $2"
        f" AND ($3::text IS NULL OR {column} > $3) ORDER BY {column} LIMIT {most}",
        reader.log.tenant,
        recorded.position,
        beyond,
    )
    return [row[0] for row in rows]
