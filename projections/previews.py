"""What if another tier policy held? Who would be in which tier, and who would move; nothing is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.records import Record
from domain.tiers import Tier
from projections.tiers import valued

READS = ("customers", "orders")
EXAMPLES = 5
"""Customers that a move names at most."""
QUERY = f"""
    WITH old AS ({valued("old_")}),
    new AS ({valued("new_")}),
    moved AS (
        SELECT old.tier AS from_tier, new.tier AS to_tier, customer_id, old.spent_minor AS old_spent_minor,
               new.spent_minor AS new_spent_minor,
               row_number() OVER (PARTITION BY old.tier, new.tier
                                  ORDER BY new.spent_minor DESC, customer_id) AS place
          FROM new JOIN old USING (customer_id))
    SELECT from_tier, to_tier, count(*) AS customers, sum(old_spent_minor)::bigint AS old_spent_minor,
           sum(new_spent_minor)::bigint AS new_spent_minor,
           array_agg(customer_id ORDER BY place) FILTER (WHERE place <= {EXAMPLES}) AS examples
      FROM moved
     GROUP BY from_tier, to_tier
"""
"""Selects the moves between two `valuation`s, bound as `:old_…` and `:new_…`; who stays is among them."""


class Move(Record):
    """The customers whom one policy has in one tier and the other one in another, or in the same."""

    from_tier: Tier
    to_tier: Tier
    customers: int
    old_spent_minor: int
    new_spent_minor: int
    examples: tuple[str, ...]
    """Those of them who spent most, at most `EXAMPLES`."""


class Share(Record):
    """One tier under one policy."""

    tier: Tier
    rule: str
    customers: int
    spent_minor: int
    share_of_customers: float
    """Of all customers, 0 to 1."""
    share_of_spend: float
    """Of all that was spent in the policy's window, 0 to 1."""


def sides(**valuations: Mapping[str, Any]) -> dict[str, Any]:
    """The values of several valuations under the names that `QUERY` binds."""
    return {f"{side}_{name}": value for side, values in valuations.items() for name, value in values.items()}


def distribution(rules: Mapping[Tier, str], placed: Iterable[tuple[Tier, int, int]]) -> Sequence[Share]:
    """Every tier's share, best first, from parts of tiers: the tier, its customers and what they spent."""
    customers, spent = dict.fromkeys(rules, 0), dict.fromkeys(rules, 0)
    for tier, count, minor in placed:
        customers[tier] += count
        spent[tier] += minor
    everybody, everything = sum(customers.values()), sum(spent.values())
    return [
        Share(
            tier=tier,
            rule=rule,
            customers=customers[tier],
            spent_minor=spent[tier],
            share_of_customers=customers[tier] / everybody if everybody else 0,
            share_of_spend=spent[tier] / everything if everything else 0,
        )
        for tier, rule in rules.items()
    ]
