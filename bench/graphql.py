"""GraphQL: two queries over HTTP against hand-written SQL through Starlette on the same tables."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from bench import postgraphile
from bench.business import EVENTS_EACH, fill
from bench.harness import Figure, Measure, Peer, Run
from bench.load import Request, ask, get, load, post
from bench.queries import CUSTOMER, LIST
from domain.roles import Role
from infra.database import connected
from infra.keys import Keys
from infra.tenant import open_tenant
from kehu.builtin import NAMES
from projections.view import views

EVENTS = 50_000
CONNECTIONS = 16
WARM = 6
"""Rounds before the first that counts: Node.js compiles what it has run some thousand times."""


class AnswersDiffer(Exception):
    """Both sides must give the same answer, or the comparison says nothing."""


async def bench(run: Run) -> list[Figure]:
    customers = run.scale.some(EVENTS, least=3 * EVENTS_EACH) // EVENTS_EACH
    dsn = await run.database()
    async with connected(dsn) as pool, open_tenant(pool, "bench", [views[name] for name in NAMES]) as tenant:
        await fill(tenant.engine, customers)
        await tenant.projector.catch_up()
        await pool.execute("VACUUM ANALYZE")
        if run.postgraphile:
            standing = await tenant.reader.standing()
            live = {name: tenant.reader.table(name, standing).live for name in ("customers", "interactions")}
            await postgraphile.prepare(pool, live)
        _, key = await Keys(pool, "bench").create("bench", Role.ADMIN, "bench")
    figures: list[Figure] = []
    async with AsyncExitStack() as stack:
        kehu = await stack.enter_async_context(serving(dsn, "kehu"))
        hand = await stack.enter_async_context(serving(dsn, "hand"))
        graphile = None
        if run.postgraphile:
            server = (*run.postgraphile, dsn, str(CONNECTIONS))
            graphile = await stack.enter_async_context(started(server))
        one_kehu = [post(CUSTOMER, {"id": f"c{number}"}, key) for number in range(customers)]
        one_hand = [get(f"/customers/c{number}") for number in range(customers)]
        many_kehu, many_hand = post(LIST, {}, key), get("/customers")
        one_peer = [post(postgraphile.CUSTOMER, {"id": f"c{number}"}, "-") for number in range(customers)]
        many_peer = post(postgraphile.LIST, {}, "-")
        asked_by: list[tuple[str, Request, Request, Request]] = [
            (
                "customer with 10 interactions",
                lambda n: one_kehu[n * 7919 % customers],
                lambda n: one_hand[n * 7919 % customers],
                lambda n: one_peer[n * 7919 % customers],
            ),
            (
                "list of 100 customers × 6 fields",
                lambda _: many_kehu,
                lambda _: many_hand,
                lambda _: many_peer,
            ),
        ]
        for what, asked, path, other in asked_by:
            answer = await ask(kehu, asked(1))
            await _require_same(what, answer, await ask(hand, path(1)))
            peers = [Peer(name="hand-written SQL", measure=_load(run, hand, path), target=0.6)]
            if graphile is not None:
                await load(graphile, other, CONNECTIONS, WARM * run.scale.seconds)
                await _require_same(what, answer, await ask(graphile, other(1)))
                peers.append(Peer(name="PostGraphile", measure=_load(run, graphile, other)))
            figures += await run.compare(f"GraphQL, {what}", "requests/s", _load(run, kehu, asked), peers)
    return figures


def _load(run: Run, port: int, request: Request) -> Measure:
    return lambda: load(port, request, CONNECTIONS, run.scale.seconds)


async def _require_same(what: str, kehu: bytes, other: bytes) -> None:
    ours, theirs = json.loads(kehu)["data"], json.loads(other)["data"]
    if ours != theirs:
        raise AnswersDiffer(f"{what}: {ours} is not {theirs}")


def serving(dsn: str, kind: str) -> AbstractAsyncContextManager[int]:
    """Kehu's server, or the one by hand, in a process of its own; its port."""
    return started((sys.executable, "-m", "bench.server", dsn, kind))


@asynccontextmanager
async def started(command: Sequence[str]) -> AsyncIterator[int]:
    """A server in a process of its own; its port, which it tells first."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_ENV": "production", "GRAPHILE_TURBO": "1"},
    )
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
