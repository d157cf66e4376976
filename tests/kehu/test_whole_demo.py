"""The whole demo, loaded once: sums, tiers and views agree with the raw file and with the log."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pyarrow.parquet
import pytest

from api.http import create_app
from domain.customers import ChurnCause
from domain.orders import OrderPlaced, PaymentReceived
from infra.database import connected
from infra.export.reports import MEDIA, Asked, answer, arguments, written
from infra.tenant import Tenant, open_tenant
from kehu import cdnow, demo
from kehu.builtin import NAMES
from kehu.simulation import SOURCE
from projections.classes import LoyaltyType
from projections.view import views
from tests.api.conftest import REPORTS
from tests.api.server import key_of
from tests.conftest import database_of
from tests.kehu.capabilities import capabilities
from tests.kehu.test_readme import queries

PURCHASES, CUSTOMERS, CENTS = 69_659, 23_570, 250_031_563
ABOUT_ONE = {"routing", "single_view", "whole_timeline", "group_rollup"}
"""Reports that need a customer."""
BUILT_IN = [views[name] for name in NAMES]


def raw_purchases() -> Iterator[tuple[str, date, int]]:
    """Customer, day and cents of each line, read by hand."""
    for line in cdnow.find().read_text().splitlines()[1:]:
        customer, day, _pieces, dollars = line.split()
        yield customer, datetime.strptime(day, "%Y%m%d").date(), int(Decimal(dollars) * 100)


@pytest.fixture(scope="module")
def loaded(postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that holds the whole demo, its views caught up."""
    dsn, rejects = database_of(postgres, "whole_demo"), tmp_path_factory.mktemp("demo") / "rejects.csv"

    async def make() -> None:
        server = await asyncpg.connect(postgres)
        await server.execute(f"CREATE DATABASE whole_demo TEMPLATE {template}")
        await server.close()
        async with opened(dsn) as tenant:
            await demo.load(tenant.engine, cdnow.purchases(cdnow.find()), rejects)
            await tenant.projector.catch_up()

    asyncio.run(make())
    assert not rejects.exists()
    return dsn


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Tenant]:
    async with connected(dsn) as pool, open_tenant(pool, demo.TENANT, BUILT_IN) as tenant:
        yield tenant


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


@asynccontextmanager
async def client_of(tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(tenant))
    headers = {"authorization": f"Bearer {await key_of(tenant)}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://kehu", timeout=60, headers=headers
    ) as client:
        yield client


