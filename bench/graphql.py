"""GraphQL: two queries over HTTP against hand-written SQL through Starlette on the same tables."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

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
        _, key = await Keys(pool, "bench").create("bench", Role.ADMIN, "bench")
        await Documents(pool, "bench").trust({"customer": CUSTOMER, "list": LIST})
    one_by_hand = _in_turn([get(f"/customers/c{number}") for number in range(customers)])
    many_by_hand = _in_turn([get("/customers")])
    figures: list[Figure] = []
    async with serving(dsn, "hand") as hand:
        for kind, (one, many, target) in ASKED.items():
            ones = [post({**one, "variables": {"id": f"c{number}"}}, key) for number in range(customers)]
            pairs: list[tuple[str, Request, Request]] = [
                ("customer with 10 interactions", _in_turn(ones), one_by_hand),
                ("list of 100 customers × 6 fields", _in_turn([post(many, key)]), many_by_hand),
            ]
            async with serving(dsn, kind) as kehu:
                for what, asked, path in pairs:
                    await _require_same(what, await ask(kehu, asked(1)), await ask(hand, path(1)))
                    floor = Peer(name="hand-written SQL", measure=_load(run, hand, path), target=target)
                    line = f"GraphQL, {what}{', trusted' if kind == 'trusted' else ''}"
                    figures += await run.compare(line, "requests/s", _load(run, kehu, asked), [floor])
    return figures


def _in_turn(requests: Sequence[bytes]) -> Request:
    return lambda n: requests[n * 7919 % len(requests)]


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
