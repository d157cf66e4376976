"""Why was it so? Any field of any row tells which events made it what it was, as of any moment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.server import Api
from tests.api.test_story import POLICY

RULES = [
    {"tier": "PLATINUM", "minSpendMinor": 100_000},
    {"tier": "GOLD", "minSpendMinor": 50_000},
    {"tier": "IRON", "minSpendMinor": 1},
    {"tier": "LEAD"},
]
WHY = """query Why($at: AsOf, $field: CustomerValueField) @asOf(at: $at) {
  customer(customerId: "1") { value { tier explain(field: $field) {
    event { position name occurredAt actor } since until
    before { tier orderCount customer { orderCount } } after { tier rule customer { orderCount } }
    changed because { position name customerId }
  } } }
}"""
JOURNEY: list[tuple[str, str, dict[str, Any]]] = [
    ("publishTierPolicy", "2026-01-01", POLICY | {"rules": RULES}),
    ("registerCustomer", "2026-01-02", {"customerId": "1", "name": "Ada"}),
    ("registerCustomer", "2026-01-02", {"customerId": "2", "name": "张三"}),
    ("recordPurchase", "2026-01-03", {"customerId": "1", "orderId": "a", "totalMinor": 10_000}),
    ("endDay", "2026-02-01", {"day": "2026-01-31"}),
    ("publishDeadlines", "2026-02-02", {"deadlinesVersion": "1", "defaultMinutes": 60}),
    ("recordPurchase", "2026-02-03", {"customerId": "1", "orderId": "b", "totalMinor": 45_000}),
    ("recordPurchase", "2026-02-04", {"customerId": "2", "orderId": "c", "totalMinor": 90_000}),
    ("endDay", "2026-03-01", {"day": "2026-02-28"}),
    ("endDay", "2026-04-01", {"day": "2026-03-31"}),
    ("endDay", "2026-05-01", {"day": "2026-04-30"}),
]


async def told(api: Api) -> list[int]:
    """Do it all; the position after each mutation."""
    positions = []
    for command, day, input in JOURNEY:
        more: dict[str, Any] = {"occurredAt": f"{day}T11:00:00Z"}
        if command == "recordPurchase":
            more |= {"currency": "EUR", "items": 1}
        if command == "publishDeadlines":
            more |= {"effectiveFrom": day}
        positions.append(await api.done(command, **input, **more))
    return positions


@pytest.fixture
async def positions(api: Api) -> list[int]:
    return await told(api)


async def test_an_auditor_asks_why_a_customer_was_gold_last_spring(api: Api, positions: list[int]) -> None:
    value = (await api.ask(WHY, at={"day": "2026-03-31"}, field="TIER"))["customer"]["value"]

    assert value["tier"] == "GOLD"
    gold, iron = value["explain"]
    assert (gold["event"]["name"], gold["event"]["actor"], gold["until"]) == ("DayEnded", "mei", None)
    assert gold["event"]["position"] == gold["since"] == positions[8]
    assert gold["after"] == {
        "tier": "GOLD",
        "rule": "gold: spent at least 500.00 EUR within 90 days",
        "customer": {"orderCount": 2},
    }
    assert gold["before"] == {"tier": "IRON", "orderCount": 1, "customer": {"orderCount": 2}}
    assert {"TIER", "RULE", "SPENT_MINOR", "ORDER_COUNT"} <= {*gold["changed"]}
    assert "CURRENCY" not in gold["changed"]
    assert [(e["name"], e["customerId"]) for e in gold["because"]] == [
        ("TierPolicyPublished", None),
        ("OrderPlaced", "1"),
        ("PaymentReceived", "1"),
    ]
    assert (iron["since"], iron["until"], iron["before"]) == (positions[4], positions[8], None)


async def test_it_falls_back_when_the_orders_leave_the_window(api: Api, positions: list[int]) -> None:
    value = (await api.ask(WHY, at={"day": "2026-04-30"}, field="TIER"))["customer"]["value"]
    latest = value["explain"][0]
    assert (latest["before"]["tier"], latest["after"]["tier"]) == ("GOLD", "IRON")
    assert [e["name"] for e in latest["because"]] == ["TierPolicyPublished"]


async def test_every_field_of_a_folded_row_tells_its_events(api: Api) -> None:
    await api.done("registerCustomer", customerId="1", name="Ada")
    await api.done("assignOwner", customerId="1", owner="li")
    await api.done("changeProfile", customerId="1", name="Grace")
    ask = """query Q($at: AsOf, $field: CustomerField) @asOf(at: $at) { customer(customerId: "1") {
      explain(field: $field, first: 2) { event { name } until before { name } after { name owner } changed }
    } }"""

    renamed, registered = (await api.ask(ask, at={"atLeast": 3}, field="NAME"))["customer"]["explain"]
    assert renamed == {
        "event": {"name": "ProfileChanged"},
        "until": None,
        "before": {"name": "Ada"},
        "after": {"name": "Grace", "owner": "li"},
        "changed": ["NAME"],
    }
    assert (registered["before"], registered["after"]) == (None, {"name": "Ada", "owner": None})
    assert registered["changed"] == ["NAME", "RELATION", "REGISTERED_AT"]
    assert registered["until"] == 2
    every = (await api.ask(ask, at={"position": 2}))["customer"]["explain"]
    assert [change["event"]["name"] for change in every] == ["OwnerAssigned", "CustomerRegistered"]


async def test_a_row_that_ended_and_began_again_says_so(api: Api) -> None:
    point = {"customerId": "1", "kind": "PHONE", "value": "138"}
    await api.done("registerCustomer", customerId="1")
    await api.done("addContactPoint", **point, label="home")
    await api.done("removeContactPoint", **point)
    last = await api.done("addContactPoint", **point, label="work")
    ask = """query Q($at: AsOf) @asOf(at: $at) {
      contactPoint(customerId: "1", kind: PHONE, value: "138") {
        explain(field: LABEL) { event { name } since until before { label } after { label } changed }
      }
    }"""
    again, gone, began = (await api.ask(ask, at={"atLeast": last}))["contactPoint"]["explain"]
    assert [again["after"], gone["after"], began["after"]] == [{"label": "work"}, None, {"label": "home"}]
    assert [again["before"], gone["before"], began["before"]] == [None, {"label": "home"}, None]
    assert [gone["event"]["name"], gone["changed"], gone["until"]] == ["ContactPointRemoved", [], None]
    assert [again["until"], began["until"]] == [None, gone["since"]]


async def test_whole_populations_tell_the_policies_that_decided(api: Api, positions: list[int]) -> None:
    found = await api.ask(
        """query Q @asOf(at: {day: "2026-04-30"}) {
          paretoPoint(percent: 50) { explain(field: SHARE_OF_SPEND) { event { name } because { name } } }
          cohortMonths { nodes { explain(first: 1) { event { name } because { name } } } }
        }"""
    )
    assert found["paretoPoint"]["explain"][0] == {
        "event": {"name": "DayEnded"},
        "because": [{"name": "TierPolicyPublished"}],
    }
    assert all(row["explain"][0]["event"]["name"] == "DayEnded" for row in found["cohortMonths"]["nodes"])
