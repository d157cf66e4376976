"""Each complaint's standing and whole story, its deadline, and what complaints look like all together."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self

from domain.calendar import DayEnded, day_end
from domain.complaints import (
    Category,
    ComplaintAcknowledged,
    ComplaintAssessed,
    ComplaintAssigned,
    ComplaintClosed,
    ComplaintEscalated,
    ComplaintPaused,
    ComplaintReceived,
    ComplaintReopened,
    ComplaintResumed,
    DecisionCommunicated,
    InvestigationRecorded,
    RemedyAccepted,
    RemedyOffered,
    RemedyRejected,
    SatisfactionVerified,
    Severity,
    Step,
    Verdict,
    YellowCardIssued,
    step_after,
)
from domain.events import Personal, Recorded
from domain.interactions import Channel
from domain.policies import Policies, complaint_limit, due_at, moved_by_pause
from domain.tiers import Tier
from projections.reckoning import DAYS, OURS, period
from projections.tiers import CustomerValue
from projections.view import Chart, CustomerId, View, on, ref, report, view


@view("complaints", key="complaint_id", indexes=["received_at", "open due_at"])
class Complaint(View):
    """One complaint: where it stands, until when it must be answered, and how it ended."""

    complaint_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Who complains."""
    order_id: Annotated[str | None, ref("orders")] = None
    """The order it is about, if it is about one."""
    category: Category
    """What it is about."""
    text: Personal[str | None] = None
    """The customer's own words."""
    channel: Channel | None = None
    """By which way it reached us."""
    step: Step
    """How far it has come."""
    open: bool = True
    """It is not closed."""
    severity: Severity | None = None
    """How badly it hurts the customer; null until it was assessed."""
    safety: bool | None = None
    """Whether somebody's safety is concerned; null until it was assessed."""
    complexity: int | None = None
    """1 lowest, 5 highest; null until it was assessed."""
    impact: int | None = None
    """How far it reaches: 1 lowest, 5 highest; null until it was assessed."""
    immediate: bool | None = None
    """Whether something must be done at once; null until it was assessed."""
    handler: str | None = None
    """Who works on it."""
    escalated_to: str | None = None
    """Who took it over with more authority."""
    received_at: datetime
    """When it was received."""
    acknowledged_at: datetime | None = None
    """When the customer was told, for the first time, that it arrived."""
    clock_from: datetime
    """From when the deadline is reckoned: the receipt, or the latest reopening."""
    due_at: datetime
    """Until when the decision must be communicated (投诉时限): half a working day, or as published."""
    tier: Tier | None = None
    """The customer's tier when it was received, or taken up again: deadlines may depend on it."""
    allowed_minutes: int
    """How long it may take from `clockFrom` on, pauses not counted."""
    around_the_clock: bool = False
    """The minutes count night and day, not only while the business is open."""
    decided_at: datetime | None = None
    """When the decision was communicated for the first time since the receipt or reopening."""
    closed_at: datetime | None = None
    """When it was closed."""
    awaiting: bool = True
    """No decision was communicated yet."""
    overdue: bool = False
    """A business day has ended after the deadline while the customer still waits for the decision."""
    late: bool = False
    """The decision came after the deadline."""
    justified: bool | None = None
    """What the investigation found."""
    remedy: Personal[str | None] = None
    """The remedy on offer, or the accepted one."""
    remedy_cost_minor: int = 0
    """In minor units of `currency`."""
    currency: str | None = None
    """ISO 4217."""
    remedies_rejected: int = 0
    """How many remedies the customer did not take."""
    verdict: Verdict | None = None
    """What the customer said once the decision was communicated."""
    root_cause: str | None = None
    """Why it came about, the root cause found when it was closed (投诉原因)."""
    reopened: int = 0
    """How often it was taken up again."""
    paused_at: datetime | None = None
    """Since when we wait for the customer and the deadline's clock stands still; null while it runs."""

    @on(ComplaintReceived, looks_up="customer_values")
    def received(
        self, recorded: Recorded[ComplaintReceived], policies: Policies, value: CustomerValue | None
    ) -> Self:
        e = recorded.event
        return self._from(recorded.occurred_at, policies, value).but(
            customer_id=e.customer_id,
            order_id=e.order_id,
            category=e.category,
            text=e.text,
            channel=e.channel,
            step=Step.RECEIVED,
            received_at=recorded.occurred_at,
        )

    @on(ComplaintAcknowledged)
    def acknowledged(self, recorded: Recorded[ComplaintAcknowledged]) -> Self:
        first = self.acknowledged_at or recorded.occurred_at
        return self.but(step=step_after(self.step, recorded.event), acknowledged_at=first)

    @on(ComplaintAssessed)
    def assessed(self, recorded: Recorded[ComplaintAssessed], policies: Policies) -> Self:
        e = recorded.event
        assessed = self.but(
            step=step_after(self.step, e),
            severity=e.severity,
            safety=e.safety,
            complexity=e.complexity,
            impact=e.impact,
            immediate=e.immediate,
        )
        return assessed._limited(policies) if self.awaiting else assessed

    @on(ComplaintAssigned)
    def assigned(self, recorded: Recorded[ComplaintAssigned]) -> Self:
        return self.but(handler=recorded.event.handler)

    @on(InvestigationRecorded)
    def investigated(self, recorded: Recorded[InvestigationRecorded]) -> Self:
        return self.but(step=step_after(self.step, recorded.event), justified=recorded.event.justified)

    @on(RemedyOffered)
    def offered(self, recorded: Recorded[RemedyOffered]) -> Self:
        e = recorded.event
        return self.but(
            step=step_after(self.step, recorded.event),
            remedy=e.remedy,
            remedy_cost_minor=e.cost_minor,
            currency=e.currency,
        )

    @on(RemedyAccepted)
    def accepted(self, recorded: Recorded[RemedyAccepted]) -> Self:
        return self.but(step=step_after(self.step, recorded.event))

    @on(RemedyRejected)
    def rejected(self, recorded: Recorded[RemedyRejected]) -> Self:
        return self.but(
            step=step_after(self.step, recorded.event),
            remedy=None,
            remedy_cost_minor=0,
            currency=None,
            remedies_rejected=self.remedies_rejected + 1,
        )

    @on(DecisionCommunicated)
    def decided(self, recorded: Recorded[DecisionCommunicated]) -> Self:
        at = recorded.occurred_at
        if (
            not self.awaiting
        ):  # the customer was not satisfied; the first decision met the deadline or did not
            return self.but(step=step_after(self.step, recorded.event))
        return self.but(
            step=step_after(self.step, recorded.event),
            decided_at=at,
            awaiting=False,
            overdue=False,
            paused_at=None,
            late=(self.paused_at or at) > self.due_at,
        )

    @on(SatisfactionVerified)
    def verified(self, recorded: Recorded[SatisfactionVerified]) -> Self:
        return self.but(step=step_after(self.step, recorded.event), verdict=recorded.event.verdict)

    @on(ComplaintClosed)
    def closed(self, recorded: Recorded[ComplaintClosed]) -> Self:
        return self.but(
            step=step_after(self.step, recorded.event),
            open=False,
            awaiting=False,
            overdue=False,
            paused_at=None,
            closed_at=recorded.occurred_at,
            root_cause=recorded.event.root_cause,
        )

    @on(ComplaintReopened, looks_up="customer_values")
    def taken_up_again(
        self, recorded: Recorded[ComplaintReopened], policies: Policies, value: CustomerValue | None
    ) -> Self:
        return self._from(recorded.occurred_at, policies, value).but(
            step=step_after(self.step, recorded.event),
            open=True,
            awaiting=True,
            late=False,
            decided_at=None,
            closed_at=None,
            verdict=None,
            reopened=self.reopened + 1,
        )

    @on(ComplaintEscalated)
    def escalated(self, recorded: Recorded[ComplaintEscalated]) -> Self:
        return self.but(escalated_to=recorded.event.to)

    @on(ComplaintPaused)
    def paused(self, recorded: Recorded[ComplaintPaused]) -> Self:
        return self.but(paused_at=recorded.occurred_at)

    @on(ComplaintResumed)
    def resumed(self, recorded: Recorded[ComplaintResumed], policies: Policies) -> Self:
        at = recorded.occurred_at
        moved = moved_by_pause(policies, self.due_at, self.paused_at or at, at, self.around_the_clock)
        return self.but(due_at=moved, paused_at=None)

    @on(DayEnded, rows={"awaiting": True})
    def day_ended(self, recorded: Recorded[DayEnded], policies: Policies) -> Self:
        day = recorded.event.day
        return self.but(overdue=(self.paused_at or day_end(day, policies.calendar(day))) > self.due_at)

    def _from(self, moment: datetime, policies: Policies, value: CustomerValue | None) -> Self:
        """With the clock set anew, for a customer of this value."""
        return self.but(clock_from=moment, tier=value.tier if value else None)._limited(policies)

    def _limited(self, policies: Policies) -> Self:
        """With the deadline for what is known of it by now."""
        limit = complaint_limit(policies, self.clock_from, self.severity, self.tier)
        return self.but(
            due_at=due_at(policies, self.clock_from, limit),
            allowed_minutes=limit.minutes,
            around_the_clock=limit.around_the_clock,
        )


