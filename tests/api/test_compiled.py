"""Compiled queries say, byte for byte, what resolvers say; and each of them is one statement."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import orjson
import pytest
from starlette.requests import HTTPConnection

from api.access import Access
from api.call import Call
from api.callers import Caller
from api.execution import Schema
from api.gate import Gate
from api.schema import build_schema
from bench.business import buy, fill
from domain.roles import Role
from infra.database import connected
from infra.tenant import Tenant, open_tenant
from infra.views.projector import Projector
from projections.view import Declaration, views
from tests.api.conftest import BUILT_IN, REPORTS
from tests.api.operations import Operation
from tests.api.server import Api
from tests.api.test_story import tell

OPERATIONS = int(os.environ.get("KEHU_TEST_OPERATIONS", "300"))
"""How many random operations are compared; the long form takes thousands."""
ID = re.compile(rb'"id":"([^"]+)"')
CURSOR = re.compile(rb'[cC]ursor":"([^"]+)"')


ADMIN = Caller(id="key:1", actor="mei", role=Role.ADMIN)
ASKERS = [
    *(Caller(id=f"key:{role}", actor=name, role=role) for role in Role for name in ("mei", "li")),
    Caller(id="key:own", actor="mei", role=Role.MANAGER, own_only=True),
]
"""Who asks in turn: of every role, with customers of their own."""


async def populate(api: Api) -> int:
    """A customer with a whole story, others with many orders, and odd words; the head that all views saw."""
    await fill(api.tenant.engine, 8)
    await tell(api)
    for number in range(1, 7):
        await api.done("assignOwner", customerId=f"c{number}", owner="mei" if number % 2 else "li")
    await api.done("registerCustomer", customerId="odd", name='Ö "\\\n\u2028 张三 \x7f😡', relation="CHANNEL")
    head = await api.tenant.log.head()
    await api.tenant.reader.reached(api.tenant.declarations, head)
    return head


Ask = Callable[..., Awaitable[bytes]]


def asker(schema: Schema, tenant: Tenant, gate: Gate | None = None) -> Ask:
    gate = gate or Gate(tenant, Access())

    async def ask(query: str, variables: dict[str, Any], caller: Caller = ADMIN) -> bytes:
        context = Call(tenant, HTTPConnection({"type": "http", "headers": []}), gate)
        context._caller = caller
        answer = await schema.execute(query, variables, context)
        errors = [error.formatted for error in answer.errors or ()]
        return orjson.dumps({"data": answer.data, "errors": errors, "extensions": answer.extensions})

    return ask


async def settled(api: Api, ask: Ask, query: str, variables: dict[str, Any], caller: Caller = ADMIN) -> bytes:
    """The answer once the log holds all that is read by asking, and the views have seen that."""
    while True:
        head = await api.tenant.log.head()
        await api.tenant.reader.reached(api.tenant.declarations, head)
        answer = await ask(query, variables, caller)
        if await api.tenant.log.head() == head:
            return answer


@asynccontextmanager
async def listened(database: str, declared: Iterable[Declaration]) -> AsyncIterator[tuple[Tenant, list[str]]]:
    """The tenant on connections of its own, and the statements sent on them from now on: it has sent
    already what makes one of them wait for wake-ups."""
    sent: list[str] = []
    async with connected(database, size=2) as pool:
        async with pool.acquire() as one, pool.acquire() as other:
            for connection in (one, other):
                connection.add_query_logger(lambda statement: sent.append(statement.query))
        tenant = Tenant(pool, "main", declared)
        try:
            await tenant.wakeups.grown.wait()
            sent.clear()
            yield tenant, sent
        finally:
            await tenant.wakeups.close()


def without_chance(answer: bytes) -> Any:
    """The answer itself; but which of several errors comes first, and is told alone, is chance."""
    told = orjson.loads(answer)
    return (
        (told["data"], {error["extensions"]["code"] for error in told["errors"]})
        if told["errors"]
        else answer
    )


# graphql-core drops what it has not awaited yet where a neighbour fails at once
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_random_operations_get_the_same_bytes_from_both(api: Api) -> None:
    head, tenant = await populate(api), api.tenant
    compiled = build_schema(tenant.declarations, REPORTS)
    ordinary = build_schema(tenant.declarations, REPORTS, compiled=False)
    ask, expect = asker(compiled, tenant), asker(ordinary, tenant)
    cursors: list[str] = []
    ids: list[str] = []
    answered = 0
    for seed in range(OPERATIONS):
        operation = Operation(compiled._schema, Random(seed), head, cursors, ids)
        for caller in (ADMIN, ASKERS[seed % len(ASKERS)]):
            told = f"seed {seed} {caller.role}: {operation.text} {operation.variables}"
            expected = await settled(api, expect, operation.text, operation.variables, caller)
            logged = await tenant.log.head()
            for _ in range(2):  # first with the whole of strawberry, then at once
                answer = await ask(operation.text, operation.variables, caller)
                assert without_chance(answer) == without_chance(expected), told
            assert await tenant.log.head() == logged, told  # both say the same of whom they show
        assert compiled.plans is not None
        answered += compiled.plans.known(operation.text, None) is not None
        cursors += [cursor.decode() for cursor in CURSOR.findall(expected)[:3]]
        cursors = cursors[-200:]
        ids += [id.decode() for id in ID.findall(expected)[:3]]
        ids = ids[-200:]
    assert answered > OPERATIONS / 2


QUERIES: list[tuple[str, dict[str, Any]]] = [
    ('{ customer(customerId: "c1") { name orders { nodes { totalMinor } totalCount } } }', {}),
    ("query ($n: Int!) { customers(first: $n) { nodes { name } pageInfo { hasNextPage } } }", {"n": 2}),
    ("query ($at: AsOf!) @asOf(at: $at) { customers { totalCount } }", {"at": {"position": 3}}),
    ("query ($at: AsOf!) @asOf(at: $at) { customers { totalCount } }", {"at": {"atLeast": 3}}),
    (
        "{ tierDistribution { tier customers shareOfSpend } complaints { nodes { steps { totalCount } } } }",
        {},
    ),
]


async def test_an_operation_is_one_statement(api: Api, database: str) -> None:
    await populate(api)
    gate = Gate(api.tenant, Access())
    before = asker(build_schema(api.tenant.declarations, REPORTS, compiled=False), api.tenant, gate)
    for query, variables in QUERIES:
        await settled(api, before, query, variables)  # its reads are logged once a day
    async with listened(database, api.tenant.declarations.values()) as (tenant, sent):
        await tenant.reader.standing()
        ask = asker(build_schema(tenant.declarations, REPORTS), tenant, gate)
        for query, variables in QUERIES:
            for _ in range(2):  # first with the whole of strawberry, then at once
                sent.clear()
                answer = orjson.loads(await ask(query, variables))
                assert (answer["errors"], len(sent)) == ([], 1), sent


async def test_live_rows_alone_answer_where_the_views_stand_together(database: str) -> None:
    """Else all versions do, as of the lowest; a statement sees which, and the next one begins with it."""
    query = "{ customers { nodes { orderCount } } orders { totalCount } }"
    pinned = f"query ($at: AsOf!) @asOf(at: $at) {query}"
    async with connected(database) as pool, open_tenant(pool, "main", BUILT_IN) as writing:
        await fill(writing.engine, 3)
        low = await writing.projector.catch_up()
        async with listened(database, BUILT_IN) as (tenant, sent):
            ask = asker(build_schema(tenant.declarations, REPORTS), tenant)

            async def answered(query: str, **variables: Any) -> tuple[Any, int, int]:
                """The data, its position, and the number of statements."""
                sent.clear()
                told = orjson.loads(await ask(query, variables))
                asked = [statement for statement in sent if "kehu_moment" in statement]
                return told["data"], told["extensions"]["asOf"]["position"], len(asked)

            before, *rest = await answered(query)
            assert rest == [low, 1]
            assert not [statement for statement in sent if "_past" in statement]

            await writing.engine.execute(buy(1, 11))
            await Projector(writing.log, [views["orders"]]).catch_up()
            for statements in (2, 1):
                assert await answered(query) == (before, low, statements)

            head = await writing.projector.catch_up()
            after, *rest = await answered(query)
            assert (after != before, rest) == (True, [head, 1])
            assert await answered(query) == (after, head, 1)
            assert not [statement for statement in sent if "_past" in statement]
            assert await answered(pinned, at={"position": low}) == (before, low, 1)


async def test_a_rebuilt_view_is_noticed(api: Api) -> None:
    """The statement itself sees that its tables serve no longer."""
    await populate(api)
    query = "{ customers(first: 2) { nodes { name } } }"
    await api.send(query)
    await api.tenant.reader.reached(api.tenant.declarations, await api.tenant.log.head())
    before, standing = await api.send(query), await api.tenant.reader.serving(["customers"])

    await api.tenant.projector.rebuild(["customers"])
    while (await api.tenant.reader.serving(["customers"])).generations == standing.generations:
        assert await api.send(query) == before

    assert await api.send(query) == before
