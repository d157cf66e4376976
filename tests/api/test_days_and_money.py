"""Days are the calendar's, wherever the clock stands; only money in the tier policy's currency adds up."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api
from tests.api.tiers import TIERS

HOURS = [[{"opens": 9 * 60, "closes": 17 * 60}]] * 7
SHANGHAI = {
    "calendarVersion": "c",
    "effectiveFrom": "2026-01-01",
    "timeZone": "Asia/Shanghai",
    "hours": HOURS,
}
YUAN = {
    "policyVersion": "p",
    "effectiveFrom": "2026-01-01",
    "currency": "CNY",
    "windowDays": 365,
    "rules": TIERS,
}
"""Shanghai is eight hours ahead: its second of March began on the first, at four in the afternoon of UTC."""


async def test_a_day_begins_when_it_begins_in_the_calendars_zone(api: Api) -> None:
    await api.done("publishCalendar", **SHANGHAI)
    await api.done("registerCustomer", customerId="c", occurredAt="2026-03-01T15:59:00Z")
    contact = {"channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "tea"}
    said = {"category": "PRODUCT", "text": "broken"}
    bought = {"customerId": "c", "totalMinor": 100, "currency": "CNY", "items": 1}
    for number, time in enumerate(("2026-03-01T15:59:00Z", "2026-03-01T16:00:00Z", "2026-03-02T15:59:00Z")):
        about = {"customerId": "c", "occurredAt": time}
        await api.done("recordInteraction", interactionId=f"i{number}", **about, **contact)
        await api.done("receiveComplaint", complaintId=f"k{number}", **about, **said)
        await api.done("recordPurchase", orderId=f"o{number}", occurredAt=time, **bought)
        at = await api.done(
            "scoreQuality",
            scoreId=f"q{number}",
            member="mei",
            items=[{"item": "greeting", "percent": 20 * number}],
            occurredAt=time,
        )

    asked = """query ($at: Int64!, $day: Date!) @asOf(at: {atLeast: $at}) {
      supervision(since: $day, until: $day) { figure value }
      complaintStatistics(since: $day, until: $day) { received }
      orderCycle(since: $day, until: $day) { orders }
      serviceLevels(since: $day, until: $day) { hour contacts } }"""
    first, second = [await api.ask(asked, at=at, day=day) for day in ("2026-03-01", "2026-03-02")]

    def figures(told: dict[str, Any]) -> list[float]:
        by_name = {row["figure"]: row["value"] for row in told["supervision"]}
        return [by_name[name] for name in ("contacts", "complaints", "orders", "customers won")]

    assert [figures(first), figures(second)] == [[1, 1, 1, 1], [2, 2, 2, 0]]
    quality = [
        row["value"] for told in (first, second) for row in told["supervision"] if "quality" in row["figure"]
    ]
    assert quality == [0, 30]
    assert [first["complaintStatistics"], first["orderCycle"]] == [[{"received": 1}], [{"orders": 1}]]
    assert [second["complaintStatistics"], second["orderCycle"]] == [[{"received": 2}], [{"orders": 2}]]
    assert first["serviceLevels"] == [{"hour": 23, "contacts": 1}]
    assert second["serviceLevels"] == [{"hour": 0, "contacts": 1}, {"hour": 23, "contacts": 1}]


async def test_amounts_in_other_currencies_than_the_tier_policys_are_left_out(api: Api) -> None:
    await api.done("registerCustomer", customerId="top")
    await api.done("registerCustomer", customerId="c")
    await api.done("assignParent", customerId="c", parentId="top")
    await api.done("assignOwner", customerId="c", owner="li")
    for currency, minor in (("CNY", 300_00), ("EUR", 40_00)):
        order = {"orderId": f"o-{currency}", "customerId": "c", "totalMinor": minor, "currency": currency}
        await api.done("recordPurchase", **order, items=1)
        deal = {"opportunityId": f"d-{currency}", "customerId": "c", "title": "tea", "percent": 50}
        await api.done("openOpportunity", **deal, amountMinor=minor, currency=currency)
        claim = {"claimId": f"k-{currency}", "currency": currency}
        await api.done("makeClaim", **claim, customerId="c", amountMinor=minor, reason="broken")
        await api.done("payClaim", **claim, paidMinor=minor // 2)
        for kind in ("GAIN", "PROGRAMME"):
            cost = {
                "bookingId": f"{kind}-{currency}",
                "kind": kind,
                "amountMinor": minor,
                "day": "2026-03-01",
            }
            mixed = await api.done("bookCost", **cost, currency=currency)
    apart = await api.done("publishTierPolicy", **YUAN)

    asked = """query ($at: AsOf!) @asOf(at: $at) {
      groupRollup { spentMinor orderCount } singleView(customerId: "c") { spentMinor }
      ownerPerformance { spentMinor } crmReturn { gainMinor costMinor } orderCycle { orders totalMinor }
      salesFunnel { step number amountMinor expectedMinor } opportunityFunnel { opportunities amountMinor }
      claimAlerts { claims paidMinor premiumMinor lossRatio } fiveIndicators { sellingPowerMinor } }"""

    def told(minor: int, claims: int) -> dict[str, Any]:
        deals = {"step": "opportunity: need", "number": 2, "amountMinor": minor}
        orders = {"step": "order: paid", "number": 2, "amountMinor": minor, "expectedMinor": 0}
        alert = {"claims": claims, "paidMinor": minor // 2, "premiumMinor": minor, "lossRatio": 0.5}
        return {
            "groupRollup": [{"spentMinor": minor, "orderCount": 2}],
            "singleView": [{"spentMinor": minor}],
            "ownerPerformance": [{"spentMinor": minor}],
            "crmReturn": [{"gainMinor": minor, "costMinor": minor}],
            "orderCycle": [{"orders": 2, "totalMinor": minor}],
            "salesFunnel": [{**deals, "expectedMinor": minor // 2}, orders],
            "opportunityFunnel": [{"opportunities": 2, "amountMinor": minor}],
            "claimAlerts": [alert],
            "fiveIndicators": [{"sellingPowerMinor": minor}],
        }

    assert await api.ask(asked, at={"atLeast": apart}) == told(300_00, 1)
    assert await api.ask(asked, at={"position": mixed}) == told(340_00, 2)


async def test_a_campaign_is_judged_once_the_days_after_it_have_passed(api: Api) -> None:
    await api.done("publishCalendar", **SHANGHAI)
    await api.done("publishServicePolicy", serviceVersion="s", effectiveFrom="2026-01-01", effectDays=2)
    campaign = {"campaignId": "m", "kind": "MAILING", "title": "tea", "segment": "all", "on": "2026-03-03"}
    await api.done("planCampaign", **campaign, occurredAt="2026-02-01T00:00:00Z")
    for customer in ("guest", "other"):
        about = {"customerId": customer, "occurredAt": "2026-02-02T00:00:00Z"}
        await api.done("registerCustomer", **about)
        await api.done("inviteCustomer", campaignId="m", **about)
    came = {"campaignId": "m", "customerId": "guest", "answer": "ATTENDED"}
    await api.done("answerCampaign", **came, occurredAt="2026-03-03T04:00:00Z")
    bought = {"totalMinor": 100, "currency": "CNY", "items": 1}
    for customer, times in {
        "guest": (
            "2026-03-02T15:59:00Z",
            "2026-03-02T16:00:00Z",
            "2026-03-04T15:59:00Z",
            "2026-03-04T16:00:00Z",
        ),
        "other": ("2026-02-28T15:59:00Z", "2026-02-28T16:00:00Z"),
    }.items():
        for time in times:
            order = {"orderId": f"o-{customer}-{time}", "customerId": customer}
            await api.done("recordPurchase", **order, **bought, occurredAt=time)
    early = await api.done("endDay", day="2026-03-03", occurredAt="2026-03-04T00:00:00Z")
    due = await api.done("endDay", day="2026-03-04", occurredAt="2026-03-05T00:00:00Z")

    asked = """query ($at: AsOf!) @asOf(at: $at) {
      campaignEffects { campaign guests customers ordersBefore ordersAfter } }"""
    assert (await api.ask(asked, at={"atLeast": due}))["campaignEffects"] == [
        {"campaign": "m", "guests": "took part", "customers": 1, "ordersBefore": 1, "ordersAfter": 2},
        {"campaign": "m", "guests": "did not", "customers": 1, "ordersBefore": 1, "ordersAfter": 0},
    ]
    assert (await api.ask(asked, at={"position": early}))["campaignEffects"] == []


async def test_complaints_are_set_against_the_customers_whom_we_had_then(api: Api) -> None:
    """One stays, one leaves in February, one comes in April."""
    for customer, day in (("stays", "02-01"), ("leaves", "02-01"), ("comes", "04-01")):
        await api.done("registerCustomer", customerId=customer, occurredAt=f"2026-{day}T09:00:00Z")
    gone = {"customerId": "leaves", "cause": "NATURAL", "occurredAt": "2026-02-10T09:00:00Z"}
    await api.done("endRelationship", **gone)
    about = {"category": "PRODUCT", "text": "broken", "occurredAt": "2026-03-05T09:00:00Z"}
    await api.done("receiveComplaint", complaintId="k", customerId="stays", **about)
    at = await api.done("endDay", day="2026-04-30", occurredAt="2026-05-01T12:00:00Z")

    asked = """query ($at: Int64!, $since: Date, $until: Date) @asOf(at: {atLeast: $at}) {
      complaintStatistics(since: $since, until: $until) { per10000Customers }
      fiveIndicators(since: $since, until: $until) { complaintsPer10000 } }"""
    march = await api.ask(asked, at=at, since="2026-03-01", until="2026-03-31")
    spring = await api.ask(asked, at=at, since="2026-02-01", until="2026-04-30")
    assert march["complaintStatistics"] == [{"per10000Customers": 10_000}]
    assert march["fiveIndicators"] == [{"complaintsPer10000": 10_000}]
    assert spring["complaintStatistics"] == [{"per10000Customers": 10_000 / 3}]
    months = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
      complaintRates(filter: {category: {eq: "*"}, region: {eq: "*"}}) { nodes { month customers } } }"""
    rates = (await api.ask(months, at=at))["complaintRates"]["nodes"]
    assert {row["month"]: row["customers"] for row in rates} == {
        "2026-02-01": 2,
        "2026-03-01": 1,
        "2026-04-01": 2,
    }
