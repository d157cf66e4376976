"""Every contact with a customer, and the one timeline that all of a customer's events fall into."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from domain.complaints import ComplaintClosed, ComplaintReceived, DecisionCommunicated, RemedyOffered
from domain.customers import CustomerRegistered, CustomerWonBack, RelationshipEnded
from domain.events import Personal, Recorded
from domain.interactions import (
    Channel,
    Direction,
    InteractionHandedOver,
    InteractionRecorded,
    InteractionResolved,
    LoopStage,
    Mood,
    ResponsibilityTaken,
    ServiceStage,
)
from domain.money import decimal
from domain.orders import OrderCancelled, OrderFulfilled, OrderPlaced, PaymentReceived, RefundPaid
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
    """How the customer seemed."""
    topic: str
    """What it was about, in a few words."""
    text: Personal[str | None] = None
    """What was said."""
    duration_seconds: int | None = None
    """How long it took."""
    order_id: Annotated[str | None, ref("orders")] = None
    """The order it was about, if it was about one."""
    responsible: str | None = None
    """Who owns it: the first to receive it, until it is handed over."""
    handovers: int = 0
    """How often it changed hands."""
    resolved: bool = False
    """The matter is finished."""
    resolved_at: datetime | None = None
    """When it was finished."""

    @on(InteractionRecorded)
    def took_place(self, recorded: Recorded[InteractionRecorded]) -> Self:
        e = recorded.event
        return self.but(
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
        return self.but(responsible=recorded.event.responsible)

    @on(InteractionHandedOver)
    def handed_over(self, recorded: Recorded[InteractionHandedOver]) -> Self:
        return self.but(responsible=recorded.event.taker, handovers=self.handovers + 1)

    @on(InteractionResolved)
    def finished(self, recorded: Recorded[InteractionResolved]) -> Self:
        return self.but(resolved=True, resolved_at=recorded.occurred_at)


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
