"""Who might become a customer, and what became of it: captured, then qualified or not."""

from __future__ import annotations

from domain.commands import Address, Command, Id, Name, Named, Text
from domain.course import Move, course
from domain.events import Event, Personal, event


@event("LeadCaptured")
class LeadCaptured(Event):
    lead_id: str
    name: Personal[str]
    value: Personal[str | None] = None
    interest: str
    origin: str


@event("LeadQualified")
class LeadQualified(Event):
    """The customer whose file was opened is the one it is about."""

    lead_id: str
    customer_id: str


@event("LeadDisqualified")
class LeadDisqualified(Event):
    lead_id: str
    reason: Personal[str]


class CaptureLead(Command):
    """Note somebody who might become a customer (SFA模块)."""

    lead_id: Id
    """Which lead; chosen by whoever captures it."""
    name: Name
    """Who it is."""
    value: Address | None = None
    """How to reach them."""
    interest: Name
    """In what."""
    origin: Name
    """Where they came from: a fair, a campaign, a recommendation."""


class QualifyLead(Command):
    """The lead has become a customer with a file."""

    names = (Named(field="customer_id", noun="customer"),)
    lead_id: Id
    """Which lead."""
    customer_id: Id


class DisqualifyLead(Command):
    """Nothing will come of it."""

    lead_id: Id
    """Which lead."""
    reason: Text


LEADS = course(
    "lead",
    "lead_id",
    Move(command=CaptureLead, event=LeadCaptured, to="captured"),
    Move(command=QualifyLead, event=LeadQualified, to="qualified", after=("captured",)),
    Move(command=DisqualifyLead, event=LeadDisqualified, to="disqualified", after=("captured",)),
)
