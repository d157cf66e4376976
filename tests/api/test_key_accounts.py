"""Promises by what a customer is worth: deadlines of complaints by tier, always open to key accounts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.server import Api
from tests.api.tiers import TIERS

RULES = [
    {"tier": "PLATINUM", "severity": "CRITICAL", "minutes": 30, "aroundTheClock": True},
    {"tier": "PLATINUM", "minutes": 60},
    {"severity": "CRITICAL", "minutes": 120},
]
MONDAY, SATURDAY = "2026-03-02", "2026-03-07"
MORNING = "2026-03-09T09:05:00Z"


@pytest.fixture
async def valued(api: Api) -> Api:
    """`best` is platinum since 1 March, `plain` is lead; `new` came after that and was never valued."""
    await api.done(
        "publishTierPolicy",
        policyVersion="p",
        effectiveFrom="2026-01-01",
        currency="EUR",
        windowDays=365,
        rules=TIERS,
        cadence="DAY",
        occurredAt="2026-02-01T09:00:00Z",
    )
    for id in ("best", "plain"):
        await api.done("registerCustomer", customerId=id, occurredAt="2026-02-01T09:00:00Z")
    order = {"orderId": "o", "customerId": "best", "totalMinor": 200_00, "currency": "EUR", "items": 1}
    await api.done("recordPurchase", **order, occurredAt="2026-02-10T09:00:00Z")
    await api.done("endDay", day="2026-03-01", occurredAt="2026-03-02T08:00:00Z")
    await api.done("registerCustomer", customerId="new", occurredAt="2026-03-02T08:30:00Z")
    return api


async def complain(api: Api, customer: str, time: str) -> dict[str, Any]:
    """The complaint, as the mutation answers with it at once."""
    data = await api.ask(
        """mutation ($input: ReceiveComplaintInput!) { receiveComplaint(input: $input) {
             errors { message } complaint { tier dueAt allowedMinutes aroundTheClock } } }""",
        input={
            "complaintId": f"{customer}-{time}",
            "customerId": customer,
            "category": "PRODUCT",
            "text": "broken",
            "occurredAt": time,
        },
    )
    return dict(data["receiveComplaint"]["complaint"])


async def test_a_complaint_is_due_by_the_tier_its_customer_had_when_it_was_received(valued: Api) -> None:
    deadlines = {"deadlinesVersion": "d", "effectiveFrom": "2026-01-01", "defaultMinutes": 240}
    await valued.done("publishDeadlines", **deadlines, rules=RULES)

    found = {id: await complain(valued, id, f"{MONDAY}T09:00:00Z") for id in ("best", "plain", "new")}

    assert {id: (row["tier"], row["dueAt"]) for id, row in found.items()} == {
        "best": ("PLATINUM", f"{MONDAY}T10:00:00+00:00"),
        "plain": ("LEAD", f"{MONDAY}T13:00:00+00:00"),
        "new": (None, f"{MONDAY}T13:00:00+00:00"),
    }
    seen = await valued.ask(
        """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
             complaints { nodes { customerId tier dueAt } } complaintDeadlines { nodes { rules } } }""",
        at=await valued.tenant.log.head(),
    )
    assert {row["customerId"]: (row["tier"], row["dueAt"]) for row in seen["complaints"]["nodes"]} == {
        id: (row["tier"], row["dueAt"]) for id, row in found.items()
    }
    assert seen["complaintDeadlines"]["nodes"] == [
        {
            "rules": [
                "critical from platinum: 30 minutes night and day",
                "any severity from platinum: 60 working minutes",
                "critical: 120 working minutes",
            ]
        }
    ]


async def test_once_assessed_tier_and_severity_decide_together_and_later_tiers_change_nothing(
    valued: Api,
) -> None:
    deadlines = {"deadlinesVersion": "d", "effectiveFrom": "2026-01-01", "defaultMinutes": 240}
    await valued.done("publishDeadlines", **deadlines, rules=RULES)
    night = f"{SATURDAY}T22:00:00Z"
    for id in ("best", "plain"):
        await complain(valued, id, night)
    await valued.done(
        "payRefund", refundId="r", orderId="o", amountMinor=200_00, currency="EUR", reason="broken"
    )
    await valued.done("endDay", day="2026-03-08", occurredAt="2026-03-09T08:00:00Z")
    for id in ("best", "plain"):
        assessed = await valued.done(
            "assessComplaint",
            complaintId=f"{id}-{night}",
            severity="CRITICAL",
            occurredAt="2026-03-09T08:30:00Z",
        )

    seen = await valued.ask(
        """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
             complaints { nodes { customerId tier dueAt aroundTheClock } }
             customer(customerId: "best") { value { tier } } }""",
        at=assessed,
    )

    assert seen["customer"]["value"]["tier"] == "LEAD"
    assert {row["customerId"]: row for row in seen["complaints"]["nodes"]} == {
        "best": {
            "customerId": "best",
            "tier": "PLATINUM",
            "dueAt": f"{SATURDAY}T22:30:00+00:00",
            "aroundTheClock": True,
        },
        "plain": {
            "customerId": "plain",
            "tier": "LEAD",
            "dueAt": "2026-03-09T11:00:00+00:00",
            "aroundTheClock": False,
        },
    }


async def test_we_are_always_open_to_key_accounts_and_their_desk_sees_whether_we_were(valued: Api) -> None:
    call = {"channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "tea"}
    for id in ("best", "plain"):
        interaction = {"interactionId": id, "customerId": id, **call}
        await valued.done("recordInteraction", **interaction, occurredAt=f"{SATURDAY}T22:00:00Z")
        await valued.done("resolveInteraction", interactionId=id, withinRemit=True, occurredAt=MORNING)
    ours = {
        **call,
        "interactionId": "greeting",
        "customerId": "best",
        "direction": "OUTBOUND",
        "stage": "BEFORE",
    }
    await valued.done("recordInteraction", **ours, occurredAt=f"{SATURDAY}T22:00:00Z")
    await valued.done("resolveInteraction", interactionId="greeting", withinRemit=True, occurredAt=MORNING)
    ended = await valued.done("endDay", day="2026-03-09", occurredAt="2026-03-10T08:00:00Z")

    seen = await valued.ask(
        """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
             ours: interactions(filter: {direction: {eq: OUTBOUND}}) { nodes { answeredLate } }
             needsSurvey { need }
             supervision { figure value }
             interactions(filter: {direction: {eq: INBOUND}}) {
               nodes { customerId dueAt aroundTheClock answeredLate workingMinutes } }
             keyAccountDesk { customerId queries answeredLate } }""",
        at=ended,
    )

    assert {row.pop("customerId"): row for row in seen["interactions"]["nodes"]} == {
        "best": {
            "dueAt": f"{SATURDAY}T22:10:00+00:00",
            "aroundTheClock": True,
            "answeredLate": True,
            "workingMinutes": 2105,
        },
        "plain": {
            "dueAt": "2026-03-09T09:10:00+00:00",
            "aroundTheClock": False,
            "answeredLate": False,
            "workingMinutes": 5,
        },
    }
    assert seen["keyAccountDesk"] == [{"customerId": "best", "queries": 1, "answeredLate": 1}]
    assert seen["ours"]["nodes"] == [{"answeredLate": False}], "nobody waited for a greeting"
    assert seen["needsSurvey"] == [], "nor was it the customer's need"
    assert {"figure": "answered in time", "value": 50} in seen["supervision"]
