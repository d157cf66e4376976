"""Orders that stay unpaid become a task of the account manager, also when nobody else orders any more."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api

UNPAID = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  unpaidOrders { orderId owner openMinor hours } }"""


async def unpaid(api: Api, at: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await api.ask(UNPAID, at=at))["unpaidOrders"]
    return rows


async def test_what_is_unpaid_for_too_long_is_the_owners_task_until_it_is_paid(api: Api) -> None:
    await api.done("publishServicePolicy", serviceVersion="s", effectiveFrom="2026-01-01", unpaidHours=48)
    await api.done("registerCustomer", customerId="c", occurredAt="2026-03-01T09:00:00Z")
    await api.done("assignOwner", customerId="c", owner="mei", occurredAt="2026-03-01T09:00:00Z")
    order = {"orderId": "o", "customerId": "c", "totalMinor": 50_00, "currency": "EUR", "items": 1}
    await api.done("placeOrder", **order, occurredAt="2026-03-02T12:00:00Z")
    part = {"orderId": "o", "currency": "EUR", "paymentId": "1", "amountMinor": 20_00}
    await api.done("receivePayment", **part, occurredAt="2026-03-03T09:00:00Z")
    tuesday = await api.done("endDay", day="2026-03-03", occurredAt="2026-03-04T00:00:00Z")
    wednesday = await api.done("endDay", day="2026-03-04", occurredAt="2026-03-05T00:00:00Z")

    task = {"orderId": "o", "owner": "mei", "openMinor": 30_00, "hours": 60}
    assert await unpaid(api, wednesday) == [task]
    before = """query ($at: Int64!) @asOf(at: {position: $at}) { unpaidOrders { orderId } }"""
    assert (await api.ask(before, at=tuesday))["unpaidOrders"] == []
    rest = {**part, "paymentId": "2", "amountMinor": 30_00}
    assert await unpaid(api, await api.done("receivePayment", **rest)) == []
