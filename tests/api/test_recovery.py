"""What a customer buys before and after a complaint was put right, by how it ended and what that cost."""

from __future__ import annotations

from tests.api.server import Api

EFFECTS = """query ($at: Int64!, $on: Date) @asOf(at: {atLeast: $at}) {
  recoveryEffects(on: $on) { outcome complaints remedyCostMinor ordersBefore ordersAfter } }"""


async def closed(
    api: Api, name: str, day: str, *, justified: bool = True, costs: tuple[int, ...] = ()
) -> int:
    """The customer's complaint, closed on the day at 10; all remedies but the last were rejected."""
    it = {"complaintId": name, "occurredAt": f"{day}T10:00:00Z"}
    await api.done("registerCustomer", customerId=name, occurredAt="2026-01-01T09:00:00Z")
    await api.done("receiveComplaint", **it, customerId=name, category="PRODUCT", text="broken")
    await api.done("acknowledgeComplaint", **it, apology="sorry")
    await api.done("recordInvestigation", **it, finding="seen", justified=justified)
    for number, cost in enumerate(costs, 1):
        await api.done("offerRemedy", **it, remedy="a new one", costMinor=cost, currency="EUR")
        if number < len(costs):
            await api.done("rejectRemedy", **it, reason="too little")
        else:
            await api.done("acceptRemedy", **it)
    await api.done("communicateDecision", **it, decision="settled")
    await api.done("verifySatisfaction", **it, verdict="SATISFIED")
    return await api.done("closeComplaint", **it, rootCause="packing")


async def bought(api: Api, customer: str, moment: str) -> str:
    """The id of an order at an hour of the year, such as `02-20T09`."""
    name = f"{customer}-{moment}"
    order = {"orderId": name, "customerId": customer, "totalMinor": 5_00, "currency": "EUR", "items": 1}
    await api.done("placeOrder", **order, occurredAt=f"2026-{moment}:00:00Z")
    return name


async def test_orders_are_counted_around_the_close_once_the_days_after_it_have_passed(api: Api) -> None:
    """30 days on each side: from 30 January, 10:00, to 31 March, 10:00."""
    await api.done("publishServicePolicy", serviceVersion="s", effectiveFrom="2026-01-01", effectDays=30)
    await closed(api, "mended", "2026-03-01", costs=(1_00, 5_00))
    await closed(api, "given", "2026-03-01", costs=(0,))
    await closed(api, "heard", "2026-03-01")
    await closed(api, "wrong", "2026-03-01", justified=False)
    await closed(api, "later", "2026-03-20", costs=(9_00,))
    for moment in ("01-30T09", "02-20T09", "03-01T09", "03-01T11", "03-20T09", "03-31T09", "03-31T11"):
        await bought(api, "mended", moment)
    await api.done("cancelOrder", orderId=await bought(api, "mended", "03-21T09"), reason="by mistake")
    await bought(api, "heard", "02-20T09")
    await bought(api, "later", "03-21T09")
    early = await api.done("endDay", day="2026-03-30", occurredAt="2026-03-31T00:00:00Z")
    ended = await api.done("endDay", day="2026-03-31", occurredAt="2026-04-01T00:00:00Z")

    def row(outcome: str, complaints: int, cost: float, before: float, after: float) -> dict[str, object]:
        effect = {"outcome": outcome, "complaints": complaints, "remedyCostMinor": cost}
        return {**effect, "ordersBefore": before, "ordersAfter": after}

    others = [row("not justified", 1, 0, 0, 0), row("satisfied", 1, 0, 1, 0)]
    assert (await api.ask(EFFECTS, at=ended))["recoveryEffects"] == [
        row("satisfied, with a remedy", 2, 2_50, 1, 1.5),
        *others,
    ]
    assert (await api.ask(EFFECTS, at=ended, on="2026-04-19"))["recoveryEffects"] == [
        row("satisfied, with a remedy", 3, 14_00 / 3, 2 / 3, 4 / 3),
        *others,
    ]
    before = "query ($at: Int64!) @asOf(at: {position: $at}) { recoveryEffects { outcome } }"
    assert (await api.ask(before, at=early))["recoveryEffects"] == []
