"""Every row has an id of its own, which finds it again: as it is, or as it was where the id says when."""

from __future__ import annotations

import base64
import json
from typing import Any

from api.access import Access
from api.gate import Gate
from api.schema import build_schema
from domain.roles import Role
from tests.api.conftest import REPORTS
from tests.api.server import Api, key_of
from tests.api.test_compiled import asker, listened, populate, settled

NODE = """query Node($id: ID!, $at: AsOf) @asOf(at: $at) {
  node(id: $id) { __typename id ... on Customer { name } ... on Order { paidMinor customer { id } } } }"""
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Customer { name } } }"
CUSTOMER = 'query ($at: AsOf) @asOf(at: $at) { customer(customerId: "1") { id name } }'


def made(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


async def renamed(api: Api) -> None:
    await api.done("registerCustomer", customerId="1", name="Ada")
    await api.done("changeProfile", customerId="1", name="Grace")


async def test_a_row_is_found_by_its_id(api: Api) -> None:
    await renamed(api)
    order = {"orderId": "o-é", "customerId": "1", "totalMinor": 5, "currency": "EUR", "items": 1}
    placed = await api.do("placeOrder", "order { id customer { id } }", **order)
    assert placed["errors"] == []
    customer = (await api.ask(CUSTOMER, at={"atLeast": placed["position"]}))["customer"]["id"]

    found = (await api.ask(NODE, id=placed["order"]["id"]))["node"]

    assert placed["order"]["customer"]["id"] == customer
    assert found == {
        "__typename": "Order",
        "id": placed["order"]["id"],
        "paidMinor": 0,
        "customer": {"id": customer},
    }
    assert (await api.ask(NODE, id=customer))["node"]["name"] == "Grace"


async def test_several_rows_come_in_the_order_of_their_ids(api: Api) -> None:
    await renamed(api)
    last = await api.done("registerCustomer", customerId="2", name="Lin")
    await api.tenant.reader.reached(api.tenant.declarations, last)
    ids = [made(None, "Customer", key) for key in ("2", "nobody", "1", "2")] + [made(None, "Order", "none")]

    nodes = (await api.ask(NODES, ids=ids))["nodes"]

    assert [node and node["name"] for node in nodes] == ["Lin", None, "Grace", "Lin", None]
    assert (await api.ask(NODES, ids=[]))["nodes"] == []


async def test_an_id_of_a_row_as_it_was_finds_it_as_it_was(api: Api) -> None:
    await renamed(api)
    await api.tenant.reader.reached(["customers"], 2)
    now, then = (
        (await api.ask(CUSTOMER))["customer"],
        (await api.ask(CUSTOMER, at={"position": 1}))["customer"],
    )
    assert now["id"] != then["id"]

    answer = await api.send(NODE, id=then["id"])

    assert answer["data"]["node"] == {"__typename": "Customer", **then}
    assert answer["extensions"]["asOf"]["position"] == 1
    assert (await api.ask(NODE, id=then["id"], at={"position": 1}))["node"]["name"] == "Ada"
    assert (await api.ask(NODE, id=now["id"], at={"position": 1}))["node"] == {
        "__typename": "Customer",
        **then,
    }
    for error in (
        await api.error(NODE, id=then["id"], at={"position": 2}),
        await api.error(NODE, id=then["id"], at={"atLeast": 2}),
        await api.error(NODES, ids=[made(1, "Customer", "1"), made(2, "Customer", "1")]),
        await api.error(NODE, id=made(99, "Customer", "1")),
        await api.error(NODE, id=made(-1, "Customer", "1")),
    ):
        assert error["code"] == "BAD_ID"


WRONG = [
    ("", "id: '' is not an id that was given out here"),
    ("é", "id: 'é' is not an id that was given out here"),
    (made(None), "is not an id that was given out here"),
    (made("now", "Customer", "1"), "is not an id that was given out here"),
    (made(None, "Nothing", "1"), "id: there are no rows of a type 'Nothing'"),
    (made(None, "Query"), "id: there are no rows of a type 'Query'"),
    (made(None, "Customer"), "id: it does not hold the key of a row of Customer"),
    (made(None, "Customer", 1), "id: it does not hold the key of a row of Customer"),
    (made(None, "Customer", "1", "2"), "id: it does not hold the key of a row of Customer"),
]


async def test_what_is_no_id_is_refused(api: Api) -> None:
    for id, rule in WRONG:
        for query, given in ((NODE, {"id": id}), (NODES, {"ids": [id]})):
            error = await api.error(query, **given)
            assert error["code"] == "BAD_ID"
            assert error["message"].endswith(rule)
    many = await api.error(NODES, ids=[made(None, "Customer", str(n)) for n in range(1_001)])
    assert many["code"] == "BAD_PAGE"
    assert many["message"].startswith("ids: ")


async def test_an_id_shows_no_more_than_its_caller_may_see(api: Api) -> None:
    await renamed(api)
    await api.done("assignOwner", customerId="1", owner="li")
    id = made(None, "Customer", "1")
    await api.tenant.reader.reached(api.tenant.declarations, 3)
    for role, seen in ((Role.AGENT, None), (Role.ANALYST, None), (Role.MANAGER, "Grace")):
        api.client.headers["authorization"] = f"Bearer {await key_of(api.tenant, role, actor='mei')}"
        node = (await api.ask(NODE, id=id))["node"]
        assert (node and node["name"]) == seen


async def test_rows_by_their_ids_are_one_statement(api: Api, database: str) -> None:
    await populate(api)
    ids = [made(None, "Customer", "c1"), made(None, "Order", "none"), made(None, "Customer", "c2")]
    gate = Gate(api.tenant, Access())
    before = asker(build_schema(api.tenant.declarations, REPORTS, compiled=False), api.tenant, gate)
    await settled(api, before, NODES, {"ids": ids})  # its reads are logged once a day
    async with listened(database, api.tenant.declarations.values()) as (tenant, sent):
        await tenant.reader.standing()
        ask = asker(build_schema(tenant.declarations, REPORTS), tenant, gate)
        await ask(NODES + " ", {"ids": ids})  # asyncpg looks types of arrays up, once a connection
        for query, variables in ((NODES, {"ids": ids}), (NODE, {"id": ids[0]}), (NODES, {"ids": ids[:1]})):
            for _ in range(2):
                sent.clear()
                answer = json.loads(await ask(query, variables))
                assert (answer["errors"], len(sent)) == ([], 1), sent
