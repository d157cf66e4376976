"""What was promised and whether it was kept, message slips, and fault reports with their signatures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from domain.calendar import DayEnded, day_end
from domain.commitments import CommitmentKept, CommitmentMade, CommitmentMissed
from domain.events import Personal, Recorded
from domain.incidents import (
    ExecutivesInformed,
    IncidentEnded,
    IncidentEndorsed,
    IncidentReported,
    IncidentSigned,
)
from domain.messages import MessagePassedOn, MessageTaken
from domain.policies import Policies
from projections.view import Chart, CustomerId, View, about, on, report, view


@view("commitments", key="commitment_id", indexes=["waiting promised_at"])
class Commitment(View):
    """Something promised to a customer, by the standard and by our own word (标准与承诺)."""

    commitment_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """To whom."""
    kind: str
    """What was promised: install, repair, change …"""
    note: Personal[str | None] = None
    """What exactly."""
    made_by: str
    """Who promised it."""
    made_at: datetime
    """When."""
    standard_due_at: datetime
    """By when the standard demands it."""
    promised_at: datetime
    """By when we promised it."""
    kept_at: datetime | None = None
    """When it was done."""
    waiting: bool = True
    """It is neither kept nor given up."""
    overdue: bool = False
    """A business day has ended after the promised moment while the customer still waits."""
    within_promise: bool | None = None
    """It was kept by the promised moment; null while it is open."""
    within_standard: bool | None = None
    """It was kept by the standard's; null while it is open."""

    @on(CommitmentMade)
    def made(self, recorded: Recorded[CommitmentMade]) -> Self:
        e = recorded.event
        return self.but(
            customer_id=e.customer_id,
            kind=e.kind,
            note=e.note,
            made_by=recorded.actor,
            made_at=recorded.occurred_at,
            standard_due_at=e.standard_due_at,
            promised_at=e.promised_at,
        )

    @on(CommitmentKept)
    def kept(self, recorded: Recorded[CommitmentKept]) -> Self:
        at = recorded.occurred_at
        return self.but(
            kept_at=at,
            waiting=False,
            overdue=False,
            within_promise=at <= self.promised_at,
            within_standard=at <= self.standard_due_at,
        )

    @on(CommitmentMissed)
    def missed(self, recorded: Recorded[CommitmentMissed]) -> Self:
        return self.but(waiting=False, overdue=False, within_promise=False, within_standard=False)

    @on(DayEnded, rows={"waiting": True})
    def day_ended(self, recorded: Recorded[DayEnded], policies: Policies) -> Self:
        day = recorded.event.day
        return self.but(overdue=day_end(day, policies.calendar(day)) > self.promised_at)


@report(
    "promise_statistics",
    reads=["commitments"],
    query="""
    SELECT kind, count(*) AS made, count(*) FILTER (WHERE kept_at IS NOT NULL) AS kept,
           count(*) FILTER (WHERE within_promise) AS within_promise,
           count(*) FILTER (WHERE within_standard) AS within_standard,
           count(*) FILTER (WHERE overdue) AS overdue,
           (extract(epoch FROM avg(kept_at - made_at)) / 3600)::float8 AS hours,
           (extract(epoch FROM max(kept_at - made_at)) / 3600)::float8 AS most_hours,
           (extract(epoch FROM avg(promised_at - made_at)) / 3600)::float8 AS promised_hours,
           (extract(epoch FROM avg(standard_due_at - made_at)) / 3600)::float8 AS standard_hours
      FROM {commitments} c GROUP BY kind ORDER BY kind
    """,
    chart=Chart(kind="bars", x="kind", y="hours promised_hours standard_hours", unit="hours"),
)
class PromiseStatistics(View):
    """One kind of promise: the standard, our own word, and what was measured (标准与承诺).

    Averages and the longest are told apart, as the standard does: 15 days on average, 20 at most.
    """

    kind: str
    """What was promised."""
    made: int
    """How many promises."""
    kept: int
    """How many were kept, late ones included."""
    within_promise: int
    """Kept by our own word."""
    within_standard: int
    """Kept by the standard."""
    overdue: int
    """Open past our own word."""
    hours: float | None
    """Hours it took on average."""
    most_hours: float | None
    """Hours it took at most."""
    promised_hours: float
    """Hours promised on average."""
    standard_hours: float
    """Hours by the standard on average."""


@view("messages", key="message_id", indexes=["addressee waiting"])
class Message(View):
    """A message taken for a colleague (留言记录)."""

    message_id: str
    """The id that clients chose for it."""
    addressee: str
    """The colleague."""
    text: Personal[str]
    """The message."""
    firm: str | None
    """The caller's firm."""
    name: Personal[str]
    """The caller's name."""
    value: Personal[str]
    """How to reach the caller."""
    customer: Annotated[str | None, about]
    """The customer's id, where the caller is known as one."""
    taken_by: str
    """Who took it."""
    taken_at: datetime
    """When."""
    waiting: bool = True
    """The addressee does not have it yet."""
    passed_on_at: datetime | None = None
    """When the addressee got it."""

    @on(MessageTaken)
    def taken(self, recorded: Recorded[MessageTaken]) -> Self:
        e = recorded.event
        return self.but(
            addressee=e.addressee,
            text=e.text,
            firm=e.firm,
            name=e.name,
            value=e.value,
            customer=e.customer_id,
            taken_by=recorded.actor,
            taken_at=recorded.occurred_at,
        )

    @on(MessagePassedOn)
    def passed_on(self, recorded: Recorded[MessagePassedOn]) -> Self:
        return self.but(waiting=False, passed_on_at=recorded.occurred_at)


@view("incidents", key="incident_id", indexes=["reported_at"])
class Incident(View):
    """A fault report on its way from the signer over the manager to the executives (故障报告)."""

    incident_id: str
    """The id that clients chose for it."""
    place: str
    """Where."""
    symptom: Personal[str]
    """What showed."""
    remedy: Personal[str]
    """What is planned against it."""
    reported_by: str
    """Who reported it."""
    reported_at: datetime
    """When it happened."""
    signed_by: str | None = None
    """Who answers for the report."""
    endorsed_by: str | None = None
    """The manager who has seen it."""
    executives_told: str | None = None
    """The executives who were told."""
    ended_at: datetime | None = None
    """When it was mended."""

    @on(IncidentReported)
    def reported(self, recorded: Recorded[IncidentReported]) -> Self:
        e = recorded.event
        return self.but(
            place=e.place,
            symptom=e.symptom,
            remedy=e.remedy,
            reported_by=recorded.actor,
            reported_at=recorded.occurred_at,
        )

    @on(IncidentSigned)
    def signed(self, recorded: Recorded[IncidentSigned]) -> Self:
        return self.but(signed_by=recorded.actor)

    @on(IncidentEndorsed)
    def endorsed(self, recorded: Recorded[IncidentEndorsed]) -> Self:
        return self.but(endorsed_by=recorded.actor)

    @on(ExecutivesInformed)
    def escalated(self, recorded: Recorded[ExecutivesInformed]) -> Self:
        return self.but(executives_told=recorded.event.told)

    @on(IncidentEnded)
    def ended(self, recorded: Recorded[IncidentEnded]) -> Self:
        return self.but(ended_at=recorded.occurred_at)
