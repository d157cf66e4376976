"""Reads views as of one position: rows by key, lists with filter, order and keyset pages, counts, reports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from domain.events import Recorded
from domain.policies import Policies
from domain.records import Record
from infra.log.followers import within
from infra.log.log import Log
from infra.log.reading import Selection
from infra.views.conditions import (
    All,
    Arguments,
    Order,
    Some,
    Test,
    Where,
    Window,
    between,
    complete_order,
    condition,
    outside,
    sorting,
)
from infra.views.groups import figure as figure_of
from infra.views.groups import grouping
from infra.views.lookups import looked_up
from infra.views.tables import UNMASKED, Key, Mask, Table, bind, column_type, quoted
from projections.view import Declaration, Field, Report, View

WAIT = 10.0
"""Seconds for which a reader waits for a view to reach a position."""
LOOK_EVERY = 0.05
"""Seconds between two looks, where nobody in this process says when views move."""


SERVING = """
SELECT b.view, b.generation, b.digest, b.columns, p.lowest, p.highest
  FROM kehu.builds b
 CROSS JOIN LATERAL (
       SELECT min(s.position) AS lowest, max(s.position) AS highest FROM kehu.shards s
        WHERE s.tenant = b.tenant AND s.view = b.view AND s.generation = b.generation) p
 WHERE b.tenant = $1 AND b.serving
"""
"""SQL for the generation of each view that answers, with its declaration's digest and its tables'
columns, and how far it has followed the log: every row of it to `lowest` at least, to `highest` at most.
`$1` is the tenant."""


class Sight(Record):
    """What a reader gets to see of a view."""

    where: Where = All(parts=())
    """Other rows are not there for them."""
    masked: Mask = UNMASKED
    """In these columns they see this instead of the value."""

    def of(self, where: Where) -> Where:
        """Those of the wanted rows that they see."""
        return All(parts=(self.where, where))


EVERYTHING = Sight()


class Found(Record):
    """A row as it was at a position."""

    row: View
    since: int
    """The position from which this version holds."""
    at: int
    """The position it was read at."""


class Page(Record):
    """Rows of a list in its order, and whether others come before and after them."""

    rows: tuple[Found, ...]
    precedes: bool
    follows: bool


def _page(read: Sequence[Found], window: Window, outside: bool = False) -> Page:
    """The page of a window, of rows in the order they were read in, one more than wanted where there are."""
    rows, more = tuple(read[: window.size]), len(read) > window.size
    if window.backward:
        return Page(rows=rows[::-1], precedes=more, follows=outside)
    return Page(rows=rows, precedes=outside, follows=more)


class Standing(Record):
    """Which generation of each view answers, and how far it has followed the log."""

    generations: Mapping[str, int]
    positions: Mapping[str, int]
    times: Mapping[str, datetime | None]
    columns: Mapping[str, Sequence[str] | None] = {}
    """Of the generation's tables, where they may not be those of the declaration."""

    def lowest(self, views: Iterable[str]) -> tuple[int, datetime | None]:
        """The position, and its time, at which an answer from all these views is true."""
        names = list(views) or list(self.positions)
        name = min(names, key=lambda name: self.positions.get(name, 0), default=None)
        return (0, None) if name is None else (self.positions.get(name, 0), self.times.get(name))


class NotReached(Exception):
    """The views have not followed the log that far yet."""


