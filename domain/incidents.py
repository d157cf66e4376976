"""How a fault is reported (故障报告): signed, endorsed by the manager, then told to executives."""

from __future__ import annotations

from domain.commands import Command, Id, Name, Text
from domain.course import Move, course
from domain.events import Event, Personal, event


@event("IncidentReported")
class IncidentReported(Event):
    incident_id: str
    place: str
    symptom: Personal[str]
    remedy: Personal[str]


@event("IncidentSigned")
class IncidentSigned(Event):
    incident_id: str


@event("IncidentEndorsed")
class IncidentEndorsed(Event):
    incident_id: str


@event("ExecutivesInformed")
class ExecutivesInformed(Event):
    incident_id: str
    told: str


@event("IncidentEnded")
class IncidentEnded(Event):
    incident_id: str
    note: Personal[str]


class ReportIncident(Command):
    """Report a fault (故障报告): where, what shows, and what is planned; when, says `occurredAt`."""

    incident_id: Id
    """Which incident; chosen by whoever reports it."""
    place: Name
    """Where it happened."""
    symptom: Text
    """What shows."""
    remedy: Text
    """What is planned against it."""


class SignIncident(Command):
    """Sign the report: the actor answers for it."""

    incident_id: Id
    """Which incident."""


class EndorseIncident(Command):
    """The manager has seen the signed report."""

    incident_id: Id
    """Which incident."""


class InformExecutives(Command):
    """The executives were told, after the manager."""

    incident_id: Id
    """Which incident."""
    told: Name
    """Who was told."""


class EndIncident(Command):
    """The fault is mended."""

    incident_id: Id
    """Which incident."""
    note: Text
    """What was done."""


INCIDENTS = course(
    "incident",
    "incident_id",
    Move(command=ReportIncident, event=IncidentReported, to="reported"),
    Move(command=SignIncident, event=IncidentSigned, to="signed", after=("reported",)),
    Move(command=EndorseIncident, event=IncidentEndorsed, to="endorsed", after=("signed",)),
    Move(command=InformExecutives, event=ExecutivesInformed, to="escalated", after=("endorsed",)),
    Move(command=EndIncident, event=IncidentEnded, to="ended", after=("signed", "endorsed", "escalated")),
)
