"""Which contacts there were, on every channel, and who is responsible for finishing each (首问制)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, assert_never, get_args

import msgspec

from domain.commands import Command, Id, Name, Text
from domain.customers import require_served
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.records import Record

Seconds = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


class Channel(StrEnum):
    """By which way the contact came about."""

    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    WEB = "web"
    CHAT = "chat"
    SHOP = "shop"
    VISIT = "visit"


class Direction(StrEnum):
    """Who began it: the customer (inbound) or we (outbound)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class LoopStage(StrEnum):
    """Where the contact stands to a sale: before, during or after it."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class ServiceStage(StrEnum):
    """The four stages of a service: receive the customer, understand, help, retain."""

    RECEIVE = "receive"
    UNDERSTAND = "understand"
    HELP = "help"
    RETAIN = "retain"


class Mood(StrEnum):
    """How the customer seemed."""

    IMPATIENT = "impatient"
    ANGRY = "angry"
    TIRED = "tired"
    PLEASED = "pleased"
    HESITANT = "hesitant"


# --- Events: the stored names are a contract ------------------------------------------------------


@event("InteractionRecorded")
class InteractionRecorded(Event):
    interaction_id: str
    customer_id: str
    channel: Channel
    direction: Direction
    stage: LoopStage
    service_stage: ServiceStage | None = None
    mood: Mood | None = None
    topic: str
    text: Personal[str | None] = None
    duration_seconds: int | None = None
    order_id: str | None = None


@event("ResponsibilityTaken")
class ResponsibilityTaken(Event):
    interaction_id: str
    responsible: str


@event("InteractionHandedOver")
class InteractionHandedOver(Event):
    interaction_id: str
    giver: str
    taker: str
    reason: Personal[str]


@event("InteractionResolved")
class InteractionResolved(Event):
    interaction_id: str
    within_remit: bool


InteractionEvent = InteractionRecorded | ResponsibilityTaken | InteractionHandedOver | InteractionResolved


# --- State ----------------------------------------------------------------------------------------


class Interaction(Record):
    """What the next decision about a contact needs to know."""

    interaction_id: str | None = None
    customer_id: str | None = None
    responsible: str = ""
    resolved: bool = False


def evolve(state: Interaction, happened: InteractionEvent) -> Interaction:
    match happened:
        case InteractionRecorded(interaction_id=interaction_id, customer_id=customer_id):
            return Interaction(interaction_id=interaction_id, customer_id=customer_id)
        case ResponsibilityTaken(responsible=responsible):
            return msgspec.structs.replace(state, responsible=responsible)
        case InteractionHandedOver(taker=taker):
            return msgspec.structs.replace(state, responsible=taker)
        case InteractionResolved():
            return msgspec.structs.replace(state, resolved=True)
        case _:
            assert_never(happened)


# --- Commands -------------------------------------------------------------------------------------


class RecordInteraction(Command):
    """Note a contact; whoever took it is responsible until it is finished or handed over."""

    interaction_id: Id
    customer_id: Id
    channel: Channel
    direction: Direction
    stage: LoopStage
    service_stage: ServiceStage | None = None
    mood: Mood | None = None
    topic: Name
    text: Text | None = None
    duration_seconds: Seconds | None = None
    order_id: Id | None = None


class HandOverInteraction(Command):
    """Pass the responsibility on, when the matter lies outside one's own remit."""

    interaction_id: Id
    taker: Name
    reason: Text


class ResolveInteraction(Command):
    """Note that the matter is finished, and whether this lay within the remit of who received it."""

    interaction_id: Id
    within_remit: bool


InteractionCommand = RecordInteraction | HandOverInteraction | ResolveInteraction


# --- Rules ----------------------------------------------------------------------------------------


class InteractionError(DomainError):
    """Interaction {interaction_id} does not allow this."""

    field = "interaction_id"


class InteractionUnknown(InteractionError):
    """There is no interaction {interaction_id}."""


class InteractionAlreadyRecorded(InteractionError):
    """Interaction {interaction_id} was recorded before; choose another id for a new one."""


class InteractionResolvedAlready(InteractionError):
    """Interaction {interaction_id} is finished; record a new one."""


class ResponsibleAlready(InteractionError):
    """Interaction {interaction_id} is {taker}'s already."""

    field = "taker"


def require_unresolved(state: Interaction, command: InteractionCommand) -> None:
    if state.interaction_id is None:
        raise InteractionUnknown(interaction_id=command.interaction_id)
    if state.resolved:
        raise InteractionResolvedAlready(interaction_id=state.interaction_id)


# --- Decisions ------------------------------------------------------------------------------------


def decide(state: Interaction, command: InteractionCommand) -> Sequence[InteractionEvent]:
    match command:
        case RecordInteraction(interaction_id=interaction_id, actor=actor):
            if state.interaction_id is not None:
                raise InteractionAlreadyRecorded(interaction_id=interaction_id)
            taken = ResponsibilityTaken(interaction_id=interaction_id, responsible=actor)
            return [carry(InteractionRecorded, command), taken]
        case HandOverInteraction(interaction_id=interaction_id, taker=taker, reason=reason):
            require_unresolved(state, command)
            if taker == state.responsible:
                raise ResponsibleAlready(interaction_id=interaction_id, taker=taker)
            giver = state.responsible
            return [
                InteractionHandedOver(interaction_id=interaction_id, giver=giver, taker=taker, reason=reason)
            ]
        case ResolveInteraction():
            require_unresolved(state, command)
            return [carry(InteractionResolved, command)]
        case _:
            assert_never(command)


INTERACTIONS = Decider(
    name="interaction",
    id_field="interaction_id",
    initial=Interaction(),
    evolve=evolve,
    decide=decide,
    commands=get_args(InteractionCommand),
    begins=(RecordInteraction,),
    guard=require_served,
)
