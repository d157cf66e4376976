"""What was promised and whether it was kept, message slips, and fault reports with their signatures."""

from __future__ import annotations

from datetime import date, datetime
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
from projections.reckoning import DAYS, period
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
    """By when the standard that was in force demands it at the latest."""
    standard_most_hours: float
    """Hours that the standard leaves for it at most."""
    standard_average_hours: float | None = None
    """Hours that such promises should take on average, where the standard says so."""
    promised_at: datetime
    """By when we promised it."""
    kept_at: datetime | None = None
    """When it was done."""
    reason: Personal[str | None] = None
    """Why it will not be done."""
    waiting: bool = True
    """It is neither kept nor given up."""
    overdue: bool = False
    """A business day has ended after the promised moment while the customer still waits."""
    within_promise: bool | None = None
    """It was kept by the promised moment; null while it is open."""
    within_standard: bool | None = None
    """It was kept by the standard's; null while it is open."""

    @on(CommitmentMade)
    def made(self, recorded: Recorded[CommitmentMade], policies: Policies) -> Self:
        e, made_at = recorded.event, recorded.occurred_at
        standard = policies.promise_standard(policies.business_day(made_at)).of(e.kind)
        return self.but(
            customer_id=e.customer_id,
            kind=e.kind,
            note=e.note,
            made_by=recorded.actor,
            made_at=made_at,
            standard_due_at=e.standard_due_at,
            standard_most_hours=(e.standard_due_at - made_at).total_seconds() / 3600,
            standard_average_hours=standard.average_hours,
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
        return self.but(
            reason=recorded.event.reason,
            waiting=False,
            overdue=False,
            within_promise=False,
            within_standard=False,
        )

    @on(DayEnded, rows={"waiting": True})
    def day_ended(self, recorded: Recorded[DayEnded], policies: Policies) -> Self:
        day = recorded.event.day
        return self.but(overdue=day_end(day, policies.calendar(day)) > self.promised_at)


@report(
    "promise_statistics",
    reads=["commitments", *DAYS],
    query=f"""
    WITH promised AS (
        SELECT *, extract(epoch FROM promised_at - made_at) / 3600 AS word,
               extract(epoch FROM kept_at - made_at) / 3600 AS took
          FROM {{commitments}} c WHERE {period("made_at")})
    SELECT kind, standard_most_hours, standard_average_hours,
           max(word)::float8 AS promised_most_hours, avg(word)::float8 AS promised_hours,
           max(took)::float8 AS most_hours, avg(took)::float8 AS hours,
           count(*) AS made, count(kept_at) AS kept,
           count(*) FILTER (WHERE NOT waiting AND kept_at IS NULL) AS missed,
           count(*) FILTER (WHERE overdue) AS overdue,
           count(*) FILTER (WHERE within_promise) AS within_promise,
           count(*) FILTER (WHERE within_standard) AS within_standard,
           avg(took) <= standard_average_hours AS average_kept
      FROM promised GROUP BY kind, standard_most_hours, standard_average_hours
     ORDER BY kind, min(made_at)
    """,
    chart=Chart(
        kind="bars",
        x="kind",
        y="hours promised_hours standard_average_hours most_hours promised_most_hours standard_most_hours",
        unit="hours",
    ),
)
class PromiseStatistics(View):
    """One kind of promise under one standard: the standard, our own word, and what was measured (标准与承诺).

    Hours are on the clock, from the promise on. A promise is judged by the standard that was in force when it
    was made: where that changed, a kind has a row for each. What is still open, or missed, has no hours yet.
    """

    since: date | None = None
    """First day on which they were made; from the beginning, where it is left out."""
    until: date | None = None
    """Last day."""

    kind: str
    """What was promised."""
    standard_most_hours: float
    """Hours that the standard leaves at most."""
    standard_average_hours: float | None
    """Hours that it demands on average; null where it demands none."""
    promised_most_hours: float
    """Hours promised at most."""
    promised_hours: float
    """Hours promised on average."""
    most_hours: float | None
    """Hours it took at most; null where none was kept."""
    hours: float | None
    """Hours it took on average."""
    made: int
    """How many promises."""
    kept: int
    """How many were kept, late ones included."""
    missed: int
    """How many will not be kept."""
    overdue: int
    """Open past our own word."""
    within_promise: int
    """Kept by our own word."""
    within_standard: int
    """Kept by the standard's latest moment."""
    average_kept: bool | None
    """It took no longer on average than it should; null where there is no such demand, or none was kept."""


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
    note: Personal[str | None] = None
    """What was done."""

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
        return self.but(ended_at=recorded.occurred_at, note=recorded.event.note)
