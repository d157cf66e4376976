"""Every class of a customer follows from the log at a month's end: nothing of it is typed in."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.api.server import Api

DAY = date(2026, 6, 30)
TIERS = [
    {"tier": "PLATINUM", "minSpendMinor": 500_00},
    {"tier": "GOLD", "minSpendMinor": 150_00},
    {"tier": "IRON", "minSpendMinor": 40_00},
    {"tier": "LEAD"},
]
BOUGHT = {
    "star": [(300, 100_00), (200, 100_00), (100, 200_00), (40, 100_00), (20, 200_00)],
    "fresh": [(10, 60_00)],
    "steady": [(400, 50_00), (310, 50_00), (170, 50_00)],
    "silent": [(700, 20_00), (690, 20_00), (680, 20_00)],
    "fading": [(300, 10_00), (290, 10_00), (280, 10_00)],
    "dear": [(150, 10_00)],
    "claiming": [(160, 30_00), (120, 30_00)],
}
"""Days before, and the amount, of each order."""
CLASSES = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  fileThreshold { customerId }
  churnWatch { customerId watchPercent }
  customerClasses { nodes {
    customerId importance loyaltyClass managementClass relationshipLevel fourStage fiveStage loyaltyType
    keyFile marginMinor costToServeMinor unprofitable watched claimAlert customerList } } }"""


def ago(days: int) -> str:
    return f"{DAY - timedelta(days=days)}T09:00:00Z"


@pytest.fixture
async def told(api: Api) -> dict[str, Any]:
    """What is told at the month's end, the classes by customer."""
    policy = {"policyVersion": "p", "effectiveFrom": "2024-01-01", "currency": "EUR", "windowDays": 365}
    await api.done("publishTierPolicy", **policy, rules=TIERS, occurredAt=ago(900))
    await api.done("registerCustomer", customerId="asking", occurredAt=ago(800))
    for customer, orders in BOUGHT.items():
        await api.done("registerCustomer", customerId=customer, occurredAt=ago(800))
        for days, minor in orders:
            order = {"orderId": f"{customer}-{days}", "customerId": customer, "totalMinor": minor}
            await api.done("recordPurchase", **order, currency="EUR", items=1, occurredAt=ago(days))
    call = {"channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "tea"}
    for number in range(2):
        contact = {"interactionId": f"i-{number}", "customerId": "dear", **call}
        await api.done("recordInteraction", **contact, occurredAt=ago(100 - number))
    for number in range(3):
        claim = {"claimId": f"{number}", "customerId": "claiming", "amountMinor": 1_00, "currency": "EUR"}
        await api.done("makeClaim", **claim, reason="broken", occurredAt=ago(90))
    await api.done(
        "earnPoints", transactionId="t", customerId="star", points=5, reason="order", occurredAt=ago(19)
    )
    share = {"customerId": "steady", "category": "tea", "percent": 95, "basis": "STATED", "toldBy": "them"}
    await api.done("stateShare", **share, occurredAt=ago(18))
    ended = await api.done("endDay", day=f"{DAY}", occurredAt="2026-07-02T00:00:00Z")
    found = await api.ask(CLASSES, at=ended)
    return {**found, "classes": {row["customerId"]: row for row in found["customerClasses"]["nodes"]}}


def one(told: dict[str, Any], field: str) -> dict[str, Any]:
    return {customer: row[field] for customer, row in told["classes"].items()}


async def test_importance_loyalty_and_management_follow_from_what_was_bought(told: dict[str, Any]) -> None:
    assert one(told, "importance") == {
        "star": "VIP", "fresh": "ORDINARY", "steady": "ORDINARY", "silent": "ORDINARY", "dear": "ORDINARY",
        "fading": "ORDINARY", "claiming": "ORDINARY", "asking": "ORDINARY",
    }  # fmt: skip
    assert one(told, "loyaltyClass") == {
        "star": "LOYAL", "fresh": "NEW", "steady": "ESTABLISHED", "silent": "ESTABLISHED",
        "fading": "ESTABLISHED", "dear": "ESTABLISHED", "claiming": "ESTABLISHED", "asking": "POTENTIAL",
    }  # fmt: skip
    assert {c: k for c, k in one(told, "managementClass").items() if k != "OCCASIONAL"} == {
        "star": "TOP", "steady": "TOP", "fresh": "REGULAR", "claiming": "REGULAR",
    }  # fmt: skip


async def test_the_stages_of_life_tell_growth_from_decline(told: dict[str, Any]) -> None:
    assert one(told, "fourStage") == {
        "star": "GROWTH", "fresh": "EXPLORATION", "steady": "MATURITY",
        "silent": "DECLINE", "fading": "DECLINE",
        "dear": "EXPLORATION", "claiming": "MATURITY", "asking": "EXPLORATION",
    }  # fmt: skip
    assert one(told, "fiveStage") == {
        "star": "GROWTH", "fresh": "DEVELOPMENT", "steady": "MATURITY",
        "silent": "MATURITY", "fading": "MATURITY",
        "dear": "DEVELOPMENT", "claiming": "MATURITY", "asking": "PROSPECT",
    }  # fmt: skip


async def test_who_comes_again_does_so_for_a_reason(told: dict[str, Any]) -> None:
    assert one(told, "loyaltyType") == {
        "star": "INCENTIVE", "steady": "MONOPOLY", "silent": "INERTIA",
        "fading": "INERTIA", "claiming": "INERTIA",
        "fresh": None, "dear": None, "asking": None,
    }  # fmt: skip


async def test_the_level_of_the_relation_follows_from_how_many_there_are_and_the_margin(
    told: dict[str, Any],
) -> None:
    """Eight customers are few: a high margin makes a partner, a quarter of it is served proactively."""
    assert one(told, "relationshipLevel") == {
        "star": "PARTNER", "steady": "PROACTIVE", "fresh": "PROACTIVE", "silent": "PROACTIVE",
        "claiming": "PROACTIVE", "fading": "ACCOUNTABLE", "dear": "ACCOUNTABLE", "asking": "ACCOUNTABLE",
    }  # fmt: skip


async def test_good_and_bad_lists_are_made_from_tier_cost_and_claims(told: dict[str, Any]) -> None:
    dear = told["classes"]["dear"]
    assert (dear["marginMinor"], dear["costToServeMinor"], dear["unprofitable"]) == (3_00, 6_00, True)
    assert {c for c, alert in one(told, "claimAlert").items() if alert} == {"claiming"}
    assert {c: k for c, k in one(told, "customerList").items() if k != "NEITHER"} == {
        "star": "GOOD", "dear": "BAD", "claiming": "BAD",
    }  # fmt: skip


async def test_a_key_file_from_yearly_sales_of_two_hundred(told: dict[str, Any]) -> None:
    assert told["fileThreshold"] == [{"customerId": "star"}]


async def test_who_is_silent_for_twice_as_long_as_usual_is_watched_until_lost(told: dict[str, Any]) -> None:
    """`fading` came every 10 days; `steady` every 115 and is silent for 170: not yet; `silent` is lost."""
    assert told["churnWatch"] == [{"customerId": "fading", "watchPercent": 2800}]
