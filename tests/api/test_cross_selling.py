"""What the customers of one product buy as well: support, confidence and lift, as of any moment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.server import Api

PAIRS = """query ($at: Int64!, $product: String, $customerId: String) @asOf(at: {atLeast: $at}) {
  crossSelling(product: $product, customerId: $customerId) {
    bought alsoBought customers support confidence lift } }"""
ORDERS = [
    ("a", ["tea", "cup"]), ("b", ["tea"]), ("c", ["tea"]), ("d", ["tea", "pot"]), ("e", ["milk"]),
    ("c", ["cup"]), ("b", ["cup"]),
]  # fmt: skip
"""Customers and the products of an order, in turn; the sixth order is cancelled."""
TEA_CUP = {
    "bought": "tea", "alsoBought": "cup", "customers": 2, "support": 0.4, "confidence": 0.5, "lift": 1.25,
}  # fmt: skip
CUP_TEA = {**TEA_CUP, "bought": "cup", "alsoBought": "tea", "confidence": 1}


@pytest.fixture
async def sold(api: Api) -> tuple[Api, list[int]]:
    """Of five customers four have tea, two of these a cup too; with the positions after each order."""
    positions = []
    for customer in "abcde":
        await api.done("registerCustomer", customerId=customer)
    for number, (customer, products) in enumerate(ORDERS):
        order = {"orderId": f"{number}", "customerId": customer, "totalMinor": 10_00, "currency": "EUR"}
        await api.done("placeOrder", **order, items=len(products))
        positions.append(await api.done("detailOrder", orderId=f"{number}", products=products))
        if number == 5:
            positions[-1] = await api.done("cancelOrder", orderId="5", reason="changed their mind")
    return api, positions


async def pairs(sold: tuple[Api, list[int]], **of: Any) -> list[dict[str, Any]]:
    api, positions = sold
    rows: list[dict[str, Any]] = (await api.ask(PAIRS, at=positions[-1], **of))["crossSelling"]
    return rows


async def test_support_confidence_and_lift_are_of_customers_whose_orders_stand(
    sold: tuple[Api, list[int]],
) -> None:
    assert await pairs(sold) == [CUP_TEA, TEA_CUP]
    assert await pairs(sold, product="tea") == [TEA_CUP]


async def test_a_customer_is_offered_what_goes_with_theirs_and_they_lack(sold: tuple[Api, list[int]]) -> None:
    assert await pairs(sold, customerId="c") == [TEA_CUP]
    assert await pairs(sold, customerId="a") == []
    assert await pairs(sold, customerId="e") == []


async def test_one_customer_alone_is_no_rule(sold: tuple[Api, list[int]]) -> None:
    api, positions = sold
    before = "query ($at: Int64!) @asOf(at: {position: $at}) { crossSelling { bought } }"
    assert (await api.ask(before, at=positions[-2]))["crossSelling"] == []
