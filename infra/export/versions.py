"""The rows of a view as of a position, or all versions up to it, in pages that need no long transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Any

import asyncpg

from infra.archive.files import Row
from infra.database import Pool
from infra.views.tables import Table, quoted

PAGE = 16_384
"""Rows in one page: what is in memory at most."""


class Replaced(Exception):
    """The view was built anew meanwhile, and what was being read is gone: begin again."""

    def __str__(self) -> str:
        return str(self.__doc__)


def rows_at(pool: Pool, tenant: str, table: Table, position: int) -> AsyncIterator[Sequence[Row]]:
    """The rows as of a position, in the order of their key.

    Which versions held at a position never changes, so each page can be a statement of its own. Raises
    `Replaced`.
    """
    source = table.as_of("$2", "{beyond}")
    return _pages(pool, tenant, _listed(table), source, table.declaration.key, position)


async def versions_until(
    pool: Pool, tenant: str, table: Table, position: int
) -> AsyncIterator[Sequence[Row]]:
    """All versions up to a position, each with its `since` and `until`: those that ended, then the others.

    Each part is in the order of key and `since`. Raises `Replaced`.
    """
    listed = _listed(table)
    ended = f"(SELECT * FROM {table.past} WHERE tenant = $1 AND until <= $2 AND {{beyond}})"
    order = (*table.declaration.key, "since")
    async for page in _pages(pool, tenant, f"{listed}, since, until", ended, order, position):
        yield page
    holding, key = table.as_of("$2", "{beyond}"), table.declaration.key
    async for page in _pages(pool, tenant, f"{listed}, since, NULL::bigint", holding, key, position):
        yield page


async def count_at(pool: Pool, tenant: str, table: Table, position: int, *, history: bool) -> int:
    """How many rows, or versions, that is."""
    ended = f" + (SELECT count(*) FROM {table.past} WHERE tenant = $1 AND until <= $2)" if history else ""
    source = table.as_of("$2")
    return int(await pool.fetchval(f"SELECT (SELECT count(*) FROM {source} v){ended}", tenant, position))


def _listed(table: Table) -> str:
    return ", ".join(map(quoted, table.columns))


async def _pages(
    pool: Pool, tenant: str, listed: str, source: str, order: Sequence[str], position: int
) -> AsyncIterator[Sequence[Row]]:
    """Pages of a source in a total order; `{beyond}` in it stands for what is after the last page."""
    sorting = ", ".join(map(quoted, order))
    given = ", ".join(f"${n}" for n, _ in zip(count(3), order, strict=False))
    beyond, after = "true", list[Any]()
    while True:
        statement = (
            f"SELECT {listed}, {sorting} FROM {source.replace('{beyond}', beyond)} v"
            f" ORDER BY {sorting} LIMIT {PAGE}"
        )
        try:
            page = await pool.fetch(statement, tenant, position, *after)
        except asyncpg.UndefinedTableError:
            raise Replaced from None
        if page:
            yield [tuple(row)[: -len(order)] for row in page]
        if len(page) < PAGE:
            return
        beyond, after = f"({sorting}) > ({given})", list(page[-1])[-len(order) :]
