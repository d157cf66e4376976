"""One generation of one view as it follows the log: rows in memory, every version written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from domain.events import Event, Recorded
from domain.policies import Policies
from infra.database import Connection
from infra.views.tables import Closed, Key, Table
from projections.view import Declaration, View

CACHED = 200_000
"""Rows of one view that are kept in memory between batches."""

Moment = tuple[Recorded[Event], Policies]
"""An event and the policies that were published up to it."""


class Row(msgspec.Struct):
    """A key's row as the fold left it last."""

    value: View | None
    since: int
    stored: bool
    """Whether the live table holds just this version."""


class Build:
    """A view's build: `position` says up to which event it is true."""

    serving = False
    indexed = False
    failed = ""
    """Why it goes no further; nothing while it does."""

    def __init__(self, declaration: Declaration, generation: int, position: int) -> None:
        self.declaration = declaration
        self.table = Table(declaration, generation)
        self.generation, self.position = generation, position
        self._rows: dict[Key, Row] = {}
        self._watched: dict[Key, Row] | None = None

    @property
    def name(self) -> str:
        return self.declaration.name

    async def fold(self, connection: Connection, tenant: str, moments: Sequence[Moment]) -> None:
        """Fold events into rows and write every version that they make."""
        handlers = self.declaration.handlers
        steps = [
            (handler, recorded, policies)
            for recorded, policies in moments
            if (handler := handlers.get(type(recorded.event))) is not None
        ]
        touched = [tuple(dict.fromkeys(handler.keys(recorded))) for handler, recorded, _ in steps]
        await self._bring(connection, tenant, {key for keys in touched for key in keys})
        batch = _Batch()
        for (handler, recorded, policies), keys in zip(steps, touched, strict=True):
            for key in keys if handler.rows is None else tuple(self._watched or ()):
                row = self._rows[key]
                before = row.value or self.declaration.blank(key)
                extra = (policies,) if handler.policies else ()
                try:
                    after = handler.fold(before, recorded, *extra)
                except Exception as error:
                    error.add_note(f"folding {recorded.name} at position {recorded.position}")
                    raise
                if after != row.value:
                    batch.change(key, row, after, recorded.position)
                    self._watch(key, row)
        await batch.write(connection, tenant, self.table)
        self._evict()

    async def _bring(self, connection: Connection, tenant: str, keys: Iterable[Key]) -> None:
        """Have these keys' rows in memory, and those that broadcast events reach."""
        if self._watched is None and self.declaration.watched is not None:
            self._watched = {}
            for key, (value, since) in (
                await self.table.load_where(connection, tenant, self.declaration.watched)
            ).items():
                self._watched[key] = self._rows[key] = Row(value, since, True)
        missing = [key for key in keys if key not in self._rows]
        if missing and self.position:
            for key, (value, since) in (await self.table.load(connection, tenant, missing)).items():
                self._rows[key] = Row(value, since, True)
        for key in missing:
            self._rows.setdefault(key, Row(None, 0, False))

    def _watch(self, key: Key, row: Row) -> None:
        if self._watched is None or self.declaration.watched is None:
            return
        if row.value is not None and all(
            getattr(row.value, name) == value for name, value in self.declaration.watched.items()
        ):
            self._watched[key] = row
        else:
            self._watched.pop(key, None)

    def _evict(self) -> None:
        for key in list(islice(self._rows, max(len(self._rows) - CACHED, 0))):
            if not self._watched or key not in self._watched:
                del self._rows[key]

    async def compute(
        self,
        connection: Connection,
        tenant: str,
        position: int,
        values: Mapping[str, Any],
        sources: Mapping[str, Build],
    ) -> None:
        """Compute all rows together, as of a position, from the builds of the views that are read."""
        assert self.declaration.population is not None
        await self.table.compute(
            connection,
            tenant,
            position,
            self.declaration.population.query,
            {
                name: source.table.now() if source.position == position else source.table.as_of(str(position))
                for name, source in sources.items()
            },
            values,
        )


class _Batch:
    """What one batch changes in the tables."""

    def __init__(self) -> None:
        self._ended: list[tuple[Key, int]] = []
        self._passed: list[Closed] = []
        self._dirty: dict[Key, Row] = {}

    def change(self, key: Key, row: Row, after: View | None, position: int) -> None:
        if row.stored:
            self._ended.append((key, position))
        elif row.value is not None:
            self._passed.append(Closed(row.value, row.since, position))
        row.value, row.since, row.stored = after, position, False
        self._dirty[key] = row

    async def write(self, connection: Connection, tenant: str, table: Table) -> None:
        opened = [(row.value, row.since) for row in self._dirty.values() if row.value is not None]
        await table.write(connection, tenant, ended=self._ended, passed=self._passed, opened=opened)
        for row in self._dirty.values():
            row.stored = row.value is not None
