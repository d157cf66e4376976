"""A group's complaints in a period, for ten thousand of its customers."""

from __future__ import annotations

from tests.api.server import Api

RATES = """query ($at: Int64!, $since: Date, $category: Category) @asOf(at: {atLeast: $at}) {
  groupComplaintRates(since: $since, category: $category) {
    headId customers complaints per10000Customers } }"""


async def test_a_groups_rate_counts_every_level_of_the_tree(api: Api) -> None:
    """top > middle > leaf, and another one on its own."""
    for id in ("top", "middle", "leaf", "alone"):
        await api.done("registerCustomer", customerId=id)
    await api.done("assignParent", customerId="middle", parentId="top")
    await api.done("assignParent", customerId="leaf", parentId="middle")
    last = 0
    for number, (id, day, category) in enumerate(
        [("leaf", "2026-01-05", "PRICE"), ("top", "2026-01-09", "DELIVERY"), ("alone", "2026-01-09", "PRICE")]
    ):
        it = {"complaintId": f"{number}", "customerId": id, "category": category, "text": "?"}
        last = await api.done("receiveComplaint", **it, occurredAt=f"{day}T09:00:00Z")

    every = (await api.ask(RATES, at=last))["groupComplaintRates"]
    later = (await api.ask(RATES, at=last, since="2026-01-06"))["groupComplaintRates"]
    price = (await api.ask(RATES, at=last, category="PRICE"))["groupComplaintRates"]

    def row(head: str, customers: int, complaints: int) -> dict[str, object]:
        rate = 10_000 * complaints / customers
        return {"headId": head, "customers": customers, "complaints": complaints, "per10000Customers": rate}

    assert every == [row("top", 3, 2), row("middle", 2, 1)]
    assert later == [row("top", 3, 1), row("middle", 2, 0)]
    assert price == [row("middle", 2, 1), row("top", 3, 1)]
