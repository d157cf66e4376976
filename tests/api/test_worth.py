"""What all customers together are worth: the published figures of CDNOW, through the log and the views."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.calendar import EndDay
from domain.commands import Command, parse
from domain.customers import RegisterCustomer
from domain.orders import RecordPurchase
from domain.tiers import PublishTierPolicy
from tests.api.server import Api
from tests.cdnow import purchases

BEGIN, LAST = date(1996, 12, 31), date(1998, 6, 30)
POLICY: dict[str, Any] = {
    "policy_version": "cdnow",
    "effective_from": BEGIN,
    "currency": "USD",
    "window_days": 600,
    "rules": [
        {"tier": "platinum", "min_spend_minor": 500_00},
        {"tier": "gold", "min_spend_minor": 150_00},
        {"tier": "iron", "min_spend_minor": 40_00},
        {"tier": "lead"},
    ],
}


def by(id: str, day: date) -> dict[str, Any]:
    return {
        "command_id": id,
        "actor": "cdnow",
        "occurred_at": datetime(day.year, day.month, day.day, tzinfo=UTC),
    }


def history() -> list[Command]:
    """The policy, the customers, their purchases, and the last day's end."""
    bought = purchases()
    first = {customer: day for customer, day, _ in sorted(bought, key=lambda p: p[1], reverse=True)}
    return [
        parse(PublishTierPolicy, POLICY | by("policy", BEGIN)),
        *(parse(RegisterCustomer, {"customer_id": id} | by(f"r-{id}", day)) for id, day in first.items()),
        *(
            parse(
                RecordPurchase,
                {"order_id": f"{id}-{day}", "customer_id": id, "total_minor": cents, "currency": "USD"}
                | {"items": 1}
                | by(f"p-{id}-{day}", day),
            )
            for id, day, cents in bought
        ),
        parse(EndDay, {"day": LAST} | by("end", LAST + timedelta(days=1)) | {
            "occurred_at": datetime(1998, 7, 2, tzinfo=UTC)
        }),
    ]  # fmt: skip


@pytest.fixture
async def at(api: Api) -> dict[str, int]:
    """The moment at which all of it has happened."""
    commands = history()
    for begin in range(0, len(commands), 1_000):
        await api.tenant.engine.execute_many(commands[begin : begin + 1_000])
    return {"atLeast": await api.tenant.log.head()}


async def test_the_best_471_of_2357_customers_hold_67_4_percent_of_spend(
    api: Api, at: dict[str, int]
) -> None:
    found = await api.ask(
        """query Q($at: AsOf) @asOf(at: $at) {
          best: paretoPoint(percent: 20) { customers spentMinor shareOfSpend currency }
          all: paretoPoint(percent: 100) { customers spentMinor shareOfSpend }
          paretoPoints(first: 1) { totalCount }
          to80: paretoReached(share: 0.8) { customers }
          to95: paretoReached(share: 0.95) { customers }
          abcDistribution { abcClass customers shareOfSpend }
        }""",
        at=at,
    )
    total = sum(cents for _, _, cents in purchases())
    assert found["best"]["customers"] == 471
    assert found["best"]["shareOfSpend"] == pytest.approx(0.674, abs=0.0005)
    assert found["all"] == {"customers": 2357, "spentMinor": total, "shareOfSpend": 1}
    assert found["paretoPoints"]["totalCount"] == 100

    a, b, c = found["abcDistribution"]
    assert [k["abcClass"] for k in (a, b, c)] == ["A", "B", "C"]
    assert found["to80"] == [{"customers": 777}]
    assert found["to95"] == [{"customers": 1578}]
    assert a["customers"] == 777
    assert a["customers"] + b["customers"] == 1578 + 3  # three more spent as much as that one: equal class
    assert a["shareOfSpend"] == pytest.approx(0.8, abs=0.001)
    assert a["customers"] + b["customers"] + c["customers"] == 2357


