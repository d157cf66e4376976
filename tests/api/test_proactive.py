"""Whom we approach of our own accord: nothing is spent on who costs more than they bring."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.api.server import Api
from tests.api.tiers import TIERS

DAY = date(2026, 6, 30)
ASKED = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  careOccasions(on: "2026-06-30") { customerId occasion tier gesture }
  churnWatch { customerId reasons }
  supervision { figure value } campaigns { nodes { learned } } }"""


def ago(days: int) -> str:
    return f"{DAY - timedelta(days=days)}T09:00:00Z"


async def asked(api: Api) -> dict[str, Any]:
    """The answers once the day has ended, at a month's end."""
    ended = await api.done("endDay", day=f"{DAY}", occurredAt="2026-07-02T00:00:00Z")
    return await api.ask(ASKED, at=ended)


async def bought(api: Api, customer: str, days: int, minor: int = 200_00) -> None:
    order = {"orderId": f"{customer}-{days}", "customerId": customer, "totalMinor": minor, "currency": "EUR"}
    await api.done("recordPurchase", **order, items=1, occurredAt=ago(days))


async def test_care_for_who_is_unprofitable_costs_nothing(api: Api) -> None:
    policy = {"policyVersion": "p", "effectiveFrom": "2025-01-01", "currency": "EUR", "windowDays": 365}
    await api.done("publishTierPolicy", **policy, rules=TIERS)
    for id in ("dear", "fine"):
        await api.done("registerCustomer", customerId=id, birthday="1980-07-03", occurredAt=ago(300))
        await bought(api, id, 30)
    cost = {
        "bookingId": "b",
        "kind": "SERVING",
        "amountMinor": 100_00,
        "currency": "EUR",
        "day": "2026-06-01",
    }
    await api.done("bookCost", **cost, customerId="dear")

    occasions = (await asked(api))["careOccasions"]

    assert {row["customerId"]: row["gesture"] for row in occasions} == {
        "dear": "a message",
        "fine": "a visit with a gift",
    }
    assert {row["tier"] for row in occasions} == {"platinum"}


async def test_the_churn_watch_tells_that_orders_became_fewer(api: Api) -> None:
    """Six orders in a month, one a year later, and then none for five months."""
    await api.done("registerCustomer", customerId="c", occurredAt=ago(501))
    for days in (500, 495, 490, 485, 480, 475, 150):
        await bought(api, "c", days)

    [watched] = (await asked(api))["churnWatch"]

    assert watched["reasons"] == [
        "silent for 257 % of the usual interval",
        "orders a half-year fell from 6 to 1",
    ]


async def test_calls_that_rang_too_long_and_what_a_campaign_taught_are_told(api: Api) -> None:
    await api.done("registerCustomer", customerId="c", occurredAt=ago(10))
    call = {"channel": "PHONE", "direction": "INBOUND", "stage": "BEFORE", "topic": "tea"}
    for rings in (2, 3, 4, 9):
        await api.done(
            "recordInteraction",
            interactionId=f"i{rings}",
            customerId="c",
            **call,
            rings=rings,
            occurredAt=ago(5),
        )
    fair = {"campaignId": "f", "kind": "FAIR", "title": "tea", "segment": "shops", "on": "2026-06-20"}
    await api.done("planCampaign", **fair, occurredAt=ago(20))
    await api.done(
        "closeCampaign", campaignId="f", costMinor=1, currency="EUR", note="come early", occurredAt=ago(9)
    )

    data = await asked(api)

    figures = {row["figure"]: row["value"] for row in data["supervision"]}
    assert figures["calls answered after few enough rings"] == 50
    assert data["campaigns"]["nodes"] == [{"learned": "come early"}]


async def test_before_a_holiday_those_who_have_an_account_manager_are_thought_of_once(api: Api) -> None:
    """Closed from 3 to 5 July, and again in October; greeted on the eve, nobody is greeted again in July."""
    closed = ["2026-07-03", "2026-07-04", "2026-07-05", "2026-10-01"]
    week = {"hours": [[{"opens": 540, "closes": 1020}]] * 7, "timeZone": "Asia/Shanghai", "holidays": closed}
    await api.done("publishCalendar", calendarVersion="c", effectiveFrom="2026-01-01", **week)
    for id in ("kept", "met", "alone"):
        await api.done("registerCustomer", customerId=id, occurredAt=ago(100))
    for id in ("kept", "met"):
        await api.done("assignOwner", customerId=id, owner="mei")
    await api.done("giveCare", customerId="met", occasion="holiday", gesture="a card", occurredAt=ago(0))

    occasions = (await asked(api))["careOccasions"]
    calendars = await api.ask("{ calendars { nodes { calendarVersion timeZone holidays } } }")

    assert occasions == [{"customerId": "kept", "occasion": "holiday", "tier": None, "gesture": "a message"}]
    assert calendars["calendars"]["nodes"] == [
        {"calendarVersion": "c", "timeZone": "Asia/Shanghai", "holidays": closed}
    ]
