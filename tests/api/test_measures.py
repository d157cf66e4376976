"""What a measure did to the complaint rate: as many days before it as after it, by the service policy."""

from __future__ import annotations

from tests.api.server import Api

EFFECTS = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  measureEffects { measureId rootCause status day rateBefore rateAfter } }"""
PLAN = {"rootCause": "packing", "category": "DELIVERY", "title": "Stronger boxes", "member": "li"}
BEFORE, AFTER, OUTSIDE = ("03-10", "03-15", "03-19"), ("03-20", "03-29"), ("03-09", "03-30")
"""Days of complaints around a measure that is done on the twentieth and judged by ten days."""


async def test_the_rate_counts_complaints_of_the_category_in_as_many_days_before_as_after(api: Api) -> None:
    await api.done("publishServicePolicy", serviceVersion="s", effectiveFrom="2026-01-01", effectDays=10)
    for customer in "abcd":
        await api.done("registerCustomer", customerId=customer, occurredAt="2026-01-05T09:00:00Z")
    received = [("DELIVERY", day) for day in (*BEFORE, *AFTER, *OUTSIDE)] + [("PRICE", "03-18")]
    for number, (category, day) in enumerate(received):
        complaint = {"complaintId": f"{number}", "customerId": "a", "category": category, "text": "broken"}
        await api.done("receiveComplaint", **complaint, occurredAt=f"2026-{day}T09:00:00Z")
    for measure in ("boxes", "not-done"):
        plan = {**PLAN, "dueOn": "2026-03-31", "occurredAt": "2026-03-16T09:00:00Z"}
        await api.done("planMeasure", measureId=measure, **plan)
    done = await api.done("finishMeasure", measureId="boxes", occurredAt="2026-03-20T15:00:00Z")

    effect = {
        "measureId": "boxes", "rootCause": "packing", "status": "done", "day": "2026-03-20",
        "rateBefore": 7_500, "rateAfter": 5_000,
    }  # fmt: skip
    assert (await api.ask(EFFECTS, at=done))["measureEffects"] == [effect]
    await api.done("checkMeasure", measureId="boxes", note="a third fewer")
    kept = await api.done("keepMeasure", measureId="boxes")
    assert (await api.ask(EFFECTS, at=kept))["measureEffects"] == [{**effect, "status": "kept"}]