async def test_scores_are_quintiles_and_equal_values_share_the_lower_one(
    api: Api, at: dict[str, int]
) -> None:
    counts: dict[str, int] = defaultdict(int)
    for customer, _, _ in purchases():
        counts[customer] += 1
    customer = max(counts, key=lambda c: (counts[c], c))
    less = sum(count < counts[customer] for count in counts.values())
    once = sum(count == 1 for count in counts.values())
    found = await api.ask(
        """query Q($at: AsOf, $id: String!) @asOf(at: $at) {
          customer(customerId: $id) { value { frequencyScore orderCount scoreRule } }
          lowest: customerValues(filter: {frequencyScore: {eq: 1}}) { totalCount }
          highest: customerValues(filter: {frequencyScore: {gt: 5}}) { totalCount }
        }""",
        at=at,
        id=customer,
    )
    assert found["customer"]["value"] == {
        "frequencyScore": 1 + 5 * less // len(counts),
        "orderCount": counts[customer],
        "scoreRule": "equal-low-1",
    }
    assert found["lowest"]["totalCount"] == once
    assert found["highest"]["totalCount"] == 0


async def test_cohorts_are_held_against_half_after_five_years(api: Api, at: dict[str, int]) -> None:
    days: dict[str, list[date]] = defaultdict(list)
    for customer, day, _ in purchases():
        days[customer].append(day)
    january = [own for own in days.values() if min(own).month == 1]
    end = date(1998, 1, 31)
    kept = sum(any(end - timedelta(days=365) < day <= end for day in own) for own in january)
    found = await api.ask(
        """query Q($at: AsOf) @asOf(at: $at) {
          cohortMonth(cohort: "1997-01-01", ageMonths: 12) { customers kept keptShare baselineShare ordered }
          cohortMonths { totalCount }
        }""",
        at=at,
    )
    assert found["cohortMonth"] == {
        "customers": len(january),
        "kept": kept,
        "keptShare": kept / len(january),
        "baselineShare": pytest.approx(0.871, abs=0.0005),
        "ordered": sum(any(day.strftime("%Y%m") == "199801" for day in own) for own in january),
    }
    assert found["cohortMonths"]["totalCount"] == 18 + 17 + 16


async def test_complaints_for_ten_thousand_customers_by_month_category_and_region(api: Api) -> None:
    for number, (region, day) in enumerate(
        [("华东", "2026-01-05"), ("华东", "2026-01-20"), ("华北", "2026-02-10"), (None, "2026-02-11")]
    ):
        await api.done(
            "registerCustomer", customerId=f"{number}", region=region, occurredAt=f"{day}T09:00:00Z"
        )
    for number, (customer, category, day) in enumerate(
        [("0", "PRICE", "2026-01-30"), ("0", "PRICE", "2026-02-12"), ("2", "DELIVERY", "2026-02-12")]
    ):
        said = {"complaintId": f"{number}", "customerId": customer, "category": category, "text": "坏了"}
        await api.done("receiveComplaint", **said, occurredAt=f"{day}T09:00:00Z")
    await api.done("endDay", day="2026-02-28", occurredAt="2026-03-02T00:00:00Z")

    rates = await api.ask(
        """query Q @asOf(at: {day: "2026-02-28"}) {
          complaintRates { nodes { month category region complaints customers per10000Customers } }
        }"""
    )
    found = {
        (row["month"][:7], row["category"], row["region"]): (
            row["complaints"],
            row["customers"],
            row["per10000Customers"],
        )
        for row in rates["complaintRates"]["nodes"]
    }
    assert found["2026-01", "*", "*"] == (1, 2, 5000)
    assert found["2026-02", "*", "*"] == (2, 4, 5000)
    assert found["2026-02", "price", "*"] == (1, 4, 2500)
    assert found["2026-02", "*", "华北"] == found["2026-02", "delivery", "华北"] == (1, 1, 10_000)
    assert found["2026-02", "price", "华东"] == (1, 2, 5000)
