"""Every contact with a customer, and the one timeline that all of a customer's events fall into."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from domain.calendar import business_minutes
from domain.complaints import ComplaintClosed, ComplaintReceived, DecisionCommunicated, RemedyOffered
from domain.customers import CustomerRegistered, CustomerWonBack, RelationshipEnded
from domain.events import Personal, Recorded
from domain.interactions import (
    Channel,
    Direction,
    HandoverDisputed,
    HandoverRuled,
    InteractionHandedOver,
    InteractionPaused,
    InteractionRecorded,
    InteractionReopened,
    InteractionResolved,
    InteractionResumed,
    LoopStage,
    Mood,
    ResponsibilityTaken,
    ServiceStage,
)
from domain.money import decimal
from domain.orders import OrderCancelled, OrderFulfilled, OrderPlaced, PaymentReceived, RefundPaid
from domain.policies import Policies, answer_limit, clock, due_at, moved_by_pause
from projections.tiers import CustomerValue
from projections.view import CustomerId, View, on, ref, view


@view("interactions", key="interaction_id", indexes=["occurred_at"])
class Interaction(View):
    """One contact: on which channel, about what, and who is responsible for finishing it."""

    interaction_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Whom the contact was with."""
    occurred_at: datetime
    """When it took place."""
    channel: Channel
    """By which way it came about."""
    direction: Direction
    """Who began it."""
    stage: LoopStage
    """Where it stands to a sale."""
    service_stage: ServiceStage | None = None
    """How far the service had come."""
    mood: Mood | None = None
    """How the customer seemed: the mood (情绪)."""
    topic: str
    """What it was about, in a few words."""
    text: Personal[str | None] = None
    """What was said."""
    duration_seconds: int | None = None
    """How long it took."""
    order_id: Annotated[str | None, ref("orders")] = None
    """The order it was about, if it was about one."""
    rings: int | None = None
    """After how many rings a call was answered (铃响三声)."""
    rang_too_long: bool = False
    """It was answered after more rings than the service policy allows (铃响三声): three by default."""
    recorded_at: datetime
    """When it was written down: the paperwork may follow the fix (先解决后补单)."""
    due_at: datetime
    """Until when a query must be answered (时限): ten working minutes, or as the service policy says."""
    around_the_clock: bool = False
    """Its clock runs night and day: the customer was a key account, to whom we are always open (专属服务)."""
    first_responsible: str | None = None
    """Who received it first (首问制)."""
    responsible: str | None = None
    """Who owns it: the first to receive it, until it is handed over or ruled on."""
    disputed: bool = False
    """The one it was handed to says that it is not theirs; a supervisor has to rule (跨部门裁决)."""
    ruled_by: str | None = None
    """The supervisor who ruled on the handover."""
    within_remit: bool | None = None
    """Whether who received it could finish it without anybody else."""
    paused_at: datetime | None = None
    """Since when we wait for the customer and the clock stands still; null while it runs."""
    working_minutes: int = 0
    """Working minutes from receipt, or the latest reopening, to finish; pauses do not count."""
    answered_late: bool = False
    """The customer began it, and it was finished after `dueAt`; when we began it, nobody waited."""
    reopened: int = 0
    """How often it was taken up again."""
    clock_from: datetime
    """From when the working minutes are counted."""
    handovers: int = 0
    """How often it changed hands."""
    resolved: bool = False
    """The matter is finished."""
    resolved_at: datetime | None = None
    """When it was finished."""

    @on(InteractionRecorded, looks_up="customer_values")
    def took_place(
        self, recorded: Recorded[InteractionRecorded], policies: Policies, value: CustomerValue | None
    ) -> Self:
        e = recorded.event
        allowed = policies.service(policies.business_day(recorded.occurred_at)).rings
        return self._from(recorded.occurred_at, policies, value).but(
            rings=e.rings,
            rang_too_long=e.rings is not None and e.rings > allowed,
            recorded_at=recorded.recorded_at,
            customer_id=e.customer_id,
            occurred_at=recorded.occurred_at,
            channel=e.channel,
            direction=e.direction,
            stage=e.stage,
            service_stage=e.service_stage,
            mood=e.mood,
            topic=e.topic,
            text=e.text,
            duration_seconds=e.duration_seconds,
            order_id=e.order_id,
        )

    @on(ResponsibilityTaken)
    def taken(self, recorded: Recorded[ResponsibilityTaken]) -> Self:
        taker = recorded.event.responsible
        return self.but(first_responsible=self.first_responsible or taker, responsible=taker)

    @on(InteractionHandedOver)
    def handed_over(self, recorded: Recorded[InteractionHandedOver]) -> Self:
        return self.but(responsible=recorded.event.taker, handovers=self.handovers + 1)

    @on(HandoverDisputed)
    def refused(self, recorded: Recorded[HandoverDisputed]) -> Self:
        return self.but(disputed=True)

    @on(HandoverRuled)
    def ruled(self, recorded: Recorded[HandoverRuled]) -> Self:
        return self.but(disputed=False, responsible=recorded.event.responsible, ruled_by=recorded.actor)

    @on(InteractionPaused)
    def paused(self, recorded: Recorded[InteractionPaused], policies: Policies) -> Self:
        return self._counted(recorded, policies).but(paused_at=recorded.occurred_at)

    @on(InteractionResumed)
    def resumed(self, recorded: Recorded[InteractionResumed], policies: Policies) -> Self:
        at = recorded.occurred_at
        moved = moved_by_pause(policies, self.due_at, self.paused_at or at, at, self.around_the_clock)
        return self.but(due_at=moved, paused_at=None, clock_from=at)

    @on(InteractionResolved)
    def finished(self, recorded: Recorded[InteractionResolved], policies: Policies) -> Self:
        at = recorded.occurred_at
        return self._counted(recorded, policies).but(
            resolved=True,
            resolved_at=at,
            paused_at=None,
            within_remit=recorded.event.within_remit,
            answered_late=self.direction is Direction.INBOUND and (self.paused_at or at) > self.due_at,
        )

    @on(InteractionReopened, looks_up="customer_values")
    def taken_up_again(
        self, recorded: Recorded[InteractionReopened], policies: Policies, value: CustomerValue | None
    ) -> Self:
        return self._from(recorded.occurred_at, policies, value).but(
            resolved=False,
            resolved_at=None,
            answered_late=False,
            reopened=self.reopened + 1,
            working_minutes=0,
        )

    def _from(self, moment: datetime, policies: Policies, value: CustomerValue | None) -> Self:
        """With the clock set anew, for a customer of this value."""
        limit = answer_limit(policies, moment, value.tier if value else None)
        due = due_at(policies, moment, limit)
        return self.but(clock_from=moment, due_at=due, around_the_clock=limit.around_the_clock)

    def _counted(self, recorded: Recorded[Any], policies: Policies) -> Self:
        """With the working minutes since the clock was last looked at, unless it stands still."""
        if self.paused_at is not None:
            return self
        calendar = clock(policies, self.clock_from, self.around_the_clock)
        passed = business_minutes(self.clock_from, max(recorded.occurred_at, self.clock_from), calendar)
        return self.but(working_minutes=self.working_minutes + passed, clock_from=recorded.occurred_at)


