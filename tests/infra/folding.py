"""What views must hold as of a position, computed in plain Python from the log's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.calendar import DayEnded
from domain.events import ERASED, POLICY_TAG, Recorded
from domain.policies import Policies, evolve
from domain.tiers import Cadence, ends_on
from projections.view import Declaration
from tests.infra.classes import classes
from tests.infra.populations import Rows, populations


def folded(declarations: Iterable[Declaration], events: Sequence[Recorded[Any]]) -> dict[str, Rows]:
    """Each view's rows after these events, from the log's beginning."""
    views: dict[str, Rows] = {declaration.name: {} for declaration in declarations}
    policies = Policies()
    computed: dict[str, Rows] = {}
    for n, recorded in enumerate(events, start=1):
        if POLICY_TAG in recorded.event.tags:
            policies = evolve(policies, recorded.event)
        for declaration in declarations:
            _fold(declaration, views[declaration.name], recorded, policies, computed)
        if isinstance(recorded.event, DayEnded):
            day = recorded.event.day
            computed |= populations(events[:n], policies)
            if ends_on(Cadence.MONTH, day) and "customer_classes" in views:
                computed["customer_classes"] = classes({**views, **computed}, day, policies)
    return {name: computed.get(name, rows) for name, rows in views.items()}


def _fold(
    declaration: Declaration,
    rows: Rows,
    recorded: Recorded[Any],
    policies: Policies,
    computed: Mapping[str, Rows],
) -> None:
    handler = declaration.handlers.get(type(recorded.event))
    if handler is None:
        return
    if handler.rows is None:
        keys = list(handler.keys(recorded))
    else:
        wanted = handler.rows.items()
        keys = [key for key, row in rows.items() if all(getattr(row, f) == v for f, v in wanted)]
    for key in keys:
        if ERASED in key:
            continue
        found = computed.get(handler.looks_up or "", {}).get((recorded.customer_id,))
        after = handler.after(rows.get(key, declaration.blank(key)), recorded, policies, found)
        if after is None:
            rows.pop(key, None)
        else:
            rows[key] = after
