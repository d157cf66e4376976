"""What views must hold as of a position, computed in plain Python from the log's events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from domain.calendar import DayEnded, day_end
from domain.customers import CustomerRegistered
from domain.events import POLICY_TAG, Recorded
from domain.orders import OrderCancelled, OrderPlaced, RefundPaid
from domain.policies import Policies, evolve
from domain.tiers import ends_on
from projections.tiers import CustomerValue
from projections.view import Declaration, View

Rows = dict[tuple[Any, ...], View]


def folded(declarations: Iterable[Declaration], events: Sequence[Recorded[Any]]) -> dict[str, Rows]:
    """Each view's rows after these events, from the log's beginning."""
    views: dict[str, Rows] = {declaration.name: {} for declaration in declarations}
    policies = Policies()
    valued: Rows = {}
    for n, recorded in enumerate(events, start=1):
        if POLICY_TAG in recorded.event.tags:
            policies = evolve(policies, recorded.event)
        for declaration in declarations:
            _fold(declaration, views[declaration.name], recorded, policies)
        if isinstance(recorded.event, DayEnded):
            valued = _valued(events[:n], policies) or valued
    if "customer_values" in views:
        views["customer_values"] = dict(valued)
    return views


def _fold(declaration: Declaration, rows: Rows, recorded: Recorded[Any], policies: Policies) -> None:
    handler = declaration.handlers.get(type(recorded.event))
    if handler is None:
        return
    if handler.rows is None:
        keys = list(handler.keys(recorded))
    else:
        wanted = handler.rows.items()
        keys = [key for key, row in rows.items() if all(getattr(row, f) == v for f, v in wanted)]
    for key in keys:
        extra = (policies,) if handler.policies else ()
        after = handler.fold(rows.get(key, declaration.blank(key)), recorded, *extra)
        if after is None:
            rows.pop(key, None)
        else:
            rows[key] = after


def _valued(events: Sequence[Recorded[Any]], policies: Policies) -> Rows | None:
    """Every customer's place in the pyramid at a day's end; None where nobody is valued then."""
    day = events[-1].event.day
    policy, calendar = policies.tier_policy(day), policies.calendar(day)
    if policy is None or not ends_on(policy.cadence, day):
        return None
    begin, end = day_end(day - timedelta(days=policy.window_days), calendar), day_end(day, calendar)
    orders: dict[str, Recorded[OrderPlaced]] = {}
    spent: dict[str, int] = {}
    customers = []
    for recorded in events:
        match recorded.event:
            case CustomerRegistered(customer_id=customer_id):
                customers.append(customer_id)
            case OrderPlaced(order_id=order_id) if recorded.event.currency == policy.currency:
                if begin <= recorded.occurred_at < end:
                    orders[order_id], spent[order_id] = recorded, recorded.event.total_minor
            case OrderCancelled(order_id=order_id):
                orders.pop(order_id, None)
            case RefundPaid(order_id=order_id) if order_id in orders:
                spent[order_id] -= recorded.event.amount_minor
    figures = {}
    for customer in customers:
        mine = [o for o in orders.values() if o.event.customer_id == customer]
        if mine:
            money = sum(spent[o.event.order_id] for o in mine)
            figures[customer] = (max(o.occurred_at for o in mine), len(mine), money)
    rows: Rows = {}
    for customer in customers:
        last, count, money = figures.get(customer, (None, 0, 0))
        rule = next(r for r in policy.rules if money >= r.min_spend_minor and count >= r.min_orders)
        scores: list[int | None] = [None, None, None]
        if customer in figures:
            for n in range(3):
                less = sum(other[n] < figures[customer][n] for other in figures.values())  # type: ignore[operator]  # alike
                scores[n] = 1 + 5 * less // len(figures)
        rows[(customer,)] = CustomerValue(
            customer_id=customer,
            tier=rule.tier,
            rule=rule.text(policy.currency, policy.window_days),
            policy_version=policy.policy_version,
            spent_minor=money,
            currency=policy.currency,
            order_count=count,
            last_order_at=last,
            recency_score=scores[0],
            frequency_score=scores[1],
            money_score=scores[2],
        )
    return rows
