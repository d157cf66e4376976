"""What customers order, pay, get delivered, cancel and get back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, assert_never, get_args

import msgspec

from domain.commands import Command, Id, Name, Text
from domain.customers import require_served
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.money import Amount, Currency, require_currency
from domain.records import Record

Pieces = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Transfer = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
"""An amount in minor units that changes hands: more than nothing."""


# --- Events: the stored names are a contract ------------------------------------------------------


@event("OrderPlaced")
class OrderPlaced(Event):
    order_id: str
    customer_id: str
    total_minor: int
    currency: str
    items: int
    description: str | None = None


@event("PaymentReceived")
class PaymentReceived(Event):
    order_id: str
    payment_id: str
    amount_minor: int
    currency: str


@event("OrderFulfilled")
class OrderFulfilled(Event):
    order_id: str


@event("OrderCancelled")
class OrderCancelled(Event):
    order_id: str
    reason: Personal[str]


@event("RefundPaid")
class RefundPaid(Event):
    order_id: str
    refund_id: str
    amount_minor: int
    currency: str
    reason: Personal[str]


@event("OrderDetailed")
class OrderDetailed(Event):
    """Which products the order is made of, each once."""

    order_id: str
    products: tuple[str, ...]
    category: str | None = None


OrderEvent = OrderDetailed | OrderPlaced | PaymentReceived | OrderFulfilled | OrderCancelled | RefundPaid


# --- State ----------------------------------------------------------------------------------------


class Order(Record):
    """What the next decision about an order needs to know; amounts in minor units of its currency."""

    order_id: str | None = None
    customer_id: str | None = None
    currency: str = ""
    total_minor: int = 0
    paid_minor: int = 0
    refunded_minor: int = 0
    payment_ids: frozenset[str] = frozenset()
    refund_ids: frozenset[str] = frozenset()
    fulfilled: bool = False
    cancelled: bool = False


def evolve(state: Order, happened: OrderEvent) -> Order:
    match happened:
        case OrderPlaced():
            return Order(
                order_id=happened.order_id,
                customer_id=happened.customer_id,
                currency=happened.currency,
                total_minor=happened.total_minor,
            )
        case PaymentReceived(payment_id=payment_id, amount_minor=amount):
            return msgspec.structs.replace(
                state, paid_minor=state.paid_minor + amount, payment_ids=state.payment_ids | {payment_id}
            )
        case RefundPaid(refund_id=refund_id, amount_minor=amount):
            return msgspec.structs.replace(
                state, refunded_minor=state.refunded_minor + amount, refund_ids=state.refund_ids | {refund_id}
            )
        case OrderFulfilled():
            return msgspec.structs.replace(state, fulfilled=True)
        case OrderCancelled():
            return msgspec.structs.replace(state, cancelled=True)
        case OrderDetailed():
            return state
        case _:
            assert_never(happened)


# --- Commands -------------------------------------------------------------------------------------


class PlaceOrder(Command):
    """Take an order: its total in minor units, and how many pieces."""

    order_id: Id
    customer_id: Id
    total_minor: Amount
    currency: Currency
    items: Pieces
    description: Name | None = None


class RecordPurchase(Command):
    """Record an order that was paid in full on the spot; one of zero needs no payment."""

    order_id: Id
    customer_id: Id
    total_minor: Amount
    currency: Currency
    items: Pieces
    description: Name | None = None


class ReceivePayment(Command):
    """Book a payment of the customer for an order."""

    order_id: Id
    payment_id: Id
    amount_minor: Transfer
    currency: Currency


class FulfilOrder(Command):
    """Note that the customer has received all that was ordered."""

    order_id: Id


class CancelOrder(Command):
    """Call an order off before it is fulfilled; what was paid can be refunded."""

    order_id: Id
    reason: Text


class PayRefund(Command):
    """Pay money back to the customer, at most what was paid."""

    order_id: Id
    refund_id: Id
    amount_minor: Transfer
    currency: Currency
    reason: Text


class DetailOrder(Command):
    """Say which products an order is made of (交叉销售), and to which category it belongs."""

    order_id: Id
    products: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=100)]
    """The products, each once."""
    category: Name | None = None
    """On what the customer spent, as shares of customer are stated."""


OrderCommand = (
    DetailOrder | PlaceOrder | RecordPurchase | ReceivePayment | FulfilOrder | CancelOrder | PayRefund
)


# --- Rules ----------------------------------------------------------------------------------------


class OrderError(DomainError):
    """Order {order_id} does not allow this."""

    field = "order_id"


class OrderUnknown(OrderError):
    """There is no order {order_id}."""


class OrderAlreadyPlaced(OrderError):
    """Order {order_id} was placed before; choose another id for a new one."""


class OrderCancelledAlready(OrderError):
    """Order {order_id} is cancelled."""


class OrderFulfilledAlready(OrderError):
    """Order {order_id} is fulfilled."""


class CurrencyDiffers(OrderError):
    """Order {order_id} is in {expected}, not in {currency}."""

    field = "currency"


class PaymentAlreadyReceived(OrderError):
    """Payment {payment_id} of order {order_id} was received before."""

    field = "payment_id"


class Overpaid(OrderError):
    """Order {order_id} has {open_minor} left to pay (in minor units of {currency})."""

    field = "amount_minor"


class RefundAlreadyPaid(OrderError):
    """Refund {refund_id} of order {order_id} was paid before."""

    field = "refund_id"


class RefundExceedsPayments(OrderError):
    """Order {order_id} has {kept_minor} left that could be refunded (in minor units of {currency})."""

    field = "amount_minor"


def require_new(state: Order, command: PlaceOrder | RecordPurchase) -> None:
    if state.order_id is not None:
        raise OrderAlreadyPlaced(order_id=state.order_id)
    require_currency(command.currency)


def require_placed(state: Order, command: OrderCommand) -> None:
    if state.order_id is None:
        raise OrderUnknown(order_id=command.order_id)


def require_not_cancelled(state: Order, command: OrderCommand) -> None:
    require_placed(state, command)
    if state.cancelled:
        raise OrderCancelledAlready(order_id=state.order_id)


def require_unfulfilled(state: Order, command: OrderCommand) -> None:
    require_not_cancelled(state, command)
    if state.fulfilled:
        raise OrderFulfilledAlready(order_id=state.order_id)


def require_same_currency(state: Order, currency: str) -> None:
    if currency != state.currency:
        raise CurrencyDiffers(order_id=state.order_id, expected=state.currency, currency=currency)


# --- Decisions ------------------------------------------------------------------------------------


def decide(state: Order, command: OrderCommand) -> Sequence[OrderEvent]:
    match command:
        case PlaceOrder():
            require_new(state, command)
            return [carry(OrderPlaced, command)]
        case RecordPurchase():
            require_new(state, command)
            return _bought(command)
        case ReceivePayment(payment_id=payment_id, amount_minor=amount, currency=currency):
            require_not_cancelled(state, command)
            require_same_currency(state, currency)
            if payment_id in state.payment_ids:
                raise PaymentAlreadyReceived(order_id=state.order_id, payment_id=payment_id)
            if amount > (rest := state.total_minor - state.paid_minor):
                raise Overpaid(order_id=state.order_id, open_minor=rest, currency=currency)
            return [carry(PaymentReceived, command)]
        case DetailOrder(products=products):
            require_placed(state, command)
            return [carry(OrderDetailed, command, products=tuple(dict.fromkeys(products)))]
        case FulfilOrder():
            require_unfulfilled(state, command)
            return [carry(OrderFulfilled, command)]
        case CancelOrder():
            require_unfulfilled(state, command)
            return [carry(OrderCancelled, command)]
        case PayRefund(refund_id=refund_id, amount_minor=amount, currency=currency):
            require_placed(state, command)
            require_same_currency(state, currency)
            if refund_id in state.refund_ids:
                raise RefundAlreadyPaid(order_id=state.order_id, refund_id=refund_id)
            if amount > (kept := state.paid_minor - state.refunded_minor):
                raise RefundExceedsPayments(order_id=state.order_id, kept_minor=kept, currency=currency)
            return [carry(RefundPaid, command)]
        case _:
            assert_never(command)


def _bought(purchase: RecordPurchase) -> list[OrderEvent]:
    """Placed and paid in one; the payment bears the order's id."""
    placed = carry(OrderPlaced, purchase)
    if not placed.total_minor:
        return [placed]
    paid = PaymentReceived(
        order_id=placed.order_id,
        payment_id=placed.order_id,
        amount_minor=placed.total_minor,
        currency=placed.currency,
    )
    return [placed, paid]


ORDERS = Decider(
    name="order",
    id_field="order_id",
    initial=Order(),
    evolve=evolve,
    decide=decide,
    commands=get_args(OrderCommand),
    begins=(PlaceOrder,),
    guard=require_served,
)