@view("complaint_steps", key="complaint_id position")
class ComplaintStep(View):
    """One step in a complaint's history (投诉历史), in the order of the log."""

    complaint_id: Annotated[str, ref("complaints")]
    """Whose story it belongs to."""
    customer_id: Annotated[str | None, ref("customers")]
    """The customer who complained."""
    position: int
    """Of the event in the log."""
    event: str
    """The event's stored name."""
    occurred_at: datetime
    """When it happened."""
    actor: str
    """Who did it."""
    words: Personal[str | None] = None
    """What was said, found, offered or decided."""

    @on(
        ComplaintReceived,
        ComplaintAcknowledged,
        ComplaintAssessed,
        ComplaintAssigned,
        InvestigationRecorded,
        RemedyOffered,
        RemedyAccepted,
        RemedyRejected,
        DecisionCommunicated,
        SatisfactionVerified,
        ComplaintClosed,
        ComplaintReopened,
        ComplaintEscalated,
        ComplaintPaused,
        ComplaintResumed,
        YellowCardIssued,
    )
    def taken(self, recorded: Recorded[Any]) -> Self:
        return self.but(
            customer_id=recorded.customer_id,
            event=recorded.name,
            occurred_at=recorded.occurred_at,
            actor=recorded.actor,
            words=_words(recorded.event),
        )


