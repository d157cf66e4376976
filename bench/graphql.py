"""GraphQL: two queries over HTTP against hand-written SQL through Starlette on the same tables."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from bench import postgraphile
from bench.business import EVENTS_EACH, fill
from bench.harness import Figure, Measure, Peer, Run
from bench.load import Request, ask, get, load, post
from bench.queries import CUSTOMER, LIST
from domain.roles import Role
from infra.database import connected
from infra.documents import Documents
from infra.keys import Keys
from infra.tenant import open_tenant
from kehu.builtin import NAMES
from projections.view import views

EVENTS = 50_000
CONNECTIONS = 16
ONE, MANY = "customer with 10 interactions", "list of 100 customers × 6 fields"
WARM = 6
"""Rounds before the first that counts: Node.js compiles what it has run some thousand times."""
ASKED = {
    "kehu": ({"query": CUSTOMER}, {"query": LIST}, 0.6),
    "trusted": ({"documentId": "customer"}, {"documentId": "list"}, 0.85),
}
"""What is sent to each kind of server for the two questions, and the part of hand-written SQL to reach."""


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
        await Documents(pool, "bench").trust({"customer": CUSTOMER, "list": LIST})
    one_by_hand = _in_turn([get(f"/customers/c{number}") for number in range(customers)])
    many_by_hand = _in_turn([get("/customers")])
    figures: list[Figure] = []
    async with serving(dsn, "hand") as hand, _graphile(run, dsn, customers) as graphile:
        for kind, (one, many, target) in ASKED.items():
            ones = [post({**one, "variables": {"id": f"c{number}"}}, key) for number in range(customers)]
            pairs: list[tuple[str, Request, Request]] = [
                (ONE, _in_turn(ones), one_by_hand),
                (MANY, _in_turn([post(many, key)]), many_by_hand),
            ]
            async with serving(dsn, kind) as kehu:
                for begin in range(0, customers, CONNECTIONS):  # that somebody is read is logged once a day
                    await asyncio.gather(*(ask(kehu, one) for one in ones[begin : begin + CONNECTIONS]))
                for what, asked, path in pairs:
                    await _require_same(what, await ask(kehu, asked(1)), await ask(hand, path(1)))
                    floor = Peer(name="hand-written SQL", measure=_load(run, hand, path), target=target)
                    peers = [floor]
                    if kind == "kehu" and what in graphile:
                        port, other = graphile[what]
                        await _require_same(what, await ask(kehu, asked(1)), await ask(port, other(1)))
                        peers.append(Peer(name="PostGraphile", measure=_load(run, port, other)))
                    line = f"GraphQL, {what}{', trusted' if kind == 'trusted' else ''}"
                    figures += await run.compare(line, "requests/s", _load(run, kehu, asked), peers)
    return figures


@asynccontextmanager
async def _graphile(run: Run, dsn: str, customers: int) -> AsyncIterator[dict[str, tuple[int, Request]]]:
    """Where PostGraphile is asked the two questions, and how; empty where it is not there."""
    if not run.postgraphile:
        yield {}
        return
    ones = [post(_of(postgraphile.CUSTOMER, id=f"c{number}"), "-") for number in range(customers)]
    async with started((*run.postgraphile, dsn, str(CONNECTIONS))) as port:
        asked = {ONE: _in_turn(ones), MANY: _in_turn([post(_of(postgraphile.LIST), "-")])}
        for request in asked.values():
            await load(port, request, CONNECTIONS, WARM * run.scale.seconds)
        yield {what: (port, request) for what, request in asked.items()}


def _of(document: str, **variables: str) -> dict[str, Any]:
    return {"query": document, "variables": variables}


def _in_turn(requests: Sequence[bytes]) -> Request:
    return lambda n: requests[n * 7919 % len(requests)]


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
