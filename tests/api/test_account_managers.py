"""What each account manager looks after, has to do, and achieved."""

from __future__ import annotations

from tests.api.server import Api

PERFORMANCE = """query ($at: Int64!, $owner: String) @asOf(at: {atLeast: $at}) {
  ownerPerformance(owner: $owner) { accountManager customers lost spentMinor openComplaints openContacts
    plannedVisits completedVisits complaintsToHandle } }"""
CALL = {"channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "tea"}
FIGURES = (
    "customers",
    "lost",
    "spentMinor",
    "openComplaints",
    "openContacts",
    "plannedVisits",
    "completedVisits",
    "complaintsToHandle",
)


async def performance(api: Api, at: int, owner: str | None = None) -> list[tuple[object, ...]]:
    rows = (await api.ask(PERFORMANCE, at=at, owner=owner))["ownerPerformance"]
    return [(row["accountManager"], *(row[figure] for figure in FIGURES)) for row in rows]


async def test_a_manager_answers_for_customers_money_visits_and_what_is_open(api: Api) -> None:
    """`mei` has three customers, one of whom left; `li` has one; nobody has the last."""
    owners = {"a": "mei", "b": "mei", "left": "mei", "c": "li", "nobodys": None}
    for customer, owner in owners.items():
        await api.done("registerCustomer", customerId=customer)
        if owner:
            await api.done("assignOwner", customerId=customer, owner=owner)
        order = {"orderId": customer, "customerId": customer, "totalMinor": 50_00, "currency": "EUR"}
        await api.done("recordPurchase", **order, items=1)
    back = {"orderId": "b", "refundId": "r", "amountMinor": 20_00, "currency": "EUR"}
    await api.done("payRefund", **back, reason="broken")
    await api.done("endRelationship", customerId="left", cause="NATURAL")
    for number, by in enumerate(("mei", "mei", "li")):
        await api.done("recordInteraction", interactionId=f"{number}", customerId="c", **CALL)
        if by != "mei":
            await api.done("handOverInteraction", interactionId=f"{number}", taker=by, reason="tea")
    await api.done("resolveInteraction", interactionId="0", withinRemit=True)
    for number, member in enumerate(("mei", "mei", "li")):
        visit = {"visitId": f"{number}", "customerId": "a", "member": member, "purpose": "tea"}
        await api.done("planVisit", **visit, on="2099-01-01")
    await api.done("completeVisit", visitId="0")
    for number, customer in enumerate(("a", "b", "b")):
        about = {"customerId": customer, "category": "PRODUCT", "text": "broken"}
        await api.done("receiveComplaint", complaintId=f"{number}", **about)
    at = await api.done("assignComplaint", complaintId="0", handler="li")

    mei = ("mei", 3, 1, 130_00, 3, 1, 1, 1, 0)
    li = ("li", 1, 0, 50_00, 0, 1, 1, 0, 1)
    assert await performance(api, at) == [mei, li]
    assert await performance(api, at, "li") == [li]
    at = await api.done("assignOwner", customerId="b", owner="li")
    assert await performance(api, at) == [
        ("mei", 2, 1, 100_00, 1, 1, 1, 1, 0),
        ("li", 2, 0, 80_00, 2, 1, 1, 0, 1),
    ]
