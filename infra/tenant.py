"""One tenant, opened: its log, its write path, its wake-ups and its views, all on one pool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from infra.database import Pool
from infra.engine import Engine
from infra.log.feeds import Feeds
from infra.log.followers import Wakeups
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from infra.views.projector import Projector
from infra.views.reader import ViewReader
from projections.view import Declaration


class Tenant:
    """The parts of an open tenant; `open_tenant` makes and closes it."""

    def __init__(self, pool: Pool, name: str, declarations: Iterable[Declaration]) -> None:
        self.pool, self.name = pool, name
        self.log = Log(pool, name)
        self.wakeups = Wakeups(self.log)
        self.feeds = Feeds(self.log, self.wakeups)
        self.commit = GroupCommit(self.log, self.wakeups.committed)
        self.engine = Engine(self.log, self.commit)
        self.declarations = {declaration.name: declaration for declaration in declarations}
        self.projector = Projector(self.log, self.declarations.values())
        self.reader = ViewReader(self.log, self.declarations)


@asynccontextmanager
async def open_tenant(pool: Pool, name: str, declarations: Iterable[Declaration]) -> AsyncIterator[Tenant]:
    """Open a tenant, creating it where it is new; at the end, what waits is appended first."""
    tenant = Tenant(pool, name, declarations)
    try:
        await tenant.log.create()
        await tenant.projector.prepare()
        yield tenant
    finally:
        await tenant.commit.close()
        await tenant.feeds.close()
        await tenant.wakeups.close()