async def all_nodes(client: httpx.AsyncClient, field: str, nodes: str) -> list[dict[str, Any]]:
    """Every row of a list, page after page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = (
            await ask(
                client,
                f"query Q($after: String) {{ list: {field}(first: 1000, after: $after)"
                f" {{ nodes {{ {nodes} }} pageInfo {{ hasNextPage endCursor }} }} }}",
                after=after,
            )
        )["list"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def test_the_sums_are_the_files_over_graphql(loaded: str) -> None:
    async with opened(loaded) as tenant, client_of(tenant) as client:
        counts = await ask(
            client,
            """{ customers(filter: {not: {customerId: {startsWith: "sim-"}}}) { totalCount }
                 orders(filter: {not: {orderId: {startsWith: "sim-"}}}) { totalCount } }""",
        )
        assert counts == {
            "customers": {"totalCount": CUSTOMERS},
            "orders": {"totalCount": PURCHASES},
        }
        orders = await all_nodes(client, "orders", "orderId totalMinor paidMinor")
        real = [order for order in orders if not order["orderId"].startswith("sim-")]
        assert sum(order["totalMinor"] for order in real) == CENTS
        assert sum(order["paidMinor"] for order in real) == CENTS


async def test_the_sums_are_the_files_by_replay(loaded: str) -> None:
    orders = ordered = paid = position = 0
    customers = set()
    async with opened(loaded) as tenant:
        while events := await tenant.log.read(position):
            position = events[-1].position
            for recorded in events:
                match recorded.event:
                    case _ if recorded.source == SOURCE:
                        continue
                    case OrderPlaced(customer_id=customer, total_minor=total):
                        orders, ordered = orders + 1, ordered + total
                        customers.add(customer)
                    case PaymentReceived(amount_minor=amount):
                        paid += amount
    assert (orders, len(customers), ordered, paid) == (PURCHASES, CUSTOMERS, CENTS, CENTS)


async def test_every_customers_tier_is_the_one_the_raw_file_gives(loaded: str) -> None:
    spent: dict[str, int] = defaultdict(int)
    last_day = date(1998, 6, 30)
    for customer, day, cents in raw_purchases():
        spent[customer] += cents if day > last_day - timedelta(days=365) else 0
    bars = [(50_000, "PLATINUM"), (15_000, "GOLD"), (4_000, "IRON"), (0, "LEAD")]
    expected = {
        customer: next(tier for bar, tier in bars if cents >= bar) for customer, cents in spent.items()
    }
    async with opened(loaded) as tenant, client_of(tenant) as client:
        rows = await all_nodes(client, "customers", "customerId value { tier spentMinor }")
    real = {row["customerId"]: row["value"] for row in rows if not row["customerId"].startswith("sim-")}
    assert {customer: value["tier"] for customer, value in real.items()} == expected
    assert {customer: value["spentMinor"] for customer, value in real.items()} == spent


async def test_views_built_anew_are_the_same(loaded: str) -> None:
    async with opened(loaded) as tenant:
        before = await digests(tenant)
        await tenant.projector.rebuild()
        await tenant.projector.catch_up()
        assert await digests(tenant) == before
    assert set(before) == set(NAMES)


async def digests(tenant: Tenant) -> dict[str, str]:
    standing = await tenant.reader.standing()
    async with tenant.pool.acquire() as connection:
        return {
            name: await tenant.reader.table(name, standing).digest(connection, tenant.name)
            for name in standing.generations
        }


async def test_what_is_made_up_says_so_and_what_is_real_does_not(loaded: str) -> None:
    async with opened(loaded) as tenant:
        rows = await tenant.pool.fetch(
            "SELECT name, source, count(*) FROM kehu.events WHERE tenant = $1 GROUP BY 1, 2", tenant.name
        )
    sources = defaultdict(set)
    for name, source, _ in rows:
        sources[name].add(source)
    assert sources["OrderPlaced"] == sources["CustomerRegistered"] == {cdnow.FILE, SOURCE}
    assert all(seen <= {cdnow.FILE, SOURCE, "demo"} | {None} for seen in sources.values()), sources
    made_up = {name for name, seen in sources.items() if seen == {"simulated"}}
    assert {"InteractionRecorded", "ComplaintReceived", "ComplaintClosed", "ProfileChanged"} <= made_up


def empty(value: Any) -> bool:
    """Nothing is told: no row, no figure."""
    if isinstance(value, dict):
        return all(empty(part) for part in value.values())
    return value in (None, 0, "", [])


async def test_the_query_of_every_capability_answers(loaded: str) -> None:
    async with opened(loaded) as tenant, client_of(tenant) as client:
        for row in capabilities():
            data = await ask(client, row.query)
            assert not any(empty(part) for part in data.values()), (row.number, data)


async def test_the_demo_is_a_desk_that_one_could_run(loaded: str) -> None:
    """No figure is one that only carelessly made-up data could show."""
    async with opened(loaded) as tenant, client_of(tenant) as client:
        desk = await ask(
            client,
            """{ serviceLevels { contacts serviceLevel } keyAccountDesk { queries answeredLate }
                 duplicateCandidates { reasons } churnTypes { cause }
                 classDistribution(kindOfClass: "loyalty type") { value }
                 routing { capacity openContacts }
                 measureEffects { status rateBefore rateAfter }
                 expired: pointsAccounts(filter: {expired: {gt: 0}}) { totalCount }
                 cross: interactions(filter: {topic: {in: ["Praise", "表扬"]}, mood: {ne: PLEASED}}) {
                   totalCount } }""",
        )
    assert all(0.4 < hour["serviceLevel"] < 1 for hour in desk["serviceLevels"])
    asked = [account for account in desk["keyAccountDesk"] if account["queries"]]
    assert any(account["answeredLate"] for account in asked)
    assert any(account["answeredLate"] < account["queries"] for account in asked)
    assert 0 < len(desk["duplicateCandidates"]) < 50
    assert {row["cause"] for row in desk["churnTypes"]} == {cause.name for cause in ChurnCause}
    assert {row["value"] for row in desk["classDistribution"]} == {kind.value for kind in LoyaltyType}
    assert all(one["openContacts"] <= one["capacity"] for one in desk["routing"])
    lowered = {row["status"]: row["rateAfter"] < row["rateBefore"] for row in desk["measureEffects"]}
    assert lowered == {"kept": True, "dropped": False}
    assert desk["expired"]["totalCount"]
    assert desk["cross"]["totalCount"] == 0


async def test_the_readme_asks_for_somebody_who_has_a_story(loaded: str) -> None:
    story = next(query for query in queries() if "steps" in query)
    async with opened(loaded) as tenant, client_of(tenant) as client:
        customer = (await ask(client, story))["customer"]
    assert customer["name"]
    assert len(customer["timeline"]["nodes"]) == 5
    assert customer["value"]["because"]
    assert all(complaint["steps"]["nodes"] for complaint in customer["complaints"]["nodes"])
    assert customer["complaints"]["nodes"]


async def test_what_was_asked_then_is_asked_again_as_of_then(loaded: str) -> None:
    """Every capability can be asked for as of a past day: what had not happened yet is not there."""
    async with opened(loaded) as tenant, client_of(tenant) as client:
        for row in capabilities():
            then = await ask(client, row.query.replace("{", 'query @asOf(at: {day: "1997-12-31"}) {', 1))
            assert then.keys() == (await ask(client, row.query)).keys()
        crises = 'query @asOf(at: {day: "1998-06-20"}) { crises { nodes { category endedAt } } }'
        assert (await ask(client, crises))["crises"]["nodes"] == [{"category": "PRODUCT", "endedAt": None}]


async def test_every_report_is_a_file_in_every_format(loaded: str) -> None:
    async with opened(loaded) as tenant:
        for report in REPORTS.values():
            given = {"customer_id": "sim-co-02"} if report.name in ABOUT_ONE else {}
            values = arguments(report, given)
            answered = await answer(tenant.reader, Asked(report=report, values=values))
            files = {form: written(answered, form) for form in MEDIA if form != "svg" or report.chart}
            rows = json.loads(files["json"])["rows"]
            assert rows, report.name
            assert len(list(csv.reader(io.StringIO(files["csv"].decode(), newline="")))) == len(rows) + 1
            assert pyarrow.parquet.read_table(io.BytesIO(files["parquet"])).num_rows == len(rows)
            assert b"</svg>" in files.get("svg", b"</svg>")


async def test_loading_again_changes_nothing(loaded: str, tmp_path: Path) -> None:
    async with opened(loaded) as tenant:
        head = await tenant.log.head()
        again = await demo.load(tenant.engine, cdnow.purchases(cdnow.find()), tmp_path / "rejects.csv")
        assert again.purchases.finished_before
        assert await tenant.log.head() == head
