"""GraphQL: two queries over HTTP against hand-written SQL through Starlette on the same tables."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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


class AnswersDiffer(Exception):
    """Both sides must give the same answer, or the comparison says nothing."""


async def bench(run: Run) -> list[Figure]:
    customers = run.scale.some(EVENTS, least=3 * EVENTS_EACH) // EVENTS_EACH
    dsn = await run.database()
    async with connected(dsn) as pool, open_tenant(pool, "bench", [views[name] for name in NAMES]) as tenant:
        await fill(tenant.engine, customers)
        await tenant.projector.catch_up()
        await pool.execute("VACUUM ANALYZE")
        _, key = await Keys(pool, "bench").create("bench", Role.ADMIN, "bench")
    figures: list[Figure] = []
    async with serving(dsn, "kehu") as kehu, serving(dsn, "hand") as hand:
        one_kehu = [post(CUSTOMER, {"id": f"c{number}"}, key) for number in range(customers)]
        one_hand = [get(f"/customers/c{number}") for number in range(customers)]
        many_kehu, many_hand = post(LIST, {}, key), get("/customers")
        pairs: list[tuple[str, Request, Request]] = [
            (
                "customer with 10 interactions",
                lambda n: one_kehu[n * 7919 % customers],
                lambda n: one_hand[n * 7919 % customers],
            ),
            ("list of 100 customers × 6 fields", lambda _: many_kehu, lambda _: many_hand),
        ]
        for what, asked, path in pairs:
            await _require_same(what, await ask(kehu, asked(1)), await ask(hand, path(1)))
            floor = Peer(name="hand-written SQL", measure=_load(run, hand, path), target=0.6)
            figures += await run.compare(f"GraphQL, {what}", "requests/s", _load(run, kehu, asked), [floor])
    return figures


def _load(run: Run, port: int, request: Request) -> Measure:
    return lambda: load(port, request, CONNECTIONS, run.scale.seconds)


async def _require_same(what: str, kehu: bytes, hand: bytes) -> None:
    ours, theirs = json.loads(kehu)["data"], json.loads(hand)["data"]
    if ours != theirs:
        raise AnswersDiffer(f"{what}: {ours} is not {theirs}")


@asynccontextmanager
async def serving(dsn: str, kind: str) -> AsyncIterator[int]:
    """A server in a process of its own; its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.server", dsn, kind, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
