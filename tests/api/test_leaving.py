"""Who leaves, and comes back: every break keeps its cause, and a life ends when all is settled."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api

BREAKS = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  winBacks { cause offers backAt outcome }
  departures(orderBy: [{by: POSITION}]) { nodes { cause reason leftAt } } }"""
STAGE = """query ($at: Int64!) @asOf(at: {atLeast: $at}) { customerClass(customerId: "c") { fiveStage } }"""


def on(day: str, **input: Any) -> dict[str, Any]:
    return {"customerId": "c", "occurredAt": f"{day}T09:00:00Z", **input}


async def test_each_break_has_its_own_cause_offers_and_outcome(api: Api) -> None:
    await api.done("registerCustomer", **on("2026-01-01"))
    await api.done("endRelationship", **on("2026-01-05", cause="OWN_FAULT", reason="no tea"))
    await api.done("offerWinBack", **on("2026-01-06", offer="much tea"))
    await api.done("winBackCustomer", **on("2026-01-07", offer="much tea"))
    left = await api.done("endRelationship", **on("2026-02-05", cause="COMPETITION"))

    untried = await api.ask(BREAKS, at=left)
    offered = await api.ask(BREAKS, at=await api.done("offerWinBack", **on("2026-02-06", offer="cake")))

    first = {"cause": "OWN_FAULT", "offers": ["much tea"], "outcome": "won back"}
    back = {**first, "backAt": "2026-01-07T09:00:00+00:00"}
    second = {"cause": "COMPETITION", "backAt": None}
    assert untried["winBacks"] == [{**second, "offers": None, "outcome": "not tried"}, back]
    assert offered["winBacks"] == [{**second, "offers": ["cake"], "outcome": "offered"}, back]
    assert offered["departures"]["nodes"] == [
        {"cause": "OWN_FAULT", "reason": "no tea", "leftAt": "2026-01-05T09:00:00+00:00"},
        {"cause": "COMPETITION", "reason": None, "leftAt": "2026-02-05T09:00:00+00:00"},
    ]


async def test_a_life_has_not_ended_while_a_contact_a_promise_or_a_contract_is_open(api: Api) -> None:
    async def stage(month: str, day: str) -> str:
        """The stage of life at the month's end."""
        ended = await api.done("endDay", day=day, occurredAt=f"2026-{month}-03T00:00:00Z")
        found: str = (await api.ask(STAGE, at=ended))["customerClass"]["fiveStage"]
        return found

    await api.done("registerCustomer", **on("2026-01-01"))
    contact = {"channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "leaving"}
    await api.done("recordInteraction", **on("2026-01-02", interactionId="i", **contact))
    await api.done(
        "makeCommitment",
        **on("2026-01-02", commitmentId="p", kind="install", promisedAt="2026-01-20T09:00:00Z"),
    )
    await api.done(
        "startSubscription", **on("2026-01-02", subscriptionId="s", product="tea", endsOn="2026-04-15")
    )
    await api.done("endRelationship", **on("2026-01-05", cause="NATURAL"))

    assert await stage("02", "2026-01-31") == "PROSPECT"
    await api.done(
        "resolveInteraction", interactionId="i", withinRemit=True, occurredAt="2026-02-04T09:00:00Z"
    )
    assert await stage("03", "2026-02-28") == "PROSPECT"
    await api.done("keepCommitment", commitmentId="p", occurredAt="2026-03-04T09:00:00Z")
    assert await stage("04", "2026-03-31") == "PROSPECT"
    assert await stage("05", "2026-04-30") == "ENDED"
