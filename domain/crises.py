"""When complaints of one kind become a crisis (危机管理), which the executives take over."""

from __future__ import annotations

from domain.commands import Command, Id, Name, Text
from domain.complaints import Category
from domain.course import Move, course
from domain.events import Event, Personal, event


@event("CrisisDeclared")
class CrisisDeclared(Event):
    crisis_id: str
    category: Category
    reason: Personal[str]
    escalated_to: str


@event("CrisisEnded")
class CrisisEnded(Event):
    crisis_id: str
    note: Personal[str]


class DeclareCrisis(Command):
    """Declare a crisis (危机管理): all open complaints of the category are the executives' matter now."""

    crisis_id: Id
    """Which crisis; chosen by whoever declares it."""
    category: Category
    """Of which complaints."""
    reason: Text
    escalated_to: Name
    """The executive who takes it over."""


class EndCrisis(Command):
    """End a crisis, with what was learned."""

    crisis_id: Id
    """Which crisis."""
    note: Text
    """What was learned."""


CRISES = course(
    "crisis",
    "crisis_id",
    Move(command=DeclareCrisis, event=CrisisDeclared, to="declared"),
    Move(command=EndCrisis, event=CrisisEnded, to="ended", after=("declared",)),
)
