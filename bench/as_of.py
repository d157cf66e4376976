"""As of: reading views as they were half the log ago, against reading them live."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from bench.business import EVENTS_EACH, fill
from bench.harness import Better, Figure, Measure, Peer, Run, percentile
from infra.tenant import Tenant, open_tenant
from infra.views.conditions import Order, Test, Window
from infra.views.reader import EVERYTHING
from infra.views.tables import Table
from kehu.builtin import NAMES
from projections.view import views

EVENTS = 80_000
SAMPLES = 20
"""Reads at least."""
LIVE_ALONE = "SELECT * FROM {live} WHERE tenant = $1 AND customer_id = $2"

Ask = Callable[[int, int], Awaitable[object]]
"""One question: the customer's number, the position."""


async def bench(run: Run) -> list[Figure]:
    customers = run.scale.some(EVENTS, least=2 * EVENTS_EACH) // EVENTS_EACH
    figures: list[Figure] = []
    async with run.kehu() as pool, open_tenant(pool, "bench", [views[name] for name in NAMES]) as tenant:
        await fill(tenant.engine, customers)
        head = await tenant.projector.catch_up()
        await pool.execute("VACUUM ANALYZE")
        standing = await tenant.reader.standing()
        file, orders = (tenant.reader.table(name, standing) for name in ("customers", "orders"))
        asked: list[tuple[str, Ask, float]] = [
            ("a row by its key", _by_key(tenant, file), 1.5),
            ("a list by an index (a customer's last 10 orders)", _indexed(tenant, orders), 3),
            ("a list without an index (50 of all customers)", _unindexed(tenant, file), 3),
        ]
        for what, ask, target in asked:
            live = Peer(name="live", measure=_p95(run, ask, customers, head), target=target)
            past = _p95(run, ask, customers, head // 2)
            figures += await run.compare(
                f"as of half the log ago, {what}, p95", "ms", past, [live], Better.LESS
            )
        alone = Peer(
            name="SELECT on the live rows alone", measure=_p95(run, _alone(tenant, file), customers, head)
        )
        live_key = _p95(run, _by_key(tenant, file), customers, head)
        figures += await run.compare("live, a row by its key, p95", "ms", live_key, [alone], Better.LESS)
    return figures


def _p95(run: Run, ask: Ask, customers: int, position: int) -> Measure:
    async def measure() -> float:
        took: list[float] = []
        end = time.perf_counter() + run.scale.seconds
        while len(took) < SAMPLES or time.perf_counter() < end:
            began = time.perf_counter()
            await ask(len(took) * 7919 % customers, position)
            took.append(time.perf_counter() - began)
        return percentile(took, 0.95) * 1_000

    return measure


def _by_key(tenant: Tenant, table: Table) -> Ask:
    return lambda customer, at: tenant.reader.by_keys(table, [(f"c{customer}",)], at, sight=EVERYTHING)


def _indexed(tenant: Tenant, table: Table) -> Ask:
    async def ask(customer: int, at: int) -> object:
        its = Test(column="customer_id", op="eq", value=f"c{customer}")
        latest = Order(column="placed_at", descending=True)
        return await tenant.reader.page(
            table, at, sight=EVERYTHING, where=its, order=[latest], window=Window(size=10)
        )

    return ask


def _unindexed(tenant: Tenant, table: Table) -> Ask:
    async def ask(customer: int, at: int) -> object:
        some = Test(column="region", op="eq", value="上海")
        by_orders = Order(column="order_count", descending=True)
        return await tenant.reader.page(
            table, at, sight=EVERYTHING, where=some, order=[by_orders], window=Window(size=50)
        )

    return ask


def _alone(tenant: Tenant, table: Table) -> Ask:
    sql = LIVE_ALONE.format(live=table.live)
    return lambda customer, at: tenant.pool.fetchrow(sql, "bench", f"c{customer}")
