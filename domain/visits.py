"""Which visits and rounds are planned, made or missed (回访、巡访), and what was seen there."""

from __future__ import annotations

from datetime import date

from domain.commands import Command, Id, Name, Text
from domain.course import Move, course
from domain.customers import require_served
from domain.events import Event, Personal, event


@event("VisitPlanned")
class VisitPlanned(Event):
    visit_id: str
    customer_id: str
    on: date
    member: str
    purpose: str


@event("VisitCompleted")
class VisitCompleted(Event):
    visit_id: str
    stock: str | None = None
    purchases: str | None = None
    sales: str | None = None
    criticism: Personal[str | None] = None


@event("VisitMissed")
class VisitMissed(Event):
    visit_id: str
    reason: Personal[str]


class PlanVisit(Command):
    """Plan a visit, a revisit by call, or a round for a day (回访、巡访)."""

    visit_id: Id
    """Which visit; chosen by whoever plans it."""
    customer_id: Id
    on: date
    """The day."""
    member: Name
    """Who goes."""
    purpose: Name
    """What for: `revisit`, `round`, `churn watch`."""


class CompleteVisit(Command):
    """Note what was seen and heard on the visit."""

    visit_id: Id
    """Which visit."""
    stock: Name | None = None
    """What the customer has in stock."""
    purchases: Name | None = None
    """What the customer bought, from us and elsewhere."""
    sales: Name | None = None
    """What the customer sells on."""
    criticism: Text | None = None
    """What the customer criticises."""


class MissVisit(Command):
    """Note that a planned visit did not take place, and why."""

    visit_id: Id
    """Which visit."""
    reason: Text


VISITS = course(
    "visit",
    "visit_id",
    Move(command=PlanVisit, event=VisitPlanned, to="planned"),
    Move(command=CompleteVisit, event=VisitCompleted, to="completed", after=("planned",)),
    Move(command=MissVisit, event=VisitMissed, to="missed", after=("planned",)),
    guard=require_served,
)
