"""The rows of any list in groups: counted, added up and compared, in the same one statement."""

from __future__ import annotations

import json
from typing import Any

from api.schema import build_schema
from domain.roles import Role
from tests.api.conftest import REPORTS
from tests.api.server import Api, key_of
from tests.api.test_compiled import asker, listened

GROUPS = """query ($by: [OrderColumn!]!, $first: Int!, $at: AsOf) @asOf(at: $at) {
  orders(first: 1, filter: {totalMinor: {gt: 1}}) {
    groups(by: $by, first: $first) {
      count currency: key(of: CURRENCY) sum(of: TOTAL_MINOR) avg(of: TOTAL_MINOR)
      min(of: PLACED_AT) max(of: ORDER_ID) } } }"""


async def sold(api: Api) -> int:
    """Orders of two customers; the head, which all views saw."""
    await api.done("registerCustomer", customerId="1", name="Ada")
    await api.done("registerCustomer", customerId="2", name="Lin", relation="BUSINESS")
    for id, customer, total, currency in [
        ("a", "1", 5, "EUR"), ("b", "1", 8, "EUR"), ("c", "1", 1, "EUR"), ("d", "2", 7, "CNY"),
    ]:  # fmt: skip
        order = {"orderId": id, "customerId": customer, "totalMinor": total, "currency": currency, "items": 1}
        await api.done("placeOrder", **order, occurredAt=f"2026-01-0{total}T00:00:00Z")
    head = await api.tenant.log.head()
    await api.tenant.reader.reached(api.tenant.declarations, head)
    return head


async def both(api: Api, query: str, **variables: Any) -> Any:
    """What statements and resolvers answer, who must agree."""
    declared = api.tenant.declarations
    answers = [
        await asker(build_schema(declared, REPORTS, compiled=compiled), api.tenant)(query, variables)
        for compiled in (True, False)
    ]
    assert answers[0] == answers[1]
    return json.loads(answers[0])["data"]


async def test_the_rows_of_a_list_are_counted_and_added_up_in_groups(api: Api, database: str) -> None:
    head = await sold(api)
    cny = {
        "count": 1,
        "currency": "CNY",
        "sum": 7,
        "avg": 7.0,
        "min": "2026-01-07T00:00:00+00:00",
        "max": "d",
    }
    eur = {
        "count": 2,
        "currency": "EUR",
        "sum": 13,
        "avg": 6.5,
        "min": "2026-01-05T00:00:00+00:00",
        "max": "b",
    }

    found = await both(api, GROUPS, by=["CURRENCY"], first=10)
    first = await both(api, GROUPS, by=["CURRENCY", "CUSTOMER_ID"], first=1)
    before = await both(api, GROUPS, by=["CURRENCY"], first=10, at={"position": head - 1})
    nested = await both(
        api,
        """{ customers { nodes { relation orders(last: 1) { groups { count sum(of: TOTAL_MINOR) } } } }
             empty: complaints { groups { count min(of: RECEIVED_AT) } }
             relations: customers {
               groups(by: [RELATION, LIVE]) { key(of: RELATION) live: key(of: LIVE) count } } }""",
    )

    assert found == {"orders": {"groups": [cny, eur]}}
    assert first == {"orders": {"groups": [cny]}}
    assert before == {"orders": {"groups": [eur]}}
    assert nested == {
        "customers": {
            "nodes": [
                {"relation": "CONSUMER", "orders": {"groups": [{"count": 3, "sum": 14}]}},
                {"relation": "BUSINESS", "orders": {"groups": [{"count": 1, "sum": 7}]}},
            ]
        },
        "empty": {"groups": [{"count": 0, "min": None}]},
        "relations": {
            "groups": [
                {"key": "BUSINESS", "live": True, "count": 1},
                {"key": "CONSUMER", "live": True, "count": 1},
            ]
        },
    }
    await one_statement(api, database)
    await what_cannot_be_is_refused(api)
    await nothing_masked_is_told(api)


async def one_statement(api: Api, database: str) -> None:
    async with listened(database, api.tenant.declarations.values()) as (tenant, sent):
        await tenant.reader.standing()
        ask = asker(build_schema(tenant.declarations, REPORTS), tenant)
        for _ in range(2):
            sent.clear()
            answer = json.loads(await ask(GROUPS, {"by": ["CURRENCY"], "first": 3}))
            assert (answer["errors"], len(sent)) == ([], 1), sent


async def what_cannot_be_is_refused(api: Api) -> None:
    for asked, code, rule in [
        ("groups(by: [LIVE, NAME, REGION]) { count }", "BAD_GROUP", "by: takes 2 fields at most, not 3"),
        (
            "groups(by: [LIVE]) { key(of: NAME) }",
            "BAD_GROUP",
            "key: of: NAME is not among the fields in `by`",
        ),
        ("groups { sum(of: NAME) }", "BAD_GROUP", "sum: of: NAME holds nothing that has a sum"),
        ("groups { max(of: LIVE) }", "BAD_GROUP", "max: of: LIVE holds nothing that has a max"),
        ("groups(first: 1001) { count }", "BAD_PAGE", "first: must be between 0 and 1000"),
    ]:
        assert await api.error(f"{{ customers(first: 1) {{ {asked} }} }}") == {"code": code, "message": rule}


async def nothing_masked_is_told(api: Api) -> None:
    api.client.headers["authorization"] = f"Bearer {await key_of(api.tenant, Role.ANALYST, actor='mei')}"
    for asked in ("groups(by: [NAME]) { count }", "groups { min(of: NAME) }"):
        assert (await api.error(f"{{ customers {{ {asked} }} }}"))["code"] == "FORBIDDEN"
    counted = await api.ask("{ customers { groups(by: [RELATION]) { count } } }")
    assert counted["customers"]["groups"] == [{"count": 1}, {"count": 1}]
    key = await key_of(api.tenant, Role.AGENT, actor="li")
    api.client.headers.update({"authorization": f"Bearer {key}", "x-kehu-actor": "li"})
    assert (await api.ask("{ customers { groups { count } } }"))["customers"]["groups"] == [{"count": 0}]
