"""What customers ordered and paid, order by order and summed up by currency."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from domain.events import Personal, Recorded
from domain.orders import OrderCancelled, OrderFulfilled, OrderPlaced, PaymentReceived, RefundPaid
from projections.view import CustomerId, View, on, view


@view("orders", key="order_id", indexes=["customer_id placed_at", "placed_at"])
class Order(View):
    """One order, and how far it is paid, delivered, cancelled or refunded; amounts in minor units."""

    order_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Who ordered."""
    placed_at: datetime
    """When it was ordered."""
    currency: str
    """ISO 4217."""
    total_minor: int
    """What was ordered, in minor units."""
    paid_minor: int = 0
    """What was paid, in minor units."""
    refunded_minor: int = 0
    """What was paid back, in minor units."""
    items: int
    """Pieces."""
    description: str | None = None
    """What was ordered, in a few words."""
    fulfilled_at: datetime | None = None
    """When the customer had received everything."""
    cancelled: bool = False
    """It was called off."""
    cancelled_because: Personal[str | None] = None
    """Why it was called off."""

    @on(OrderPlaced)
    def placed(self, recorded: Recorded[OrderPlaced]) -> Self:
        e = recorded.event
        return self.but(
            customer_id=e.customer_id,
            placed_at=recorded.occurred_at,
            currency=e.currency,
            total_minor=e.total_minor,
            items=e.items,
            description=e.description,
        )

    @on(PaymentReceived)
    def paid(self, recorded: Recorded[PaymentReceived]) -> Self:
        return self.but(paid_minor=self.paid_minor + recorded.event.amount_minor)

    @on(RefundPaid)
    def refunded(self, recorded: Recorded[RefundPaid]) -> Self:
        return self.but(refunded_minor=self.refunded_minor + recorded.event.amount_minor)

    @on(OrderFulfilled)
    def fulfilled(self, recorded: Recorded[OrderFulfilled]) -> Self:
        return self.but(fulfilled_at=recorded.occurred_at)

    @on(OrderCancelled)
    def called_off(self, recorded: Recorded[OrderCancelled]) -> Self:
        return self.but(cancelled=True, cancelled_because=recorded.event.reason)


@view("spendings", key="customer_id currency", indexes=["spent_minor"])
class Spending(View):
    """What one customer ordered and really paid in one currency; amounts in minor units."""

    customer_id: CustomerId
    """Who spent it."""
    currency: str
    """ISO 4217."""
    order_count: int = 0
    """Orders placed, cancelled ones included."""
    received_minor: int = 0
    """Payments received."""
    refunded_minor: int = 0
    """Refunds paid."""
    spent_minor: int = 0
    """Payments less refunds."""
    first_order_at: datetime | None = None
    """When the earliest order was placed."""
    last_order_at: datetime | None = None
    """When the latest order was placed."""

    @on(OrderPlaced)
    def ordered(self, recorded: Recorded[OrderPlaced]) -> Self:
        at = recorded.occurred_at
        return self.but(
            order_count=self.order_count + 1,
            first_order_at=min(self.first_order_at or at, at),
            last_order_at=max(self.last_order_at or at, at),
        )

    @on(PaymentReceived)
    def paid(self, recorded: Recorded[PaymentReceived]) -> Self:
        amount = recorded.event.amount_minor
        return self.but(received_minor=self.received_minor + amount, spent_minor=self.spent_minor + amount)

    @on(RefundPaid)
    def refunded(self, recorded: Recorded[RefundPaid]) -> Self:
        amount = recorded.event.amount_minor
        return self.but(refunded_minor=self.refunded_minor + amount, spent_minor=self.spent_minor - amount)
