"""An order: placed, paid up to its total, fulfilled or cancelled, refunded up to what was paid."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands import Command
from domain.errors import InvalidInput
from domain.money import UnknownCurrency
from domain.orders import (
    ORDERS,
    CancelOrder,
    CurrencyDiffers,
    DetailOrder,
    FulfilOrder,
    OrderAlreadyPlaced,
    OrderCancelled,
    OrderCancelledAlready,
    OrderDetailed,
    OrderFulfilled,
    OrderFulfilledAlready,
    OrderPlaced,
    OrderUnknown,
    Overpaid,
    PaymentAlreadyReceived,
    PaymentReceived,
    PayRefund,
    PlaceOrder,
    ReceivePayment,
    RecordPurchase,
    RefundAlreadyPaid,
    RefundExceedsPayments,
    RefundPaid,
)
from tests.domain.spec import given

ORDER: dict[str, Any] = {
    "order_id": "o-1",
    "customer_id": "c-1",
    "total_minor": 1000,
    "currency": "USD",
    "items": 2,
}
PLACED = OrderPlaced(order_id="o-1", customer_id="c-1", total_minor=1000, currency="USD", items=2)
PAID_600 = PaymentReceived(order_id="o-1", payment_id="p-1", amount_minor=600, currency="USD")
REFUNDED_500 = RefundPaid(
    order_id="o-1", refund_id="r-1", amount_minor=500, currency="USD", reason="one was broken"
)
FULFILLED = OrderFulfilled(order_id="o-1")
CANCELLED = OrderCancelled(order_id="o-1", reason="不想要了")


def payment(payment_id: str, amount: int, currency: str = "USD") -> dict[str, Any]:
    return {"order_id": "o-1", "payment_id": payment_id, "amount_minor": amount, "currency": currency}


def refund(refund_id: str, amount: int, currency: str = "USD") -> dict[str, Any]:
    return {
        "order_id": "o-1",
        "refund_id": refund_id,
        "amount_minor": amount,
        "currency": currency,
        "reason": "one was broken",
    }


@pytest.mark.parametrize("wish", [PlaceOrder, RecordPurchase])
class TestNewOrders:
    def test_an_id_is_used_once(self, wish: type[Command]) -> None:
        given(ORDERS, PLACED).when(wish, **ORDER).refused(OrderAlreadyPlaced, field="order_id")

    def test_the_currency_must_exist(self, wish: type[Command]) -> None:
        given(ORDERS).when(wish, **ORDER | {"currency": "ZZZ"}).refused(UnknownCurrency, field="currency")

    @pytest.mark.parametrize("wrong", [{"total_minor": -1}, {"total_minor": 2**53}, {"items": -1}])
    def test_totals_and_pieces_are_not_negative(self, wish: type[Command], wrong: dict[str, int]) -> None:
        given(ORDERS).when(wish, **ORDER | wrong).refused(InvalidInput, field=next(iter(wrong)))


def test_an_order_is_placed_and_then_waits_for_its_payment() -> None:
    given(ORDERS).when(PlaceOrder, **ORDER).then(PLACED)


def test_a_purchase_is_placed_and_paid_on_the_spot() -> None:
    given(ORDERS).when(RecordPurchase, **ORDER, description="两张唱片").then(
        OrderPlaced(
            order_id="o-1",
            customer_id="c-1",
            total_minor=1000,
            currency="USD",
            items=2,
            description="两张唱片",
        ),
        PaymentReceived(order_id="o-1", payment_id="o-1", amount_minor=1000, currency="USD"),
    )


def test_a_purchase_of_zero_needs_no_payment() -> None:
    given(ORDERS).when(RecordPurchase, **ORDER | {"total_minor": 0}).then(
        OrderPlaced(order_id="o-1", customer_id="c-1", total_minor=0, currency="USD", items=2)
    )


def test_a_purchase_counts_as_paid() -> None:
    paid = PaymentReceived(order_id="o-1", payment_id="o-1", amount_minor=1000, currency="USD")
    given(ORDERS, PLACED, paid).when(ReceivePayment, **payment("p-2", 1)).refused(
        Overpaid, field="amount_minor"
    )


def test_an_order_is_paid_in_parts_up_to_its_total() -> None:
    given(ORDERS, PLACED).when(ReceivePayment, **payment("p-1", 600)).then(PAID_600)
    given(ORDERS, PLACED, PAID_600).when(ReceivePayment, **payment("p-2", 400)).then(
        PaymentReceived(order_id="o-1", payment_id="p-2", amount_minor=400, currency="USD")
    )
    refusal = (
        given(ORDERS, PLACED, PAID_600)
        .when(ReceivePayment, **payment("p-2", 401))
        .refused(Overpaid, field="amount_minor")
    )
    assert refusal.message == "Order o-1 has 400 left to pay (in minor units of USD)."


def test_a_payment_is_booked_once_in_the_orders_currency_and_above_zero() -> None:
    paid = given(ORDERS, PLACED, PAID_600)
    paid.when(ReceivePayment, **payment("p-1", 1)).refused(PaymentAlreadyReceived, field="payment_id")
    paid.when(ReceivePayment, **payment("p-2", 1, "CNY")).refused(CurrencyDiffers, field="currency")
    paid.when(ReceivePayment, **payment("p-2", 0)).refused(InvalidInput, field="amount_minor")


def test_a_fulfilled_order_can_still_be_paid() -> None:
    given(ORDERS, PLACED, FULFILLED).when(ReceivePayment, **payment("p-1", 600)).then(PAID_600)


def test_a_cancelled_order_takes_no_payment() -> None:
    given(ORDERS, PLACED, CANCELLED).when(ReceivePayment, **payment("p-1", 600)).refused(
        OrderCancelledAlready, field="order_id"
    )


def test_what_was_bought_is_told_once_each() -> None:
    bought = {"order_id": "o-1", "category": "music"}
    given(ORDERS, PLACED).when(DetailOrder, **bought, products=["jazz", "blues", "jazz"]).then(
        OrderDetailed(**bought, products=("jazz", "blues"))
    )
    given(ORDERS).when(DetailOrder, **bought, products=["jazz"]).refused(OrderUnknown, field="order_id")


def test_an_order_is_fulfilled_once() -> None:
    given(ORDERS, PLACED).when(FulfilOrder, order_id="o-1").then(FULFILLED)
    given(ORDERS, PLACED, FULFILLED).when(FulfilOrder, order_id="o-1").refused(
        OrderFulfilledAlready, field="order_id"
    )
    given(ORDERS, PLACED, CANCELLED).when(FulfilOrder, order_id="o-1").refused(
        OrderCancelledAlready, field="order_id"
    )


def test_an_order_is_cancelled_once_and_before_it_is_fulfilled() -> None:
    cancelling = {"order_id": "o-1", "reason": "不想要了"}
    given(ORDERS, PLACED, PAID_600).when(CancelOrder, **cancelling).then(CANCELLED)
    given(ORDERS, PLACED, CANCELLED).when(CancelOrder, **cancelling).refused(
        OrderCancelledAlready, field="order_id"
    )
    given(ORDERS, PLACED, FULFILLED).when(CancelOrder, **cancelling).refused(
        OrderFulfilledAlready, field="order_id"
    )


@pytest.mark.parametrize("past", [[PAID_600], [PAID_600, FULFILLED], [PAID_600, CANCELLED]])
def test_what_was_paid_can_be_refunded(past: list[PaymentReceived]) -> None:
    given(ORDERS, PLACED, *past).when(PayRefund, **refund("r-1", 500)).then(REFUNDED_500)


def test_never_more_is_refunded_than_was_paid() -> None:
    refunded = given(ORDERS, PLACED, PAID_600, REFUNDED_500)
    refunded.when(PayRefund, **refund("r-2", 101)).refused(RefundExceedsPayments, field="amount_minor")
    refunded.when(PayRefund, **refund("r-2", 100)).then(
        RefundPaid(order_id="o-1", refund_id="r-2", amount_minor=100, currency="USD", reason="one was broken")
    )
    given(ORDERS, PLACED).when(PayRefund, **refund("r-1", 1)).refused(
        RefundExceedsPayments, field="amount_minor"
    )


def test_a_refund_is_paid_once_in_the_orders_currency_and_above_zero() -> None:
    refunded = given(ORDERS, PLACED, PAID_600, REFUNDED_500)
    refunded.when(PayRefund, **refund("r-1", 1)).refused(RefundAlreadyPaid, field="refund_id")
    refunded.when(PayRefund, **refund("r-2", 1, "CNY")).refused(CurrencyDiffers, field="currency")
    refunded.when(PayRefund, **refund("r-2", 0)).refused(InvalidInput, field="amount_minor")


@pytest.mark.parametrize(
    ("wish", "fields"),
    [
        (ReceivePayment, payment("p-1", 1)),
        (FulfilOrder, {"order_id": "o-1"}),
        (CancelOrder, {"order_id": "o-1", "reason": "?"}),
        (PayRefund, refund("r-1", 1)),
    ],
)
def test_nothing_happens_to_an_order_that_was_never_placed(
    wish: type[Command], fields: dict[str, Any]
) -> None:
    given(ORDERS).when(wish, **fields).refused(OrderUnknown, field="order_id")
