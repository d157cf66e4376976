"""Answers queries by one statement each: remembers what a document compiles to, and runs it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import asyncpg
import orjson
import strawberry
from graphql import (
    GraphQLError,
)
from graphql.execution.values import VariableValues

from api.call import Call
from api.compiler import (
    ASKER,
    Asker,
    Compiler,
    Cursors,
    OfCursors,
    OfId,
    OfIds,
    Opened,
    Uncompiled,
    Variable,
    compiled,
    shape,
)
from api.known import Known
from api.pages import require_page
from api.policy import rules_for
from api.reads import Read, Seen, unmarked
from api.scalars import moment_text
from domain.records import Record
from infra.views.conditions import plain
from infra.views.reader import Sight, Standing
from infra.views.statement import Statement, statement
from projections.view import Declaration

DOCUMENTS, PLANS, MOMENTS = 1_000, 2_000, 10_000
"""How many of each are remembered at most."""
TRIES = 5
"""How often a statement is asked anew whose tables were replaced meanwhile, or whose views lagged."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(OrderedDict[K, V], Generic[K, V]):
    """The values that were used last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def find(self, key: K) -> V | None:
        found = self.get(key)
        if found is not None:
            self.move_to_end(key)
        return found

    def keep(self, key: K, value: V) -> None:
        self[key] = value
        if len(self) > self._most:
            self.popitem(last=False)


class Answer(Record):
    """The data of an operation as JSON, and the position at which it is true."""

    data: bytes
    position: int
    time: datetime | None

    @property
    def fragment(self) -> Any:
        """What the encoder writes as it is."""
        return orjson.Fragment(self.data)

    @property
    def as_of(self) -> dict[str, Any]:
        return {"position": self.position, "time": self.time and moment_text(self.time)}


class Moment(Record):
    """Which views an operation asks, and when: not before `least`, and at `pinned` where it says so."""

    views: tuple[str, ...]
    least: int = 0
    pinned: int | None = None


class Plan(Record):
    """What an operation compiles to: for variables of one shape, one standing, and callers of one scope;
    for live rows alone, or for past versions, too."""

    statement: Statement
    cursors: tuple[Cursors, ...]
    sizes: tuple[Variable, ...]
    reads: tuple[Read, ...] = ()
    bulk: tuple[tuple[Read, str | Variable | None], ...] = ()

    def shown(self, data: bytes, variables: Mapping[str, Any], seen: Seen) -> bytes:
        """The answer as it goes out; which personal data it shows is noted."""
        for read, named in self.bulk:
            seen.add(read, [named.of(variables) if isinstance(named, Variable) else named])
        return unmarked(data, self.reads, seen) if self.reads else data

    def arguments(self, variables: Mapping[str, Any], read: Sequence[Opened], asker: str) -> list[Any]:
        """What the statement takes after its moment. Raises `GraphQLError` for pages of a wrong size."""
        for size in self.sizes:
            require_page(size.of(variables))
        begun = dict(zip(map(id, self.cursors), read, strict=True))
        return [_argument(value, variables, begun, asker) for value in self.statement.arguments]


def _argument(value: Any, variables: Mapping[str, Any], begun: Mapping[int, Opened], asker: str) -> Any:
    match value:
        case Asker():
            return asker
        case Variable():
            return plain(value.of(variables))
        case OfId() | OfIds():
            return plain(value.of(variables))
        case OfCursors(cursors=cursors):
            return plain(value.of(begun[id(cursors)]))
        case list():
            return [one for part in value for one in _several(_argument(part, variables, begun, asker))]
    return value


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Plans:
    """The plans of one schema."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        self._documents: Lru[tuple[str, str | None], Known] = Lru(DOCUMENTS)
        self._plans: Lru[Hashable, Plan | Uncompiled] = Lru(PLANS)
        self._moments: Lru[Hashable, int] = Lru(MOMENTS)
        self._even: Lru[Hashable, bool] = Lru(PLANS)
        """Whether these views of a tenant all stood at one position when they were last asked as of now."""

    def known(self, query: str, operation_name: str | None) -> Known | None:
        """The document, where `remember` was told of it."""
        return self._documents.find((query, operation_name))

    def remember(self, query: str, operation_name: str | None, known: Known) -> None:
        self._documents.keep((query, operation_name), known)

    async def moment(
        self,
        context: Call,
        wanted: dict[str, Any],
        find: Callable[[Call, dict[str, Any], int], Awaitable[int]],
    ) -> int:
        """The position that `@asOf` names; one that is found stays where later events have been recorded."""
        [(how, value)] = wanted.items()
        if how in ("position", "atLeast"):
            if value < 0:
                raise Uncompiled("no position is below 0")
            return int(value)
        key = (context.tenant, how, value)
        position = self._moments.find(key)
        if position is None:
            head = await context.tenant.log.head()
            position = await find(context, wanted, head)
            if position < head:
                self._moments.keep(key, position)
        return position

    async def answer(
        self, context: Call, known: Known, variables: VariableValues, moment: Moment
    ) -> Answer | None:
        """The answer, by one statement; None where ordinary resolvers must answer, or tell what is wrong."""
        try:
            return await self._answer(context, known, variables, moment)
        except (GraphQLError, Uncompiled, asyncpg.DataError):
            return None

    async def _answer(
        self, context: Call, known: Known, variables: VariableValues, moment: Moment
    ) -> Answer | None:
        reader, tenant, caller = context.reader, context.tenant, context.caller
        needed = known.needed(moment.views, caller, tenant.declarations)
        asked = tenant, moment.views
        live = moment.pinned is None and self._even.find(asked) is not False
        for _ in range(TRIES):
            standing = await reader.serving(needed)
            plan = self._plan(known, variables, moment.views, standing, context, live)
            read = [cursor.read(variables.coerced) for cursor in plan.cursors]
            if any(at < 0 or moment.pinned not in (None, at) for at, _ in read):
                return None
            least = max([moment.least, *(at for at, _ in read)])
            arguments = plan.arguments(variables.coerced, read, caller.actor)
            try:
                [row] = await tenant.pool.fetch(
                    plan.statement.sql, tenant.name, least, moment.pinned, *arguments
                )
            except asyncpg.UndefinedTableError:
                reader.forget()
                continue
            serves, reached, even, at, recorded, data = row
            if reached and moment.pinned is None:
                self._even.keep(asked, even)
            if reached and live and not even:
                live = False
            elif reached:
                if recorded is None and at:
                    [event] = await tenant.log.read(at - 1, limit=1)  # it lies in an archive
                    recorded = event.recorded_at
                shown = plan.shown(data, variables.coerced, context.seen)
                return Answer(data=shown, position=at, time=recorded)
            elif not serves:
                reader.forget()
            elif least > await tenant.log.head():
                return None
            else:
                await reader.reached(moment.views, least)
        return None

    def _plan(
        self,
        known: Known,
        variables: VariableValues,
        views: tuple[str, ...],
        standing: Standing,
        context: Call,
        live: bool,
    ) -> Plan:
        """Raises `Uncompiled`."""
        needed = known.needed(views, context.caller, context.tenant.declarations)
        generations = tuple(standing.generations[view] for view in needed)
        key = (known, shape(variables.coerced), generations, context.caller.scope, live)
        found = self._plans.find(key)
        if found is None:
            found = self._compile(known, variables, views, standing, context, live)
            self._plans.keep(key, found)
        if isinstance(found, Uncompiled):
            raise found
        return found

    def _compile(
        self,
        known: Known,
        variables: VariableValues,
        views: tuple[str, ...],
        standing: Standing,
        context: Call,
        live: bool,
    ) -> Plan | Uncompiled:
        if not views:
            return Uncompiled("it reads no view")
        caller, needed = context.caller, known.needed(views, context.caller, context.tenant.declarations)
        tables = {view: context.reader.table(view, standing) for view in needed}

        def sight(view: Declaration) -> Sight:
            return rules_for(caller, view, lambda name: context.reader.table(name, standing), ASKER)

        compiler = Compiler(self._schema, known.operation, known.fragments, variables, sight)
        try:
            body = compiled(compiler)
        except Uncompiled as reason:
            return reason
        return Plan(
            statement=statement(body, tables, views, live=live),
            cursors=tuple(compiler.cursors),
            sizes=tuple(compiler.sizes),
            reads=tuple(compiler.reads),
            bulk=tuple(compiler.bulk),
        )
