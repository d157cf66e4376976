"""What customers ordered and paid, order by order and summed up by currency."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from domain.events import Personal, Recorded
from domain.orders import (
    OrderCancelled,
    OrderDetailed,
    OrderFulfilled,
    OrderPlaced,
    PaymentReceived,
    RefundPaid,
)
from projections.reckoning import DAYS, MONEY, begin_of, day_of, period, service, total
from projections.view import CustomerId, View, on, ref, report, view


class Progress(StrEnum):
    """Where an order stands (订单进展): placed, partly paid, paid, delivered, called off."""

    PLACED = "placed"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


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
    progress: Progress = Progress.PLACED
    """Where it stands."""
    category: str | None = None
    """On what the customer spent."""
    product_names: tuple[str, ...] = ()
    """What it is made of."""

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
            progress=Progress.PLACED if e.total_minor else Progress.PAID,
        )

    @on(PaymentReceived)
    def paid(self, recorded: Recorded[PaymentReceived]) -> Self:
        paid = self.paid_minor + recorded.event.amount_minor
        how_far = Progress.PAID if paid >= self.total_minor else Progress.PARTLY_PAID
        return self.but(paid_minor=paid, progress=how_far if self.fulfilled_at is None else self.progress)

    @on(OrderDetailed)
    def detailed(self, recorded: Recorded[OrderDetailed]) -> Self:
        return self.but(product_names=recorded.event.products, category=recorded.event.category)

    @on(RefundPaid)
    def refunded(self, recorded: Recorded[RefundPaid]) -> Self:
        return self.but(refunded_minor=self.refunded_minor + recorded.event.amount_minor)

    @on(OrderFulfilled)
    def fulfilled(self, recorded: Recorded[OrderFulfilled]) -> Self:
        return self.but(fulfilled_at=recorded.occurred_at, progress=Progress.DELIVERED)

    @on(OrderCancelled)
    def called_off(self, recorded: Recorded[OrderCancelled]) -> Self:
        return self.but(cancelled=True, cancelled_because=recorded.event.reason, progress=Progress.CANCELLED)


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


@view("order_products", key="order_id product", indexes=["product"])
class OrderProduct(View):
    """One product of an order."""

    order_id: Annotated[str, ref("orders")]
    """Of which order."""
    product: str
    """What."""
    customer_id: CustomerId
    """Who ordered it."""

    @on(OrderDetailed, keys=lambda r: [(r.event.order_id, product) for product in r.event.products])
    def part(self, recorded: Recorded[Any]) -> Self:
        return self.but(customer_id=recorded.customer_id)


@report(
    "cross_selling",
    reads=["order_products", "orders"],
    query="""
    WITH owned AS (
        SELECT DISTINCT p.customer_id, product FROM {order_products} p JOIN {orders} o USING (order_id)
         WHERE NOT o.cancelled),
    total AS (SELECT count(DISTINCT customer_id)::float8 AS customers FROM owned),
    single AS (SELECT product, count(*)::float8 AS customers FROM owned GROUP BY 1)
    SELECT a.product AS bought, b.product AS also_bought, count(*) AS customers,
           count(*) / t.customers AS support, count(*) / x.customers AS confidence,
           count(*) * t.customers / (x.customers * y.customers) AS lift
      FROM owned a JOIN owned b ON a.customer_id = b.customer_id AND a.product <> b.product
      JOIN single x ON x.product = a.product JOIN single y ON y.product = b.product CROSS JOIN total t
     WHERE (:product::text IS NULL OR a.product = :product::text)
       AND NOT EXISTS (SELECT FROM owned h
                        WHERE h.customer_id = :customer_id::text AND h.product = b.product)
       AND (:customer_id::text IS NULL OR EXISTS (
            SELECT FROM owned h WHERE h.customer_id = :customer_id::text AND h.product = a.product))
     GROUP BY a.product, b.product, t.customers, x.customers, y.customers
    HAVING count(*) >= 2
     ORDER BY lift DESC, customers DESC, bought, also_bought LIMIT 100
    """,
)
class CrossSelling(View):
    """Which products the same customers buy (交叉销售): association rules (Agrawal, Imielinski, Swami, 1993).

    With a customer, only what goes with their products and what they do not have yet. At most 100, by lift;
    pairs that two customers have, at the least. Cancelled orders do not count.
    """

    product: str | None = None
    """What was bought; everything, where it is left out."""
    customer_id: str | None = None
    """For whom; everybody, where it is left out."""

    bought: str
    """Who buys this."""
    also_bought: str
    """also buys this."""
    customers: int
    """How many bought both."""
    support: float
    """Both, of all customers whose products are known, 0 to 1."""
    confidence: float
    """Both, of those who bought the first, 0 to 1."""
    lift: float
    """How many times as often as by chance."""


@report(
    "unpaid_orders",
    reads=["orders", "customers", "service_policies", *DAYS],
    query=f"""
    SELECT o.order_id, o.customer_id, c.owner, o.placed_at, o.currency,
           o.total_minor - o.paid_minor AS open_minor,
           (extract(epoch FROM t.at - o.placed_at) / 3600)::bigint AS hours
      FROM {{orders}} o JOIN {{customers}} c USING (customer_id)
     CROSS JOIN (SELECT coalesce(:at::timestamptz, greatest(
                        (SELECT max(placed_at) FROM {{orders}} m),
                        (SELECT {begin_of("max(day) + 1")} FROM {{ended_days}} d))) AS at) t
     WHERE o.paid_minor < o.total_minor AND NOT o.cancelled
       AND o.placed_at < t.at - make_interval(hours => {service("unpaid_hours", day_of("t.at"))})
     ORDER BY o.placed_at, o.order_id LIMIT 500
    """,
)
class UnpaidOrder(View):
    """An order unpaid for longer than the service policy's `unpaidHours`: the owner's task (未付款跟进)."""

    at: datetime | None = None
    """As of this moment; the last business day's end or the latest order, where it is left out."""

    order_id: str
    """Which order."""
    customer_id: str
    """Whose."""
    owner: str | None
    """Who follows it up."""
    placed_at: datetime
    """When it was ordered."""
    open_minor: int
    """What is left to pay, in minor units."""
    currency: str
    """ISO 4217."""
    hours: int
    """Since it was placed."""


@report(
    "order_cycle",
    reads=["orders", *DAYS, *MONEY],
    query=f"""
    SELECT progress, count(*) AS orders, {total("total_minor")} AS total_minor,
           (extract(epoch FROM avg(fulfilled_at - placed_at)) / 86400)::float8 AS days_to_delivery,
           (extract(epoch FROM max(fulfilled_at - placed_at)) / 86400)::float8 AS longest_days
      FROM {{orders}} o
     WHERE {period("placed_at")}
     GROUP BY progress ORDER BY array_position(
           ARRAY['placed', 'partly_paid', 'paid', 'delivered', 'cancelled'], progress)
    """,
)
class OrderCycle(View):
    """Where the orders of a period stand, and how long they took from order to delivery (订货周期)."""

    since: date | None = None
    """First day on which orders were placed; from the beginning, where it is left out."""
    until: date | None = None
    """Last such day."""

    progress: Progress
    """Where they stand."""
    orders: int
    """How many."""
    total_minor: int
    """What was ordered, in minor units of the tier policy's currency."""
    days_to_delivery: float | None
    """From order to delivery on average."""
    longest_days: float | None
    """The longest."""
