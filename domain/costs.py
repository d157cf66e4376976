"""What winning, keeping and serving customers costs and brings, booked once each."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from domain.commands import Command, Id, Named, Text
from domain.course import Move, course
from domain.events import Event, Personal, event
from domain.money import Amount, Currency


class CostKind(StrEnum):
    """What an amount was spent on, or what it stands for in the return of a programme."""

    WINNING = "winning"
    """Spent on winning new customers."""
    KEEPING = "keeping"
    """Spent on keeping customers."""
    SERVING = "serving"
    """Spent on serving one customer, or all."""
    PROGRAMME = "programme"
    """What the CRM programme really cost."""
    GAIN = "gain"
    """What the CRM programme brought in."""
    FORGONE = "forgone"
    """What would have been lost without the programme: the opportunity cost of not doing it."""


@event("CostBooked")
class CostBooked(Event):
    booking_id: str
    kind: CostKind
    amount_minor: int
    currency: str
    day: date
    customer_id: str | None = None
    note: Personal[str | None] = None


class BookCost(Command):
    """Book an amount; a mistake is put right by a booking of its own."""

    names = (Named(field="customer_id", noun="customer"),)
    booking_id: Id
    """Which booking; chosen by whoever books."""
    kind: CostKind
    """What it was spent on."""
    amount_minor: Amount
    currency: Currency
    day: date
    """The day it belongs to."""
    customer_id: Id | None = None
    """The customer it was spent on, if on one."""
    note: Text | None = None
    """What exactly it was."""


COSTS = course("cost", "booking_id", Move(command=BookCost, event=CostBooked, to="booked"))
