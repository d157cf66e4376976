"""Who should take a contact now: the owner, then skill and language, less a full desk, with the reasons."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.server import Api
from tests.api.tiers import TIERS

BOUGHT = {"orderId": "o", "customerId": "best", "totalMinor": 200_00, "currency": "EUR", "items": 1}
CALL = {"channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "tea"}
ROUTING = """query ($at: Int64!, $who: String!, $skill: String) @asOf(at: {atLeast: $at}) {
  routing(customerId: $who, skill: $skill) { member score reasons } }"""


@pytest.fixture
async def desk(api: Api) -> tuple[Api, int]:
    """`mei` owns both customers; `li` knows tea, and half of his desk is full; `tom` speaks Chinese."""
    policy = {"policyVersion": "p", "effectiveFrom": "2026-01-01", "currency": "EUR", "windowDays": 365}
    await api.done(
        "publishTierPolicy", **policy, cadence="DAY", rules=TIERS, occurredAt="2026-01-01T09:00:00Z"
    )
    for member, skills, languages in (("mei", [], []), ("li", ["tea"], []), ("tom", [], ["zh"])):
        known = {"skills": skills, "languages": languages, "capacity": 2}
        await api.done("enterStaff", member=member, department="service", post="agent", **known)
    await api.done("enterStaff", member="gone", department="service", post="agent", skills=["tea"])
    await api.done("noteStaffLeft", member="gone", reason="retired")
    for customer in ("best", "plain"):
        opened = {"customerId": customer, "language": "zh", "occurredAt": "2026-02-01T09:00:00Z"}
        await api.done("registerCustomer", **opened)
        await api.done("assignOwner", customerId=customer, owner="mei")
    await api.done("recordPurchase", **BOUGHT, occurredAt="2026-02-10T09:00:00Z")
    await api.done("recordInteraction", interactionId="i", customerId="plain", **CALL)
    await api.done("handOverInteraction", interactionId="i", taker="li", reason="tea")
    return api, await api.done("endDay", day="2026-03-01", occurredAt="2026-03-02T08:00:00Z")


async def routed(desk: tuple[Api, int], who: str, skill: str | None = None) -> dict[str, Any]:
    """The scores and reasons, best first."""
    api, at = desk
    rows = (await api.ask(ROUTING, at=at, who=who, skill=skill))["routing"]
    assert rows == sorted(rows, key=lambda row: -row["score"])
    return {row["member"]: (row["score"], row["reasons"]) for row in rows}


async def test_the_owner_then_skill_and_language_less_a_full_desk(desk: tuple[Api, int]) -> None:
    assert await routed(desk, "plain", "tea") == {
        "mei": (4, ["owns the customer", "0 of 2 contacts open"]),
        "tom": (2, ["speaks the language", "0 of 2 contacts open"]),
        "li": (1.5, ["knows the topic", "1 of 2 contacts open"]),
    }


async def test_for_the_best_tiers_a_full_desk_counts_half(desk: tuple[Api, int]) -> None:
    score, reasons = (await routed(desk, "best", "tea"))["li"]
    assert score == 1.75
    assert "the customer comes first: a full desk counts half" in reasons


async def test_nobody_is_given_more_than_they_can_bear_but_the_owner(desk: tuple[Api, int]) -> None:
    api, _ = desk
    for number in range(3):
        await api.done("recordInteraction", interactionId=f"{number}", customerId="plain", **CALL)
    at = await api.done("handOverInteraction", interactionId="0", taker="li", reason="tea")
    assert set(await routed((api, at), "plain", "tea")) == {"mei", "tom"}
