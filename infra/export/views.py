"""Exports a view: its rows as of a position, or all their versions, into one file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from domain.records import Record
from infra.export.columns import SINCE, UNTIL, Columns
from infra.export.files import FORMATS, whole
from infra.export.versions import count_at, rows_at, versions_until
from infra.views.reader import ViewReader
from projections.view import Declaration

Progress = Callable[[int, int], None]
"""Called with how much is written, and of how much."""


class Wanted(Record):
    """What to export."""

    view: str
    form: str
    """One of `FORMATS`."""
    history: bool = False
    """All versions of all rows, with `since` and `until`."""
    position: int | None = None
    """As of which position; none is as far as the view has come, but not before `least`."""
    least: int = 0


class Exported(Record):
    """What was exported: the rows are true at the position."""

    position: int
    rows: int


async def export_view(
    reader: ViewReader, wanted: Wanted, path: Path, progress: Progress = lambda done, total: None
) -> Exported:
    """Write a view into a file, which replaces an older one of that name once it is whole.

    Raises `NotReached` where the view has not come that far, `Replaced`, `ArrowMissing`, `OSError`.
    """
    standing = await reader.reached([wanted.view], wanted.position or wanted.least)
    table = reader.table(wanted.view, standing)
    position = standing.positions[wanted.view] if wanted.position is None else wanted.position
    columns = columns_of(table.declaration, reader.log.tenant, position, history=wanted.history)
    source, done = (reader.log.pool, reader.log.tenant, table, position), 0
    with whole(path) as file:
        sink = FORMATS[wanted.form](file, columns)
        total = await count_at(*source, history=wanted.history)
        async for page in versions_until(*source) if wanted.history else rows_at(*source):
            await asyncio.to_thread(sink.write, page)
            done += len(page)
            progress(done, total)
        sink.close()
    return Exported(position=position, rows=done)


def columns_of(declaration: Declaration, tenant: str, position: int, *, history: bool = False) -> Columns:
    """A view's columns as of a position; of its history, with `since` and `until`."""
    about = {"tenant": tenant, "view": declaration.name, "position": str(position)}
    about |= {"digest": declaration.digest, "doc": declaration.doc}
    fields = (*declaration.fields, SINCE, UNTIL) if history else declaration.fields
    return Columns(fields, about, declaration.key)
