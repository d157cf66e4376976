"""`kehu demo`: real purchases and simulated service in a log of their own, then the server."""

from __future__ import annotations

import asyncio
import json
import shlex
import socket
import time
from typing import Any

import click
import msgspec

from infra.imports.tables import Table
from infra.tenant import Tenant
from kehu import cdnow, demo
from kehu.console import bar, note, out, seconds, write_json
from kehu.local_key import key_file, local_key
from kehu.opening import database, opened
from kehu.options import common
from kehu.serving import address, catch_up, listen, serve
from kehu.settings import Settings
from kehu.simulation import SOURCE
from projections.view import views

QUERIES = (
    (
        "One customer's story as it stood at the end of 1997: the tier, why, and what happened",
        'query @asOf(at: {day: "1997-12-31"}) { customer(customerId: "CUSTOMER") { name orderCount'
        " value { tier rule spentMinor because { orderId totalMinor } }"
        " complaints { nodes { category step dueAt } }"
        " timeline(first: 5) { nodes { occurredAt event channel summary simulated } } } }",
    ),
    ("The pyramid, now", "{ tierDistribution { tier customers spentMinor shareOfCustomers shareOfSpend } }"),
    (
        "Complaints by category",
        "{ complaintStatistics { category received open late satisfied hoursToClose } }",
    ),
)
"""What they show, and the queries; CUSTOMER stands for one who complained."""


@click.command("demo")
@click.option("--customers", type=click.IntRange(1), help="Only so many customers, for a quick look.")
@click.option("--no-serve", is_flag=True, help="Stop once everything is loaded.")
@click.option("--host", help="Address to listen on [KEHU_HOST, 127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, 0 for any [KEHU_PORT, 8000].")
@common
def demo_command(
    settings: Settings,
    customers: int | None,
    no_serve: bool,
    host: str | None,
    port: int | None,
    as_json: bool,
) -> int:
    """Load the demo's data (once) and serve it.

    CDNOW's purchases of 1997 and 1998 (23,570 customers, 69,659 rows), simulated service contacts and
    complaints around them, and the end of each of these days, in the tenant `demo` (with --customers N in
    `demo-N`, unless --tenant names another). Interrupted, it goes on where it was; run again, it imports
    nothing twice.

    \b
    Example:
      kehu demo --customers 500 --no-serve
    """
    table = cdnow.purchases(cdnow.find(), customers)
    settings = msgspec.structs.replace(settings, tenant=_tenant(settings, customers))
    listener = (
        None
        if no_serve
        else listen(host or settings.host, settings.port if port is None else port, expose=False)
    )
    began = time.monotonic()
    with database(settings, note) as dsn:
        asyncio.run(_demo(settings, dsn, table, listener, began, as_json))
    if listener is not None:
        listener.close()
        note("Stopped.")
    return 0


def _tenant(settings: Settings, customers: int | None) -> str:
    """A demo of some customers is another history: it never shares a log with the whole one."""
    if settings.tenant != Settings().tenant:
        return settings.tenant
    return demo.TENANT if customers is None else f"{demo.TENANT}-{customers}"


async def _demo(
    settings: Settings, dsn: str, table: Table, listener: socket.socket | None, began: float, as_json: bool
) -> None:
    async with opened(settings, dsn, views.values()) as tenant:
        started = time.monotonic() - began
        rejects = settings.data / f"{table.name}.rejects.csv"
        with bar(f"Importing {table.name}", quiet=as_json) as moved:
            loaded = await demo.load(tenant.engine, table, rejects, progress=moved)
        begin = time.monotonic()
        await catch_up(tenant, quiet=as_json)
        times = {"start": started, "load": loaded.seconds, "views": time.monotonic() - begin}
        did = await _what_is_there(tenant, loaded, times, settings)
        write_json(did) if as_json else _tell(did)
        if listener is not None:
            url, key = f"{address(listener)}/graphql", await local_key(tenant, settings)
            customer = did["example_customer"]
            await serve(
                tenant, listener, settings, lambda: None if as_json else _invite(url, customer, key, settings)
            )


async def _what_is_there(
    tenant: Tenant, loaded: demo.Loaded, times: dict[str, float], settings: Settings
) -> dict[str, Any]:
    simulated = await tenant.pool.fetchval(
        "SELECT count(*) FROM kehu.events WHERE tenant = $1 AND source = $2", tenant.name, SOURCE
    )
    example = await tenant.pool.fetchval(
        "SELECT customer_id FROM kehu.events e WHERE tenant = $1 AND customer_id IN ("
        "       SELECT customer_id FROM kehu.events WHERE tenant = $1 AND name = 'ComplaintClosed')"
        " GROUP BY customer_id ORDER BY count(*) FILTER (WHERE name = 'OrderPlaced') DESC, customer_id"
        " LIMIT 1",
        tenant.name,
    )
    return {
        "tenant": tenant.name,
        "example_customer": example or "00001",
        "events": await tenant.log.head(),
        "purchases": loaded.purchases.rows,
        "simulated_events": simulated,
        "loaded_before": loaded.purchases.finished_before,
        "seconds": {name: round(value, 2) for name, value in times.items()},
        "data": settings.database_words,
    }


def _tell(did: dict[str, Any]) -> None:
    console, took = out(), did["seconds"]
    again = "There already: " if did["loaded_before"] else "Loaded "
    console.print(
        f"{again}{did['purchases']:,} purchases (real, CDNOW 1997/98) with {did['simulated_events']:,} events"
        f" of simulated service: {did['events']:,} events in all, in tenant {did['tenant']}."
    )
    console.print(
        f"PostgreSQL ready after {seconds(took['start'])}, log loaded in {seconds(took['load'])},"
        f" views brought up in {seconds(took['views'])}."
    )
    console.print(f"The data lies in {did['data']}")


def _invite(url: str, customer: str, key: str, settings: Settings) -> None:
    console, bearer = out(), f"authorization: Bearer $(cat {shlex.quote(str(key_file(settings)))})"
    console.print("\nThree queries to paste:")
    for title, query in QUERIES:
        body = json.dumps({"query": query.replace("CUSTOMER", customer)})
        console.print(f"\n  # {title}")
        click.echo(f"  curl -s {url} -H \"{bearer}\" -H 'content-type: application/json' -d '{body}'")
    console.print(f"\nThis machine's key lies in {key_file(settings)}; others: kehu key create")
    click.echo(f"GraphiQL, in a browser: {url}#{key}  (Ctrl-C stops)")
