"""Tiers in GraphQL: the policies, the place in the pyramid, and why a customer has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from strawberry.types import Info

from api.build import field, list_of
from api.call import call
from api.events import Event
from api.nouns import Links, Noun
from api.rights import readable
from api.views import ViewType
from domain.analysis import ANALYSES
from domain.calendar import DayEnded
from domain.events import Recorded
from domain.orders import ORDERS
from domain.tiers import TIER_POLICIES
from infra.views import conditions
from infra.views.conditions import All, Not, Test
from infra.views.reader import Found
from projections.orders import Order
from projections.tiers import CustomerValue, due

MOST = 1_000
"""Orders that an explanation lists at most."""


def links(types: Mapping[str, ViewType]) -> Mapping[str, Links]:
    orders, events = list_of(types["orders"].row), list[Event]
    return {
        "customer_values": {
            "because": (
                orders,
                field(
                    orders,
                    _because,
                    description="The orders that counted when the tier was given, latest first.",
                ),
            ),
            "caused_by": (
                events,
                field(
                    events,
                    _caused_by,
                    description="The events behind it: the valuation, then the orders', in order.",
                ),
            ),
        }
    }


async def _because(root: Found, info: Info) -> list[Found]:
    """The orders in the policy's window, as they stood at the valuation."""
    reader = call(info).reader
    [ended] = await reader.log.read(root.since - 1, limit=1)
    window = due(cast(Recorded[DayEnded], ended), await reader.log.policies(root.since))
    assert window is not None  # the row exists, so the valuation was due
    counted = All(
        parts=(
            Test(column="customer_id", op="eq", value=cast(CustomerValue, root.row).customer_id),
            Test(column="currency", op="eq", value=window["currency"]),
            Test(column="placed_at", op="gte", value=window["since"]),
            Test(column="placed_at", op="lt", value=window["until"]),
            Not(part=Test(column="cancelled", op="eq", value=True)),
        )
    )
    table = await call(info).table("orders", root.since)
    page = await reader.page(
        table,
        root.since,
        sight=call(info).sight("orders"),
        where=counted,
        order=[conditions.Order(column="placed_at", descending=True)],
        window=conditions.Window(size=MOST),
    )
    return list(page.rows)


async def _caused_by(root: Found, info: Info) -> list[Recorded[Any]]:
    log = call(info).tenant.log
    orders = await _because(root, info)
    streams = await log.read_streams([ORDERS.stream(cast(Order, order.row).order_id) for order in orders])
    told = [e for events in streams.values() for e in events if e.position <= root.since]
    behind = [*await log.read(root.since - 1, limit=1), *sorted(told, key=lambda e: e.position)]
    return list(await readable(call(info), behind))


NOUNS = (Noun(decider=TIER_POLICIES, answer="tier_policies", links=links), Noun(decider=ANALYSES))