def _words(event: Any) -> str | None:
    said = (
        "text",
        "apology",
        "finding",
        "remedy",
        "decision",
        "reason",
        "note",
        "root_cause",
        "handler",
        "severity",
    )
    return next((str(words) for name in said if (words := getattr(event, name, None))), None)


@view("yellow_cards", key="complaint_id member", indexes=["member"])
class YellowCard(View):
    """A warning to the member of staff whose fault a justified complaint was (黄牌警告)."""

    complaint_id: Annotated[str, ref("complaints")]
    """For which complaint."""
    customer_id: Annotated[str | None, ref("customers")]
    """The customer who complained."""
    member: str
    """Who was warned."""
    reason: Personal[str]
    """Why."""
    issued_by: str
    """By whom."""
    issued_at: datetime
    """When."""

    @on(YellowCardIssued)
    def issued(self, recorded: Recorded[YellowCardIssued]) -> Self:
        return self.but(
            customer_id=recorded.customer_id,
            reason=recorded.event.reason,
            issued_by=recorded.actor,
            issued_at=recorded.occurred_at,
        )


@report(
    "complaint_statistics",
    reads=["complaints", "customers", *DAYS],
    query=f"""
    SELECT category,
           count(*) AS received,
           count(*) FILTER (WHERE open) AS open,
           count(*) FILTER (WHERE overdue OR late) AS late,
           count(*) FILTER (WHERE verdict = 'satisfied') AS satisfied,
           count(*) FILTER (WHERE reopened > 0) AS reopened,
           extract(epoch FROM avg(closed_at - received_at)) / 3600 AS hours_to_close,
           10000.0 * count(*) / nullif((SELECT count(*) FROM {{customers}} c WHERE {OURS}), 0)
               AS per_10000_customers
      FROM {{complaints}} complaint
     WHERE {period("received_at")}
     GROUP BY category
     ORDER BY received DESC, category
    """,
    chart=Chart(kind="pareto", x="category", y="received", unit="complaints"),
)
class ComplaintStatistics(View):
    """Complaints of one category in a period, against the number of customers (万户投诉量)."""

    since: date | None = None
    """First day on which complaints were received; from the beginning where it is left out."""
    until: date | None = None
    """Last such day."""

    category: Category
    """What the complaints are about."""
    received: int
    """How many were received."""
    open: int
    """Of these, how many are not closed."""
    late: int
    """Answered after the deadline, or overdue."""
    satisfied: int
    """How many ended with a customer who says so."""
    reopened: int
    """How many were taken up again at least once."""
    hours_to_close: float | None
    """Average hours from receipt to close."""
    per_10000_customers: float | None
    """Complaints ÷ customers whom we had in the period × 10,000."""
