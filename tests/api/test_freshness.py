"""A field of a profile that nobody confirmed for too long is stale, until it is confirmed or said anew."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api

STALE = """query ($at: Int64!, $on: Date) @asOf(at: {atLeast: $at}) {
  staleFacts(on: $on) { customerId field confirmedAt days } }"""


async def test_what_nobody_confirmed_for_the_policys_days_is_stale_until_it_is_confirmed(api: Api) -> None:
    async def stale(at: int, **on: Any) -> list[tuple[str, str, int]]:
        rows = (await api.ask(STALE, at=at, **on))["staleFacts"]
        return [(row["customerId"], row["field"], row["days"]) for row in rows]

    await api.done("publishServicePolicy", serviceVersion="s", effectiveFrom="2026-01-01", staleDays=60)
    for customer, day in (("old", "2026-01-30"), ("new", "2026-01-31"), ("gone", "2026-01-30")):
        told = {"customerId": customer, "name": customer, "region": "north"}
        await api.done("registerCustomer", **told, occurredAt=f"{day}T09:00:00Z")
    gone = {"customerId": "gone", "occurredAt": "2026-02-01T09:00:00Z"}
    await api.done("endRelationship", **gone, cause="NATURAL")
    at = await api.done("endDay", day="2026-03-31", occurredAt="2026-04-01T00:00:00Z")

    old = [("old", "name", 60), ("old", "region", 60)]
    assert await stale(at) == old
    assert await stale(at, on="2026-03-30") == []
    later = {"customerId": "old", "occurredAt": "2026-03-31T09:00:00Z"}
    at = await api.done("confirmProfile", **later, fields=["name"])
    assert await stale(at) == old[1:]
    at = await api.done("changeProfile", **later, region="south")
    assert await stale(at) == []
    assert await stale(at, on="2026-04-01") == [("new", "name", 60), ("new", "region", 60)]
