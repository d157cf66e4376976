"""For notebooks: a log opened for reading, whose plain calls also work where an event loop runs already."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

import kehu.builtin  # noqa: F401  # declares the views
from domain.events import Event, PolicyEvent, catalogue, encode
from infra.archive.files import Row
from infra.database import Pool, connected
from infra.export.columns import EVENT, Columns
from infra.export.versions import rows_at
from infra.export.views import columns_of
from infra.log.log import Log
from infra.log.moments import Moment, NoSuchMoment, parse, position_of
from infra.log.reading import NAMES, Selection
from infra.persistence.background import background
from infra.views.comparing import Difference, differences
from infra.views.conditions import Test
from infra.views.lookups import looked_up
from infra.views.reader import EVERYTHING, SERVING
from infra.views.tables import Table
from kehu.opening import database, require_tenant
from kehu.settings import Settings, from_environment
from projections.checking import checked
from projections.folding import Folding
from projections.view import Declaration, View, views

__all__ = ["Difference", "NoSuchMoment", "OpenLog", "open_log"]

When = Moment | str | None
"""A position, a recorded time or a business day, as such or as text; None is now."""


class NotBuilt(Exception):
    """The database has no rows of this view, or none for that moment."""


def open_log(data: Path | str | None = None, *, tenant: str | None = None) -> OpenLog:
    """Open a log: in a data directory, or as KEHU_DATABASE_URL, KEHU_DATA and KEHU_TENANT say.

    Close it, or use it as a context manager; at the end of Python it closes by itself. Raises
    `kehu.opening.UnknownTenant` and whatever keeps the database from being reached.
    """
    settings = from_environment()
    if data is not None:
        settings = msgspec.structs.replace(settings, data=Path(data), database_url=None)
    return OpenLog(msgspec.structs.replace(settings, tenant=tenant or settings.tenant))


class OpenLog:
    """A log to ask questions of; it never writes. Answers with rows are Arrow tables (`to_pandas`, polars).

    The work is done on an event loop in a thread of its own, so that it matters not whether the caller's
    thread runs one, as Jupyter's does. Raises `NoSuchMoment` for moments that the log does not reach.
    """

    def __init__(self, settings: Settings) -> None:
        self._background, self._held = background(), AsyncExitStack()
        self._pool: Pool = self._background.run(self._held.enter_async_context(_reached(settings)))
        self._log = Log(self._pool, settings.tenant)
        atexit.register(self.close)

    def close(self) -> None:
        """Let go of the database; it may be called again."""
        atexit.unregister(self.close)
        self._background.run(self._held.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def position(self, at: When = None) -> int:
        """The position that a moment stands for."""
        return self._background.run(self._position(at))

    def events(
        self,
        names: Iterable[type[Event] | str] = (),
        *,
        customer: str | None = None,
        since: When = None,
        until: When = None,
    ) -> Any:
        """Events in their envelopes (of these names; about a customer; from a moment to a moment).

        Their own fields are the column `data`: JSON, lifted to the version of today.
        """
        topics = [name if isinstance(name, str) else name.TOPIC for name in names]
        return self._background.run(self._events(topics, customer, since, until))

    def rows(self, view: type[View] | str, at: When = None) -> Any:
        """A view as of a moment, as the database has it. Raises `NotBuilt`."""
        return self._background.run(self._rows(_declared(view), at))

    def run(self, view: type[View] | str, *, since: When = None, until: When = None) -> Any:
        """What a view's fold makes of the events from a moment to a moment, computed here, in memory.

        Raises `NotFolded` for a view that is computed from other views.
        """
        return self._background.run(self._run(_declared(view), since, until))

    def compare(
        self, before: When, after: When, view: type[View] | str | None = None, *, customer: str | None = None
    ) -> list[Difference]:
        """What differs between two moments: in a view, or in what all views say of one customer.

        Raises `NotBuilt`.
        """
        if view is None and customer is None:
            raise TypeError("compare: say which view, or which customer")
        asked = self._background.run(self._built()) if view is None else [_declared(view)]
        return self._background.run(self._compare(asked, before, after, customer))

    async def _position(self, at: When) -> int:
        if at is None:
            return await self._log.head()
        return await position_of(self._log, parse(at) if isinstance(at, str) else at)

    async def _range(self, since: When, until: When) -> tuple[int, int]:
        """After which position, and up to which."""
        return 0 if since is None else await self._position(since) - 1, await self._position(until)

    async def _selected(self, wanted: Selection, after: int, until: int) -> AsyncIterator[Sequence[Any]]:
        while after < until:
            page = await self._log.look(wanted, after=after, head=until)
            yield page.events
            after = page.position

    async def _events(self, names: list[str], customer: str | None, since: When, until: When) -> Any:
        columns = Columns(EVENT, {"tenant": self._log.tenant})
        wanted = Selection(names=names or None, customer_id=customer)
        pages = self._selected(wanted, *await self._range(since, until))
        return _joined(columns, [columns.table([_row(event) for event in page]) async for page in pages])

    async def _rows(self, declaration: Declaration, at: When) -> Any:
        [serving] = await self._serving([declaration])
        position = await self._seen(at, [serving])
        columns = columns_of(declaration, self._log.tenant, position)
        pages = rows_at(self._pool, self._log.tenant, serving.table, position)
        return _joined(columns, [columns.table(page) async for page in pages])

    async def _run(self, declaration: Declaration, since: When, until: When) -> Any:
        after, last = await self._range(since, until)
        folding = Folding(declaration, await self._log.policies(after))
        tables = {name: (await self._one_serving(views[name])).table for name in declaration.reads}
        policies = [kind for kind in catalogue.values() if issubclass(kind, PolicyEvent)]
        names = [kind.TOPIC for kind in {*declaration.handlers, *policies}]
        async for page in self._selected(Selection(names=names), after, last):
            found = await looked_up(self._pool, self._log.tenant, declaration, page, tables)
            for recorded in page:
                folding.follow(recorded, found.get(recorded.position))
        rows = [_plain(row) for _, row in sorted(folding.rows.items())]
        return columns_of(declaration, self._log.tenant, last).table(rows)

    async def _compare(
        self, asked: Iterable[Declaration], before: When, after: When, customer: str | None
    ) -> list[Difference]:
        serving = await self._serving(asked)
        moments = await self._seen(before, serving), await self._seen(after, serving)
        where = EVERYTHING.where if customer is None else Test(column="customer_id", op="eq", value=customer)
        found = [
            await differences(self._pool, self._log.tenant, s.table, *moments, where=where) for s in serving
        ]
        return [difference for differing in found for difference in differing]

    async def _built(self) -> list[Declaration]:
        """The views that tell of customers and are in the database."""
        built = await self._pool.fetch(
            "SELECT view FROM kehu.builds WHERE tenant = $1 AND serving", self._log.tenant
        )
        return [d for (name,) in built if (d := views.get(name)) and "customer_id" in d.row.__struct_fields__]

    async def _serving(self, asked: Iterable[Declaration]) -> list[_Serving]:
        return [await self._one_serving(declaration) for declaration in asked]

    async def _one_serving(self, declaration: Declaration) -> _Serving:
        row = await self._pool.fetchrow(
            f"SELECT generation, digest, lowest FROM ({SERVING}) s WHERE view = $2",
            self._log.tenant,
            declaration.name,
        )
        [built] = [d for d in checked(views.values()) if d.name == declaration.name]
        if row is None or row["digest"] != built.digest:
            raise NotBuilt(f"the view {declaration.name} is not built as it is declared here: serve it first")
        return _Serving(Table(declaration, row["generation"]), row["lowest"])

    async def _seen(self, at: When, serving: Sequence[_Serving]) -> int:
        """The position of a moment, which all these views have reached; now is where the last of them is."""
        seen = min((s.position for s in serving), default=0)
        position = seen if at is None else await self._position(at)
        if position > seen:
            raise NotBuilt(
                f"the views have come to position {seen} only, not to {position}: serve them first"
            )
        return position


class _Serving(NamedTuple):
    """The table that answers for a view, and up to which position it is true."""

    table: Table
    position: int


@asynccontextmanager
async def _reached(settings: Settings) -> AsyncIterator[Pool]:
    """A pool on the database, whose server is started where that is needed."""
    with ExitStack() as held:
        dsn = await asyncio.to_thread(held.enter_context, database(settings))
        async with connected(dsn) as pool:
            await require_tenant(pool, settings.tenant)
            yield pool


def _declared(view: type[View] | str) -> Declaration:
    for declaration in views.values():
        if view in (declaration.name, declaration.row):
            return declaration
    raise LookupError(f"there is no view {view!r}; there are {', '.join(sorted(views))}")


def _row(recorded: Any) -> Row:
    """An event in the columns of the log."""
    event = recorded.event
    own = {"name": event.TOPIC, "schema": event.class_version, "data": encode(event)}
    return [own[name] if name in own else getattr(recorded, name) for name in NAMES]


def _plain(row: View) -> Row:
    return list(msgspec.to_builtins(row, builtin_types=(datetime, date)).values())


def _joined(columns: Columns, tables: list[Any]) -> Any:
    from pyarrow import concat_tables

    return concat_tables([columns.table([]), *tables])
