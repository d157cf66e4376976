"""Ratios made of bookings: winning to keeping, the return of the programme, claims to premiums."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api
from tests.api.tiers import TIERS

DAY = "2026-03-02"
ALERTS = """query ($at: Int64!, $on: Date) @asOf(at: {atLeast: $at}) {
  claimAlerts(on: $on) { customerId claims paidMinor premiumMinor lossRatio } }"""


async def booked(api: Api, kind: str, minor: int) -> int:
    return await api.done(
        "bookCost", bookingId=kind, kind=kind, amountMinor=minor, currency="EUR", day="2026-02-01"
    )


async def bought(api: Api, customer: str, minor: int, how: str = "recordPurchase") -> int:
    order = {"orderId": f"o-{customer}", "customerId": customer, "totalMinor": minor, "currency": "EUR"}
    return await api.done(how, **order, items=1, occurredAt="2026-02-10T09:00:00Z")


async def claimed(api: Api, customer: str, number: int, paid: int) -> int:
    claim = {"claimId": f"{customer}-{number}", "currency": "EUR"}
    await api.done("makeClaim", **claim, customerId=customer, amountMinor=20_00, reason="broken")
    return await api.done("payClaim", **claim, paidMinor=paid)


async def test_winning_a_customer_costs_five_times_as_much_as_keeping_one(api: Api) -> None:
    policy = {"policyVersion": "p", "effectiveFrom": "2026-01-01", "currency": "EUR", "windowDays": 365}
    await api.done("publishTierPolicy", **policy, rules=TIERS, occurredAt="2026-01-01T09:00:00Z")
    for customer in ("a", "b", "c", "d"):
        await api.done("registerCustomer", customerId=customer, occurredAt="2026-01-05T09:00:00Z")
    for customer in ("a", "b"):
        await bought(api, customer, 50_00)
    await booked(api, "WINNING", 100_00)
    await booked(api, "KEEPING", 20_00)
    ended = await api.done("endDay", day="2026-02-28", occurredAt=f"{DAY}T00:00:00Z")

    ratio = """query ($at: Int64!) @asOf(at: {atLeast: $at}) { acquisitionCostRatio {
      won costOfWinningMinor kept costOfKeepingMinor ratio } }"""
    assert (await api.ask(ratio, at=ended))["acquisitionCostRatio"] == [
        {"won": 2, "costOfWinningMinor": 50_00, "kept": 2, "costOfKeepingMinor": 10_00, "ratio": 5}
    ]


async def test_the_return_is_the_gain_and_what_would_have_been_lost_less_the_cost(api: Api) -> None:
    for kind, minor in (("GAIN", 55_00), ("FORGONE", 12_00), ("PROGRAMME", 40_00), ("SERVING", 99_00)):
        last = await booked(api, kind, minor)

    returned = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
      crmReturn { returnMinor percent } none: crmReturn(until: "2026-01-31") { returnMinor percent } }"""
    assert await api.ask(returned, at=last) == {
        "crmReturn": [{"returnMinor": 27_00, "percent": 67.5}],
        "none": [{"returnMinor": 0, "percent": None}],
    }


async def test_what_who_was_won_back_buys_is_a_gain_by_its_margin(api: Api) -> None:
    """A third of each order is margin; only those after the return count, less refunds."""
    policy = {"valueVersion": "v", "effectiveFrom": "2026-01-01", "marginPercent": 33}
    await api.done("publishValuePolicy", **policy, occurredAt="2026-01-01T09:00:00Z")
    await booked(api, "GAIN", 5_00)

    async def orders(id: str, customer: str, day: str, minor: int) -> None:
        order = {"orderId": id, "customerId": customer, "totalMinor": minor, "currency": "EUR", "items": 1}
        await api.done("recordPurchase", **order, occurredAt=f"2026-{day}T09:00:00Z")

    for customer in ("back", "gone", "stayed"):
        await api.done("registerCustomer", customerId=customer, occurredAt="2026-01-02T09:00:00Z")
        await orders(f"{customer}-1", customer, "01-30", 70_00)
    for customer in ("back", "gone"):
        left = {"customerId": customer, "cause": "OWN_FAULT", "occurredAt": "2026-01-31T09:00:00Z"}
        await api.done("endRelationship", **left)
    await api.done("winBackCustomer", customerId="back", offer="tea", occurredAt="2026-02-02T09:00:00Z")
    for customer in ("back", "stayed"):
        await orders(f"{customer}-2", customer, "02-03", 40_00)
        await orders(f"{customer}-3", customer, "03-03", 10_00)
    paid = {"orderId": "back-2", "refundId": "r", "amountMinor": 10_00, "currency": "EUR"}
    last = await api.done("payRefund", **paid, reason="broken")

    returned = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
      crmReturn { gainMinor wonBackMinor }
      february: crmReturn(since: "2026-02-01", until: "2026-02-28") { gainMinor wonBackMinor } }"""
    assert await api.ask(returned, at=last) == {
        "crmReturn": [{"gainMinor": 5_00 + 13_20, "wonBackMinor": 13_20}],
        "february": [{"gainMinor": 5_00 + 9_90, "wonBackMinor": 9_90}],
    }


async def test_who_claims_often_or_gets_too_much_of_what_they_pay_is_told_by_the_policy_of_the_day(
    api: Api,
) -> None:
    """Three claims, or half of the premium, until the policy of April says nine tenths."""
    for customer, paid in (("often", [1_00] * 3), ("much", [30_00]), ("little", [10_00])):
        await api.done("registerCustomer", customerId=customer, occurredAt="2026-01-05T09:00:00Z")
        await bought(api, customer, 50_00)
        for number, minor in enumerate(paid):
            await claimed(api, customer, number, minor)
    await api.done("publishValuePolicy", valueVersion="v", effectiveFrom="2026-04-01", lossPercent=90)
    march = await api.done("endDay", day="2026-03-31", occurredAt="2026-04-01T00:00:00Z")

    async def told(at: int, **on: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await api.ask(ALERTS, at=at, **on))["claimAlerts"]
        return rows

    often = {"customerId": "often", "claims": 3, "paidMinor": 3_00, "premiumMinor": 50_00, "lossRatio": 0.06}
    much = {"customerId": "much", "claims": 1, "paidMinor": 30_00, "premiumMinor": 50_00, "lossRatio": 0.6}
    assert await told(march) == [much, often]
    assert await told(march, on="2026-04-01") == [often]
    april = await api.done("endDay", day="2026-04-30", occurredAt="2026-05-01T00:00:00Z")
    assert await told(april) == [often]


async def test_an_order_of_nothing_is_paid(api: Api) -> None:
    await api.done("registerCustomer", customerId="c", occurredAt="2026-01-05T09:00:00Z")
    last = await bought(api, "c", 0, "placeOrder")

    cycle = "query ($at: Int64!) @asOf(at: {atLeast: $at}) { orderCycle { progress orders } }"
    assert (await api.ask(cycle, at=last))["orderCycle"] == [{"progress": "PAID", "orders": 1}]
