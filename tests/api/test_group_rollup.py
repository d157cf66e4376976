"""A group of customers adds up on every level of its tree, for as long as somebody belongs to it."""

from __future__ import annotations

from tests.api.server import Api

ROLLUP = """query ($at: Int64!, $head: String) @asOf(at: {atLeast: $at}) {
  groupRollup(customerId: $head) {
    headId memberCount levels spentMinor orderCount contactCount complaintCount } }"""
CALL = {"channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "tea"}


async def test_a_group_adds_up_all_below_its_head_until_they_leave_it(api: Api) -> None:
    """top > middle > leaf, top > side, and another one on its own."""
    for customer in ("top", "middle", "leaf", "side", "alone"):
        await api.done("registerCustomer", customerId=customer)
    for customer, parent in (("middle", "top"), ("leaf", "middle"), ("side", "top")):
        await api.done("assignParent", customerId=customer, parentId=parent)
    for customer, minor in (("top", 100_00), ("leaf", 30_00), ("side", 50_00), ("alone", 999_00)):
        order = {"orderId": f"o-{customer}", "customerId": customer, "totalMinor": minor}
        await api.done("recordPurchase", **order, currency="EUR", items=1)
    back = {"orderId": "o-leaf", "refundId": "r", "amountMinor": 10_00, "currency": "EUR"}
    await api.done("payRefund", **back, reason="broken")
    for customer in ("leaf", "middle", "alone"):
        await api.done("recordInteraction", interactionId=f"i-{customer}", customerId=customer, **CALL)
    about = {"category": "PRODUCT", "text": "broken"}
    at = await api.done("receiveComplaint", complaintId="k", customerId="leaf", **about)

    def row(head: str, members: int, levels: int, spent: int, *counts: int) -> dict[str, object]:
        orders, contacts, complaints = counts
        size = {"headId": head, "memberCount": members, "levels": levels, "spentMinor": spent}
        return {**size, "orderCount": orders, "contactCount": contacts, "complaintCount": complaints}

    middle = row("middle", 2, 1, 20_00, 1, 2, 1)
    assert (await api.ask(ROLLUP, at=at))["groupRollup"] == [row("top", 4, 2, 170_00, 3, 2, 1), middle]
    assert (await api.ask(ROLLUP, at=at, head="middle"))["groupRollup"] == [middle]
    assert (await api.ask(ROLLUP, at=at, head="alone"))["groupRollup"] == []
    at = await api.done("assignParent", customerId="middle", parentId=None)
    assert (await api.ask(ROLLUP, at=at))["groupRollup"] == [row("top", 2, 1, 150_00, 2, 0, 0), middle]
