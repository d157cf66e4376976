"""What one request knows: the tenant, the caller, and the moment that every answer of it is true at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from graphql import GraphQLError
from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader
from strawberry.types import Info

from infra.tenant import Tenant
from infra.view_reader import Found, NotReached, Standing
from infra.view_tables import Key, Table


class Call:
    """A GraphQL request; strawberry's context."""

    def __init__(self, tenant: Tenant, request: HTTPConnection) -> None:
        self.tenant, self.reader, self.request = tenant, tenant.reader, request
        self.standing = Standing(generations={}, positions={}, times={})
        self.at = 0
        self.time: datetime | None = None
        self._loaders: dict[tuple[str, int], DataLoader[Key, Found | None]] = {}

    @property
    def actor(self) -> str:
        """Who asks, as the request says; there is no access control yet."""
        return self.request.headers.get("x-kehu-actor") or "anonymous"

    async def table(self, view: str, at: int) -> Table:
        """The view's table, once it has seen the position."""
        if self.standing.positions.get(view, -1) < at:
            try:
                self.standing = await self.reader.reached([view], at)
            except NotReached as late:
                raise not_reached(late) from None
        return self.reader.table(view, self.standing)

    async def row(self, view: str, key: Key, at: int) -> Found | None:
        """A row as of a position; reads of one level of a query go to the database together."""
        loader = self._loaders.get((view, at))
        if loader is None:
            loader = self._loaders[view, at] = DataLoader(load_fn=self._loading(view, at))
        return await loader.load(key)

    def _loading(self, view: str, at: int) -> Callable[[list[Key]], Awaitable[list[Found | None]]]:
        async def load(keys: list[Key]) -> list[Found | None]:
            found = await self.reader.by_keys(await self.table(view, at), keys, at)
            return [found.get(key) for key in keys]

        return load


def not_reached(late: NotReached) -> GraphQLError:
    return GraphQLError(str(late), extensions={"code": "NOT_REACHED"})


def call(info: Info) -> Call:
    context: Call = info.context
    return context
