"""Revisits monthly in the first year after delivery, quarterly after that; rounds by A, B and C."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api

DUE = """query ($at: Int64!, $day: Date, $only: DueKind) @asOf(at: {atLeast: $at}) {
  dueVisits(on: $day, only: $only) { customerId abcClass lastSeen dueOn overdue plannedOn } }"""


async def order(api: Api, id: str, customer: str, total: int) -> None:
    bought = {"orderId": id, "customerId": customer, "totalMinor": total, "currency": "EUR", "items": 1}
    await api.done("placeOrder", **bought, occurredAt="2025-01-02T09:00:00Z")


async def due(api: Api, at: int, only: str, day: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await api.ask(DUE, at=at, day=day, only=only))["dueVisits"]
    return rows


async def test_a_revisit_is_due_monthly_in_the_first_year_after_delivery_and_quarterly_then(api: Api) -> None:
    await api.done("registerCustomer", customerId="c", occurredAt="2025-01-01T09:00:00Z")
    await order(api, "o", "c", 100)
    last = await api.done("fulfilOrder", orderId="o", occurredAt="2025-01-10T09:00:00Z")
    none = {"customerId": "c", "abcClass": None, "plannedOn": None}

    assert await due(api, last, "REVISIT", "2025-02-01") == [], "more than a week ahead"
    first = {**none, "lastSeen": "2025-01-10", "dueOn": "2025-02-09"}
    assert await due(api, last, "REVISIT", "2025-02-05") == [{**first, "overdue": False}]
    assert await due(api, last, "REVISIT", "2025-02-10") == [{**first, "overdue": True}]
    for visit, day in (("v", "2025-02-09"), ("w", "2026-01-15")):
        plan = {"visitId": visit, "customerId": "c", "member": "mei", "purpose": "revisit", "on": day}
        await api.done("planVisit", **plan, occurredAt=f"{day}T08:00:00Z")
        last = await api.done("completeVisit", visitId=visit, occurredAt=f"{day}T09:00:00Z")

    quarterly = {**none, "lastSeen": "2026-01-15", "dueOn": "2026-04-16", "overdue": False}
    assert await due(api, last, "REVISIT", "2026-03-01") == []
    assert await due(api, last, "REVISIT", "2026-04-12") == [quarterly]


async def test_a_round_comes_more_often_to_who_buys_more(api: Api) -> None:
    bars = (("PLATINUM", 900), ("GOLD", 90), ("IRON", 9), ("LEAD", 0))
    rules = [{"tier": tier, "minSpendMinor": bar} for tier, bar in bars]
    tiers = {"windowDays": 365, "rules": rules, "cadence": "DAY", "currency": "EUR"}
    since = {"effectiveFrom": "2025-01-01", "occurredAt": "2025-01-01T08:00:00Z"}
    await api.done("publishTierPolicy", policyVersion="p", **tiers, **since)
    for id, total in (("a", 800), ("b", 150), ("c", 50)):
        await api.done("registerCustomer", customerId=id, occurredAt="2025-01-01T09:00:00Z")
        await api.done("assignOwner", customerId=id, owner="mei", occurredAt="2025-01-01T10:00:00Z")
        await order(api, f"o-{id}", id, total)
    last = await api.done("endDay", day="2025-01-03", occurredAt="2025-01-04T08:00:00Z")

    rows = await due(api, last, "ROUND", "2025-07-01")

    assert [(row["customerId"], row["abcClass"], row["dueOn"]) for row in rows] == [
        ("a", "a", "2025-01-31"),
        ("b", "b", "2025-03-02"),
        ("c", "c", "2025-06-30"),
    ]
