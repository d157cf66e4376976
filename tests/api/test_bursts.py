"""A day with more complaints of a category than the days before it let one expect is an alert."""

from __future__ import annotations

from tests.api.server import Api

RECEIVED = {"PRODUCT": (9, 0, 1, 4), "PRICE": (3, 3, 0, 0), "DELIVERY": (0, 0, 0, 2)}
"""Complaints on each of the first days of March."""
BURSTS = """query ($at: Int64!, $since: Date) @asOf(at: {atLeast: $at}) {
  complaintBursts(since: $since) { day category complaints mean normalTo crisisDeclared } }"""


async def test_a_burst_is_beyond_the_range_of_the_policys_days_before_and_no_trifle(api: Api) -> None:
    """The range of the 2 days before, 0 and 1 complaints, is 0.5 + 3 × 0.5."""
    await api.done("publishServicePolicy", serviceVersion="s", effectiveFrom="2026-01-01", burstDays=2)
    await api.done("registerCustomer", customerId="c", occurredAt="2026-02-01T09:00:00Z")
    for day in range(4):
        for category, numbers in RECEIVED.items():
            for number in range(numbers[day]):
                await api.done(
                    "receiveComplaint",
                    complaintId=f"{category}-{day}-{number}",
                    customerId="c",
                    category=category,
                    text="broken",
                    occurredAt=f"2026-03-0{day + 1}T09:00:00Z",
                )
        ended = await api.done(
            "endDay", day=f"2026-03-0{day + 1}", occurredAt=f"2026-03-0{day + 2}T00:00:00Z"
        )

    burst = {"day": "2026-03-04", "category": "PRODUCT", "complaints": 4, "mean": 0.5, "normalTo": 2}
    assert (await api.ask(BURSTS, at=ended))["complaintBursts"] == [{**burst, "crisisDeclared": False}]
    assert (await api.ask(BURSTS, at=ended, since="2026-03-05"))["complaintBursts"] == []
    crisis = {"crisisId": "z", "category": "PRODUCT", "reason": "a burst", "escalatedTo": "chief"}
    declared = await api.done("declareCrisis", **crisis, occurredAt="2026-03-05T09:00:00Z")
    assert (await api.ask(BURSTS, at=declared))["complaintBursts"] == [{**burst, "crisisDeclared": True}]