class ViewReader:
    """The read path of one tenant."""

    def __init__(self, log: Log, declarations: Mapping[str, Declaration]) -> None:
        self.log, self.declarations = log, declarations
        self._moved = asyncio.Event()
        self._standing: Standing | None = None

    def moved(self, position: int = 0) -> None:
        """Views in this process have moved on: look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def standing(self) -> Standing:
        rows = await self.log.pool.fetch(
            f"SELECT b.view, b.generation, b.columns, b.lowest AS position, e.recorded_at FROM ({SERVING}) b"
            " LEFT JOIN kehu.events e ON e.tenant = $1 AND e.position = b.lowest",
            self.log.tenant,
        )
        rows = [row for row in rows if row["view"] in self.declarations]
        self._standing = Standing(
            generations={row["view"]: row["generation"] for row in rows},
            positions={row["view"]: row["position"] for row in rows},
            times={row["view"]: row["recorded_at"] for row in rows},
            columns={row["view"]: row["columns"] for row in rows},
        )
        return self._standing

    async def serving(self, views: Iterable[str]) -> Standing:
        """A standing with these views, perhaps of a while ago: a statement must check its generations."""
        known = self._standing
        if known is None or not all(view in known.generations for view in views):
            known = await self.standing()
        return known

    def forget(self) -> None:
        """Other generations serve by now."""
        self._standing = None

    async def reached(self, views: Iterable[str], position: int) -> Standing:
        """Wait until these views have seen a position. Raises `NotReached` after `WAIT` seconds."""
        names, clock = list(views), asyncio.get_running_loop().time
        deadline = clock() + WAIT
        while True:
            moved = self._moved
            standing = await self.standing()
            if standing.lowest(names)[0] >= position:
                return standing
            if clock() > deadline:
                raise NotReached(f"the views have not reached position {position} within {WAIT:.0f} s")
            await within(LOOK_EVERY, moved)

    def table(self, view: str, standing: Standing) -> Table:
        return Table(self.declarations[view], standing.generations[view], standing.columns.get(view))

    async def by_keys(
        self,
        table: Table,
        keys: Sequence[Key],
        at: int,
        *,
        sight: Sight,
        where: Where = EVERYTHING.where,
    ) -> dict[Key, Found]:
        """Those of the rows that were there, and met a condition, at a position."""
        columns = table.declaration.key
        wanted: Where = (
            Some(parts=tuple(
                All(parts=tuple(Test(column=c, op="eq", value=v) for c, v in zip(columns, key, strict=True)))
                for key in keys
            )) if len(columns) > 1 else Test(column=columns[0], op="in", value=[key[0] for key in keys])
        )  # fmt: skip
        rows = await self._select(table, at, sight, All(parts=(wanted, where)))
        return {table.declaration.key_of(found.row): found for found in rows}

    async def page(
        self,
        table: Table,
        at: int,
        *,
        sight: Sight,
        where: Where = EVERYTHING.where,
        order: Sequence[Order] = (),
        window: Window,
    ) -> Page:
        """A window of the rows in order; the key decides between equals."""
        declaration, order = table.declaration, complete_order(table.declaration, order)
        arguments = Arguments()
        inside = between(declaration, order, window, arguments)
        sort = sorting(declaration, order, backward=window.backward)
        rows = await self._select(
            table, at, sight, where, inside, f" ORDER BY {sort} LIMIT {window.size + 1}", arguments
        )
        arguments = Arguments()
        others = outside(declaration, order, window, arguments)
        there = others and await self._select(table, at, sight, where, others, " LIMIT 1", arguments)
        return _page(rows, window, bool(there))

    async def page_for_each(
        self,
        table: Table,
        at: int,
        column: str,
        keys: Sequence[Any],
        *,
        sight: Sight,
        where: Where,
        order: Sequence[Order] = (),
        window: Window,
    ) -> dict[Any, Page]:
        """For each key the first or last page of the rows in whose `column` it stands, in one statement."""
        arguments, declaration = Arguments(), table.declaration
        source = self._of_each(table, column, keys, where, arguments, sight)
        sort = sorting(declaration, complete_order(declaration, order), backward=window.backward)
        records = await self.log.pool.fetch(
            f"SELECT v.*, k.n FROM {self._each(table, column)} CROSS JOIN LATERAL"
            f" (SELECT * FROM {source} v ORDER BY {sort} LIMIT {window.size + 1}) v ORDER BY k.n, {sort}",
            self.log.tenant,
            at,
            *arguments.values,
        )
        rows: dict[Any, list[Found]] = {key: [] for key in keys}
        for record in records:
            found = Found(row=table.row(record), since=record[-2], at=at)
            rows[keys[record[-1] - 1]].append(found)
        return {key: _page(read, window) for key, read in rows.items()}

    async def count_for_each(
        self, table: Table, at: int, column: str, keys: Sequence[Any], where: Where, *, sight: Sight
    ) -> dict[Any, int]:
        """For each key the number of rows in whose `column` it stands, in one statement."""
        arguments = Arguments()
        source = self._of_each(table, column, keys, where, arguments, sight)
        records = await self.log.pool.fetch(
            f"SELECT k.n, v.count FROM {self._each(table, column)} CROSS JOIN LATERAL"
            f" (SELECT count(*) FROM {source} v) v",
            self.log.tenant,
            at,
            *arguments.values,
        )
        return {keys[number - 1]: count for number, count in records}

    def _each(self, table: Table, column: str) -> str:
        """The keys, which are the first argument, as a table `k` with their numbers `n`, from 1 on."""
        kind = column_type(table.declaration.field(column))
        return f"unnest($3::{kind}[]) WITH ORDINALITY k(key, n)"

    def _of_each(
        self,
        table: Table,
        column: str,
        keys: Sequence[Any],
        where: Where,
        arguments: Arguments,
        sight: Sight,
    ) -> str:
        """SQL for the rows of one of the keys."""
        arguments.place(list(keys))
        wanted = f"{quoted(column)} = k.key AND {condition(sight.of(where), arguments)}"
        return table.as_of("$2", wanted, sight.masked)

    async def count(self, table: Table, at: int, where: Where = EVERYTHING.where, *, sight: Sight) -> int:
        arguments = Arguments()
        source = table.as_of("$2", condition(sight.of(where), arguments))
        counted = f"SELECT count(*) FROM {source} v"
        return int(await self.log.pool.fetchval(counted, self.log.tenant, at, *arguments.values))

    async def groups(
        self,
        table: Table,
        at: int,
        where: Where,
        *,
        sight: Sight,
        by: Sequence[str],
        figure: str | None,
        column: Field | None,
        size: int,
    ) -> list[Any]:
        """Of each group how many rows it has, and a figure of a column, or the value that makes the group."""
        arguments = Arguments()
        source = table.as_of("$2", condition(sight.of(where), arguments))
        told = "NULL"
        if column is not None and figure is not None:
            told = f"v.{quoted(column.name)}" if figure == "key" else figure_of(figure, column, "v")
        limit = f"{arguments.place(size)}::bigint"
        return await self.log.pool.fetch(
            f"SELECT count(*), {told} FROM {source} v{grouping(by, 'v')} LIMIT {limit}",
            self.log.tenant,
            at,
            *arguments.values,
        )

    async def _select(
        self,
        table: Table,
        at: int,
        sight: Sight,
        where: Where,
        begun: str = "true",
        tail: str = "",
        arguments: Arguments | None = None,
    ) -> list[Found]:
        arguments = arguments or Arguments()
        wanted = f"{begun} AND {condition(sight.of(where), arguments)}"
        source = table.as_of("$2", wanted, sight.masked)
        listed = ", ".join(map(quoted, table.columns))
        records = await self.log.pool.fetch(
            f"SELECT {listed}, since FROM {source} v{tail}", self.log.tenant, at, *arguments.values
        )
        return [Found(row=table.row(record), since=record[-1], at=at) for record in records]

    async def report(
        self, report: Report, standing: Standing, at: int, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """A report's rows as of a position, by column name."""
        return await self.select(typed(report), report.reads, standing, at, values)

    async def select(
        self, query: str, reads: Iterable[str], standing: Standing, at: int, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """What a query, written as in a report, selects from these views as of a position."""
        sources = {name: self.table(name, standing).as_of("$2") for name in reads}
        sql, arguments = bind(query.format_map(sources), values, first=3)
        records = await self.log.pool.fetch(
            f"SELECT * FROM ({sql}) report WHERE $2::bigint IS NOT NULL", self.log.tenant, at, *arguments
        )
        return [dict(record) for record in records]

    async def row_after(
        self, view: str, key: Key, stream: str, customer_id: str | None, position: int
    ) -> Found | None:
        """A row, whole, as of a position that the view may not have reached: what is missing is folded here.

        The row must depend on events of this stream and about this customer only.
        """
        standing = await self.standing()
        seen = standing.positions[view]
        table = self.table(view, standing)
        known = (await self.by_keys(table, [key], min(seen, position), sight=EVERYTHING)).get(key)
        if seen >= position:
            return known
        declaration = table.declaration
        row, since = (known.row, known.since) if known else (None, 0)
        streams = [Selection(stream=stream, until=position)]
        about = [Selection(customer_id=customer_id, until=position)] if customer_id else []
        for recorded in await self._missed([*streams, *about], seen):
            handler = declaration.handlers.get(type(recorded.event))
            if handler is None or key not in handler.keys(recorded):
                continue
            policies = await self.log.policies(recorded.position) if handler.policies else Policies()
            found = await self._look_up(declaration, recorded, standing)
            after = handler.after(row or declaration.blank(key), recorded, policies, found)
            if after != row:
                row, since = after, recorded.position
        return None if row is None else Found(row=row, since=since, at=position)

    async def _look_up(
        self, declaration: Declaration, recorded: Recorded[Any], standing: Standing
    ) -> View | None:
        """What the fold of an event looks up, once the population is computed as of before it."""
        name = declaration.handlers[type(recorded.event)].looks_up
        population = self.declarations[name].population if name else None
        if name is None or population is None:
            return None
        computing = Selection(names=[population.at.TOPIC], until=recorded.position)
        if await self.log.select(computing, after=standing.positions[name]):
            standing = await self.reached([name], recorded.position - 1)
        beside = {name: self.table(name, standing)}
        found = await looked_up(self.log.pool, self.log.tenant, declaration, [recorded], beside)
        return found.get(recorded.position)

    async def _missed(self, selections: Iterable[Selection], seen: int) -> list[Recorded[Any]]:
        """The events after a position that are in one of the selections, in their order."""
        missed: dict[int, Recorded[Any]] = {}
        for selection in selections:
            after = seen
            while page := await self.log.select(selection, after=after):
                missed.update((recorded.position, recorded) for recorded in page)
                after = page[-1].position
        return [missed[position] for position in sorted(missed)]


def masked(found: Found, sight: Sight) -> Found:
    """A row that was read whole, as it may be shown."""
    if not sight.masked:
        return found
    return msgspec.structs.replace(found, row=found.row.but(**sight.masked))


def typed(report: Report) -> str:
    """A report's query with each column in the type that its field has."""
    columns = ", ".join(f"{quoted(f.name)}::{column_type(f)} AS {quoted(f.name)}" for f in report.fields)
    return f"SELECT {columns} FROM ({report.query}) computed"