@view("timeline", key="customer_id position", indexes=["customer_id occurred_at"])
class TimelineEntry(View):
    """One line of a customer's story, whatever it is about; the event log has the details."""

    customer_id: CustomerId
    """Whose story it is."""
    position: int
    """Of the event in the log."""
    event: str
    """The event's stored name."""
    occurred_at: datetime
    """When it happened."""
    channel: Channel | None = None
    """By which way, where it was a contact."""
    summary: Personal[str]
    """The first words of it."""
    subject: str
    """The stream that tells more, such as `order-17`."""
    actor: str
    """Who did it."""
    simulated: bool = False
    """True for what was made up for a demonstration."""

    @on(
        CustomerRegistered,
        RelationshipEnded,
        CustomerWonBack,
        InteractionRecorded,
        OrderPlaced,
        PaymentReceived,
        OrderFulfilled,
        OrderCancelled,
        RefundPaid,
        ComplaintReceived,
        RemedyOffered,
        DecisionCommunicated,
        ComplaintClosed,
    )
    def happened(self, recorded: Recorded[Any]) -> Self:
        return self.but(
            event=recorded.name,
            occurred_at=recorded.occurred_at,
            channel=getattr(recorded.event, "channel", None),
            summary=_summary(recorded.event),
            subject=recorded.stream,
            actor=recorded.actor,
            simulated=recorded.source == "simulated",
        )


def _summary(event: Any) -> str:
    """The event's own words, or its amount, in at most 80 characters."""
    for name in ("topic", "text", "remedy", "decision", "reason", "root_cause", "description", "name"):
        if words := getattr(event, name, None):
            return str(words)[:80]
    amount = getattr(event, "amount_minor", getattr(event, "total_minor", None))
    return "" if amount is None else f"{decimal(amount, event.currency):,f} {event.currency}"
