"""How well departments and people serve: every contact, call and checklist counts once, whoever had it."""

from __future__ import annotations

from tests.api.server import Api

KPIS = """query ($at: Int64!) @asOf(at: {atLeast: $at}) { serviceKpis {
  department post outsourced members contacts resolved firstContactRate lateRate workingMinutes rings
  qualityPercent } }"""
CALL = {"customerId": "c", "channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "tea"}
MONDAY = "2026-03-02T"


async def test_averages_are_of_contacts_calls_and_checklists_not_of_people(api: Api) -> None:
    """`li` finishes three calls, in 4, 6 and 20 minutes; `tom` one in 50, and one not yet."""
    await api.done("registerCustomer", customerId="c", occurredAt="2026-03-01T09:00:00Z")
    for member in ("li", "tom"):
        await api.done("enterStaff", member=member, department="service", post="agent")
    partner = {"department": "service", "post": "agent", "outsourced": True}
    await api.done("enterStaff", member="partner", **partner)
    calls: dict[str, list[tuple[int, str, str | None]]] = {
        "li": [(1, "10:00", "10:04"), (1, "11:00", "11:06"), (1, "12:00", "12:20")],
        "tom": [(5, "10:00", "10:50"), (7, "11:00", None)],
    }
    for member, taken in calls.items():
        api.client.headers["x-kehu-actor"] = member
        for rings, begun, finished in taken:
            call = f"{member}-{begun}"
            at = f"{MONDAY}{begun}:00Z"
            await api.done("recordInteraction", interactionId=call, **CALL, rings=rings, occurredAt=at)
            if finished:
                at = f"{MONDAY}{finished}:00Z"
                await api.done("resolveInteraction", interactionId=call, withinRemit=True, occurredAt=at)
    for number, (member, percent) in enumerate([("li", 90), ("li", 80), ("tom", 40)]):
        items = [{"item": "greeting", "percent": percent}]
        last = await api.done("scoreQuality", scoreId=f"{number}", member=member, items=items)

    own, theirs = (await api.ask(KPIS, at=last))["serviceKpis"]
    assert own == {
        "department": "service", "post": "agent", "outsourced": False, "members": 2, "contacts": 5,
        "resolved": 4, "firstContactRate": 0.8, "lateRate": 0.4, "workingMinutes": 20, "rings": 3,
        "qualityPercent": 70,
    }  # fmt: skip
    assert theirs == {
        "department": "service", "post": "agent", "outsourced": True, "members": 1, "contacts": 0,
        "resolved": 0, "firstContactRate": None, "lateRate": None, "workingMinutes": None, "rings": None,
        "qualityPercent": None,
    }  # fmt: skip
