"""Which aggregates there are, and which of them decides a command."""

from __future__ import annotations

from typing import Any

from domain.analysis import ANALYSES
from domain.calendar import CALENDARS, DAYS
from domain.commands import Command
from domain.complaints import COMPLAINTS
from domain.customers import CUSTOMERS
from domain.deadlines import DEADLINES
from domain.decider import Decider
from domain.interactions import INTERACTIONS
from domain.orders import ORDERS
from domain.points import POINTS
from domain.tiers import TIER_POLICIES

DECIDERS: tuple[Decider[Any], ...] = (
    CUSTOMERS,
    INTERACTIONS,
    ORDERS,
    COMPLAINTS,
    POINTS,
    TIER_POLICIES,
    ANALYSES,
    DEADLINES,
    CALENDARS,
    DAYS,
)

_BY_COMMAND = {command: decider for decider in DECIDERS for command in decider.commands}


def decider_of(command_type: type[Command]) -> Decider[Any]:
    """The aggregate that decides commands of this type. Raises `LookupError` where none does."""
    try:
        return _BY_COMMAND[command_type]
    except KeyError:
        raise LookupError(f"no aggregate decides {command_type.__name__}; list it in its decider") from None
