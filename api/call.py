"""What one operation knows: the tenant, the caller, and the moment that every answer of it is true at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader
from strawberry.types import Info

from api.callers import Caller
from api.errors import refused
from api.languages import Language, language_of
from api.policy import rules_for
from api.reads import Seen
from api.scalars import Place
from infra.tenant import Tenant
from infra.views.reader import Found, Sight, Standing
from infra.views.tables import Key, Table

if TYPE_CHECKING:
    from api.gate import Gate


class Call:
    """One GraphQL operation; strawberry's context."""

    def __init__(self, tenant: Tenant, request: HTTPConnection, gate: Gate) -> None:
        self.tenant, self.reader, self.request, self.gate = tenant, tenant.reader, request, gate
        self._caller: Caller | None = None
        self.cost: dict[str, Any] = {}
        """What `extensions.cost` tells."""
        self.connection_params: dict[str, Any] = {}
        """What a WebSocket's first message says."""
        self.standing = Standing(generations={}, positions={}, times={})
        self.at, self.pinned = 0, False
        """The position of the answer, and whether the operation itself said which."""
        self.live = {0}
        """Where nothing is pinned: the positions of rows that the answer shows as they are."""
        self.as_of: dict[str, Any] | None = None
        """What `extensions.asOf` tells."""
        self.ordinary = False
        """Whether resolvers must answer, since no statement can."""
        self.admitted = False
        """Whether the operation has passed the gate already."""
        self.seen = Seen()
        """The personal data that the answer shows."""
        self.place: Place | None = None
        """Of the message that a subscription has told last."""
        self._next: Call | None = None
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    def anew(self) -> Call:
        """The same caller's next operation, on a connection that carries several."""
        other = Call(self.tenant, self.request, self.gate)
        other._caller, other.cost = self._caller, self.cost
        other.connection_params = self.connection_params
        self._next = other
        return other

    def right_after(self, position: int) -> Call:
        """The same caller, answered as of a position."""
        other = self.anew()
        other.at, other.pinned = position, True
        return other

    @property
    def answered(self) -> Call:
        """The operation that was executed last."""
        return self._next.answered if self._next else self

    async def log_reads(self) -> None:
        """Have logged what the answer shows of whom, before it goes out."""
        await self.gate.reads.log(self.caller, self.seen.reads)

    @property
    def told(self) -> Place | None:
        """Where a subscription goes on after the message that it has told last."""
        return self.place or (self._next.told if self._next else None)

    @property
    def caller(self) -> Caller:
        """Who asks; nobody gets here whom `identify` did not let in."""
        assert self._caller is not None
        return self._caller

    @property
    def language(self) -> Language:
        """In which language the caller reads messages and labels."""
        return language_of(self.request)

    async def identify(self) -> Caller:
        """Find out who asks. Raises UNAUTHENTICATED or FORBIDDEN."""
        self._caller = await self.gate.caller(self.request, self.connection_params)
        return self._caller

    def sight(self, view: str) -> Sight:
        """What the caller sees of a view. Raises FORBIDDEN where that is nothing."""
        declaration = self.tenant.declarations[view]
        return rules_for(self.caller, declaration, lambda name: self.reader.table(name, self.standing))

    async def resumed(self, read_at: int, at: int, name: str, *others: str) -> int:
        """The position at which a list goes on whose first page was read at `read_at`, by the cursors of
        these names."""
        if self.pinned and read_at != at:
            raise refused("BAD_CURSOR", f"{name}: belongs to a list as of position {read_at}, not {at}")
        if not 0 <= read_at <= max(at, await self.tenant.log.head()):
            raise refused("BAD_CURSOR", f"{name}: lies beyond the end of the log")
        self.live.add(read_at)
        return read_at

    def named(self, at: int) -> int | None:
        """The position that the ids of rows read at `at` name; None where they are rows as they are."""
        return at if self.pinned or at not in self.live else None

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
        found = await self.reader.by_keys(await self.table(view, at), keys, at, sight=self.sight(view))
        return [found.get(key) for key in keys]

    async def together(
        self, what: Hashable, load: Callable[[list[Any]], Awaitable[Sequence[Any]]], key: Any
    ) -> Any:
        """What `load` finds for a key; those who want the same `what` at one level of a query share it."""
        loader = self._loaders.get(what)
        if loader is None:
            loader = self._loaders[what] = DataLoader(load_fn=load)
        return await loader.load(key)


def call(info: Info) -> Call:
    context: Call = info.context
    return context
