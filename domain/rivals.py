"""What we saw of rivals (竞争对手库), and who told us."""

from __future__ import annotations

from domain.commands import Command, Id, Name, Named, Text
from domain.course import Move, course
from domain.events import Event, Personal, event


@event("RivalObserved")
class RivalObserved(Event):
    observation_id: str
    rival: str
    topic: str
    text: Personal[str]
    told_by: str
    customer_id: str | None = None


class ObserveRival(Command):
    """Note what a rival offers, charges or plans, and where that is known from."""

    names = (Named(field="customer_id", noun="customer"),)
    observation_id: Id
    """Which observation; chosen by whoever notes it."""
    rival: Name
    """Who."""
    topic: Name
    """What it is about: a price, a product, a service."""
    text: Text
    """What was seen or heard."""
    told_by: Name
    """The source."""
    customer_id: Id | None = None
    """The customer it was seen at, if at one."""


RIVALS = course(
    "rival_observation",
    "observation_id",
    Move(command=ObserveRival, event=RivalObserved, to="noted"),
)
