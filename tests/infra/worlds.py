"""A tenant whose customers live random lives, and what its views must say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import islice

import kehu.builtin  # noqa: F401  # declares the views
from domain.erasure import PersonalDataErased
from infra.database import connected
from infra.engine import Engine
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from infra.views.projector import Projector
from infra.views.tables import Table
from projections.view import Declaration, views
from tests.infra.folding import folded
from tests.infra.lives import lives
from tests.infra.populations import Rows

VIEWS = [view for view in views.values() if view.row.__module__.startswith("projections.")]


class World:
    """A tenant whose customers live random lives."""

    def __init__(self, log: Log, commit: GroupCommit) -> None:
        self.log, self.engine = log, Engine(log, commit)

    async def live(self, seed: int, commands: int, *, chunk: int = 100) -> None:
        life = lives(seed)
        for _ in range(0, commands, chunk):
            await self.engine.execute_many(list(islice(life, chunk)))

    def projector(self, declarations: Iterable[Declaration] = VIEWS) -> Projector:
        return Projector(self.log, declarations)

    async def table(self, declaration: Declaration) -> Table:
        """The generation that answers."""
        generation = await self.log.pool.fetchval(
            "SELECT generation FROM kehu.builds WHERE tenant = $1 AND view = $2 AND serving",
            self.log.tenant,
            declaration.name,
        )
        return Table(declaration, generation)

    async def rows(self, declaration: Declaration, position: int) -> Rows:
        table = await self.table(declaration)
        columns = ", ".join(f'"{column}"' for column in table.columns)
        records = await self.log.pool.fetch(
            f"SELECT {columns} FROM {table.as_of('$2')} v", self.log.tenant, position
        )
        rows = [table.row(record) for record in records]
        keyed = {declaration.key_of(row): row for row in rows}
        assert len(keyed) == len(rows)
        return keyed

    async def digests(self, declarations: Iterable[Declaration] = VIEWS) -> dict[str, str]:
        async with self.log.pool.acquire() as connection:
            return {
                d.name: await (await self.table(d)).digest(connection, self.log.tenant) for d in declarations
            }

    async def positions(self) -> dict[tuple[str, int], int]:
        found = await self.log.pool.fetch(
            "SELECT view, generation, min(position) AS position FROM kehu.builds JOIN kehu.shards"
            " USING (tenant, view, generation) WHERE tenant = $1 AND retired_at IS NULL GROUP BY 1, 2",
            self.log.tenant,
        )
        return {(row["view"], row["generation"]): row["position"] for row in found}


async def assert_true(
    world: World, positions: Iterable[int], declarations: list[Declaration] = VIEWS
) -> None:
    """As of each position every view is what the fold says."""
    events = await world.log.read(limit=10**6)
    erased = {e.customer_id for e in events if isinstance(e.event, PersonalDataErased)}
    for position in positions:
        expected = folded(declarations, events[:position])
        for declaration in declarations:
            rows = expected[declaration.name]
            if declaration.forgets:
                rows = {
                    key: row for key, row in rows.items() if getattr(row, "customer_id", None) not in erased
                }
            assert await world.rows(declaration, position) == rows, (
                declaration.name,
                position,
            )


@asynccontextmanager
async def opened_world(dsn: str) -> AsyncIterator[World]:
    async with connected(dsn) as pool:
        log = Log(pool, "main")
        await log.create()
        commit = GroupCommit(log)
        try:
            yield World(log, commit)
        finally:
            await commit.close()
