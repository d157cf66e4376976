"""What one operation knows: the tenant, the caller, and the moment that every answer of it is true at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader
from strawberry.types import Info

from api.errors import refused
from infra.tenant import Tenant
from infra.views.reader import Found, Standing
from infra.views.tables import Key, Table

ACTOR, LONGEST_ACTOR = "x-kehu-actor", 200
"""The header that names who asks, in UTF-8, and its letters at most."""


class Call:
    """One GraphQL operation; strawberry's context."""

    def __init__(self, tenant: Tenant, request: HTTPConnection) -> None:
        self.tenant, self.reader, self.request = tenant, tenant.reader, request
        self.standing = Standing(generations={}, positions={}, times={})
        self.at, self.pinned = 0, False
        """The position of the answer, and whether the operation itself said which."""
        self.as_of: dict[str, Any] | None = None
        """What `extensions.asOf` tells."""
        self.ordinary = False
        """Whether resolvers must answer, since no statement can."""
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    def anew(self) -> Call:
        """The same caller's next operation, on a connection that carries several."""
        return Call(self.tenant, self.request)

    @property
    def actor(self) -> str:
        """Who asks, as the request says; there is no access control yet."""
        said = self.request.headers.get(ACTOR)
        return "anonymous" if said is None else _actor(said)

    async def resumed(self, read_at: int, at: int) -> int:
        """The position at which a list goes on whose first page was read at `read_at`."""
        if self.pinned and read_at != at:
            raise refused("BAD_CURSOR", f"after: belongs to a list as of position {read_at}, not {at}")
        if not 0 <= read_at <= max(at, await self.tenant.log.head()):
            raise refused("BAD_CURSOR", "after: lies beyond the end of the log")
        return read_at

    async def table(self, view: str, at: int) -> Table:
        """The view's table, once it has seen the position."""
        if self.standing.positions.get(view, -1) < at:
            self.standing = await self.reader.reached([view], at)
        return self.reader.table(view, self.standing)

    async def row(self, view: str, key: Key, at: int) -> Found | None:
        """A row as of a position."""

        async def load(keys: list[Key]) -> list[Found | None]:
            return await self.rows(view, keys, at)

        found: Found | None = await self.together((view, at), load, key)
        return found

    async def rows(self, view: str, keys: Sequence[Key], at: int) -> list[Found | None]:
        """Several rows as of a position, in the order of their keys."""
        found = await self.reader.by_keys(await self.table(view, at), keys, at)
        return [found.get(key) for key in keys]

    async def together(
        self, what: Hashable, load: Callable[[list[Any]], Awaitable[Sequence[Any]]], key: Any
    ) -> Any:
        """What `load` finds for a key; those who want the same `what` at one level of a query share it."""
        loader = self._loaders.get(what)
        if loader is None:
            loader = self._loaders[what] = DataLoader(load_fn=load)
        return await loader.load(key)


def _actor(said: str) -> str:
    """A header's text, which arrives with a letter for each byte."""
    try:
        name = said.encode("latin-1").decode()
    except UnicodeError:
        raise refused("BAD_REQUEST", f"the header {ACTOR} must be UTF-8") from None
    if not 0 < len(name) <= LONGEST_ACTOR:
        raise refused("BAD_REQUEST", f"the header {ACTOR} must have 1 to {LONGEST_ACTOR} letters")
    return name


def call(info: Info) -> Call:
    context: Call = info.context
    return context
