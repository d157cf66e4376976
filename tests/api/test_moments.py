"""Every query is true at one moment, which it can choose: a position, a time, a day, or now."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from tests.api.server import Api

NAMES = "query Q($at: AsOf) @asOf(at: $at) { customers(orderBy: [{by: CUSTOMER_ID}]) { nodes { name } } }"


async def names(api: Api, **at: Any) -> tuple[list[str], int]:
    """The customers' names as of a moment, and the position that the answer tells."""
    answer = await api.send(NAMES, at=at or None)
    assert "errors" not in answer, answer
    return [c["name"] for c in answer["data"]["customers"]["nodes"]], answer["extensions"]["asOf"]["position"]


async def test_a_query_can_ask_for_any_moment(api: Api) -> None:
    one = await api.do("registerCustomer", customerId="1", name="Ada")
    two = await api.do("changeProfile", customerId="1", name="Grace")
    await api.done("endDay", day="2026-01-31", occurredAt="2026-02-02T00:00:00Z")
    four = await api.do("registerCustomer", customerId="2", name="张三")
    before = (datetime.fromisoformat(two["recordedAt"]) - timedelta(microseconds=1)).isoformat()

    assert await names(api, atLeast=four["position"]) == (["Grace", "张三"], 4)
    last = await api.tenant.log.head()  # that two names were read is in the log, once a day
    assert await names(api, atLeast=last) == (["Grace", "张三"], last)
    assert await names(api, position=1) == (["Ada"], 1)
    assert await names(api, position=2) == (["Grace"], 2)
    assert await names(api, time=one["recordedAt"]) == (["Ada"], 1)
    assert await names(api, time=before) == (["Ada"], 1)
    assert await names(api, time=two["recordedAt"]) == (["Grace"], 2)
    assert await names(api, time="2999-01-01T00:00:00+08:00") == (["Grace", "张三"], last)
    assert await names(api, day="2026-01-31") == (["Grace"], 3)
    assert await names(api) == (["Grace", "张三"], last)


async def test_before_the_first_event_there_is_nothing(api: Api) -> None:
    assert (await api.send(NAMES))["data"] == {"customers": {"nodes": []}}
    await api.done("registerCustomer", customerId="1", name="Ada")
    assert (await api.ask(NAMES, at={"position": 0}))["customers"]["nodes"] == []
    assert (await api.ask(NAMES, at={"time": "2020-01-01T00:00:00Z"}))["customers"]["nodes"] == []


async def test_a_moment_that_is_not_there_is_refused(api: Api) -> None:
    await api.done("registerCustomer", customerId="1")

    for at in ({"position": 2}, {"position": -1}, {"atLeast": 2}, {"day": "2026-01-31"}):
        assert (await api.error(NAMES, at=at))["code"] == "BAD_MOMENT"
    for wrong in ({}, {"position": 1, "atLeast": 1}, {"time": "2026-01-01T00:00:00"}, {"position": None}):
        assert (await api.error(NAMES, at=wrong))["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_moment_can_stand_in_the_document_too(api: Api) -> None:
    await api.done("registerCustomer", customerId="1", name="Ada")
    await api.done("changeProfile", customerId="1", name="Grace")
    body = '{ customer(customerId: "1") { name } }'

    literal = await api.ask(f"query Q @asOf(at: {{position: 1}}) {body}")
    inner = await api.ask(f"query Q($n: Int64!) @asOf(at: {{position: $n}}) {body}", n=1)
    default = await api.ask(f"query Q($at: AsOf! = {{position: 1}}) @asOf(at: $at) {body}")
    named = await api.client.post(
        "/graphql",
        json={"query": f"query A {body} query B @asOf(at: {{position: 1}}) {body}", "operationName": "B"},
    )

    assert [literal, inner, default, named.json()["data"]] == [{"customer": {"name": "Ada"}}] * 4


async def test_links_and_explanations_stay_at_the_moment(api: Api) -> None:
    await api.done("registerCustomer", customerId="1", name="Ada")
    order = {"orderId": "1", "customerId": "1", "totalMinor": 5, "currency": "EUR", "items": 1}
    placed = await api.done("placeOrder", **order)
    await api.done("receivePayment", orderId="1", paymentId="p", amountMinor=5, currency="EUR")
    await api.done("changeProfile", customerId="1", name="Grace")

    found = await api.ask(
        """query Q($n: Int64!) @asOf(at: {position: $n}) {
          order(orderId: "1") { paidMinor customer { name orders { nodes { paidMinor customer { name } } } } }
          eventLog { nodes { position } }
        }""",
        n=placed,
    )

    assert found["order"] == {
        "paidMinor": 0,
        "customer": {"name": "Ada", "orders": {"nodes": [{"paidMinor": 0, "customer": {"name": "Ada"}}]}},
    }
    assert [e["position"] for e in found["eventLog"]["nodes"]] == [1, 2]


async def test_an_answer_never_mixes_two_moments(api: Api) -> None:
    """While orders pour in, each answer's views agree with each other and with the log."""
    query = """{
      customers { totalCount nodes { orderCount orders { totalCount } spendings { nodes { orderCount } } } }
      orders { totalCount }
      timeline(filter: {event: {eq: "OrderPlaced"}}) { totalCount }
      eventLog(first: 1000, filter: {names: ["OrderPlaced"]}) { nodes { position } }
    }"""
    await api.done("registerCustomer", customerId="1")
    writing = asyncio.create_task(_write(api, 150))

    seen = set()
    while not writing.done():
        answer = await api.send(query)
        data = answer["data"]
        count = data["orders"]["totalCount"]
        seen.add(answer["extensions"]["asOf"]["position"])
        assert data["timeline"]["totalCount"] == count
        assert len(data["eventLog"]["nodes"]) == count
        for customer in data["customers"]["nodes"]:
            assert customer["orderCount"] == customer["orders"]["totalCount"] == count
            assert sum(s["orderCount"] for s in customer["spendings"]["nodes"]) == count
    await writing
    assert len(seen) > 3


async def _write(api: Api, number: int) -> None:
    for n in range(number):
        await api.done(
            "recordPurchase", orderId=f"{n}", customerId="1", totalMinor=n, currency="EUR", items=1
        )


async def test_operations_on_one_connection_have_moments_of_their_own(api: Api) -> None:
    await api.done("registerCustomer", customerId="1", name="Ada")
    await api.done("changeProfile", customerId="1", name="Grace")
    async with api.socket() as socket:
        for n in range(20):
            at = {"position": 1} if n % 2 else {"atLeast": 2}
            await socket.subscribe(str(n), NAMES, at=at)
        answers: dict[str, Any] = {}
        while len(answers) < 20:
            message = await socket.hear()
            if message["type"] == "next":
                payload = message["payload"]
                position = payload["extensions"]["asOf"]["position"]
                answers[message["id"]] = (payload["data"]["customers"]["nodes"], position)
    for id, (nodes, position) in answers.items():
        assert (nodes, position) == (([{"name": "Ada"}], 1) if int(id) % 2 else ([{"name": "Grace"}], 2))
