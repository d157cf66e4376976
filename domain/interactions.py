"""Which contacts there were, on every channel, and who is responsible for finishing each (首问制)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, assert_never, get_args

import msgspec

from domain.commands import Command, Id, Name, Named, Text
from domain.customers import require_served
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.records import Record

Rings = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


class Channel(StrEnum):
    """By which way the contact came about (多渠道)."""

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
    """Where the contact stands to a sale: before, during or after it (售前、售中、售后)."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class ServiceStage(StrEnum):
    """The four stages of a service (服务四阶段): receive the customer, understand, help, retain."""

    RECEIVE = "receive"
    UNDERSTAND = "understand"
    HELP = "help"
    RETAIN = "retain"


class Mood(StrEnum):
    """How the customer seemed: the mood (情绪)."""

    IMPATIENT = "impatient"
    ANGRY = "angry"
    TIRED = "tired"
    PLEASED = "pleased"
    HESITANT = "hesitant"


# --- Events: the stored names are a contract ------------------------------------------------------


@event("InteractionRecorded", version=2)
class InteractionRecorded(Event):
    """Since version 2 it tells after how many rings a call was answered."""

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
    rings: int | None = None

    @staticmethod
    def upcast_v1_v2(fields: dict[str, Any]) -> None:
        fields["rings"] = None


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


@event("HandoverDisputed")
class HandoverDisputed(Event):
    """The taker says that it is not theirs."""

    interaction_id: str
    reason: Personal[str]


@event("HandoverRuled")
class HandoverRuled(Event):
    """A supervisor has ruled who is responsible."""

    interaction_id: str
    responsible: str
    reason: Personal[str]


@event("InteractionPaused")
class InteractionPaused(Event):
    """We wait for the customer: the clock stands still."""

    interaction_id: str
    reason: Personal[str]


@event("InteractionResumed")
class InteractionResumed(Event):
    interaction_id: str


@event("InteractionReopened")
class InteractionReopened(Event):
    interaction_id: str
    reason: Personal[str]


InteractionEvent = (
    InteractionRecorded
    | ResponsibilityTaken
    | InteractionHandedOver
    | HandoverDisputed
    | HandoverRuled
    | InteractionPaused
    | InteractionResumed
    | InteractionResolved
    | InteractionReopened
)


# --- State ----------------------------------------------------------------------------------------


class Interaction(Record):
    """What the next decision about a contact needs to know."""

    interaction_id: str | None = None
    customer_id: str | None = None
    responsible: str = ""
    handed_over: bool = False
    disputed: bool = False
    paused: bool = False
    resolved: bool = False


def evolve(state: Interaction, happened: InteractionEvent) -> Interaction:
    match happened:
        case InteractionRecorded(interaction_id=interaction_id, customer_id=customer_id):
            return Interaction(interaction_id=interaction_id, customer_id=customer_id)
        case ResponsibilityTaken(responsible=responsible):
            return msgspec.structs.replace(state, responsible=responsible)
        case InteractionHandedOver(taker=taker):
            return msgspec.structs.replace(state, responsible=taker, handed_over=True)
        case HandoverDisputed():
            return msgspec.structs.replace(state, disputed=True)
        case HandoverRuled(responsible=responsible):
            return msgspec.structs.replace(state, responsible=responsible, handed_over=False, disputed=False)
        case InteractionPaused():
            return msgspec.structs.replace(state, paused=True)
        case InteractionResumed():
            return msgspec.structs.replace(state, paused=False)
        case InteractionResolved():
            return msgspec.structs.replace(state, resolved=True, paused=False)
        case InteractionReopened():
            return msgspec.structs.replace(state, resolved=False)
        case _:
            assert_never(happened)


# --- Commands -------------------------------------------------------------------------------------


class RecordInteraction(Command):
    """Note a contact; whoever took it is responsible until it is finished or handed over (首问制).

    It may be told after the fix (先解决后补单): `occurredAt` says when the contact was.
    """

    names = (Named(field="order_id", noun="order", theirs=True),)
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
    """The order that it was about."""
    rings: Rings | None = None
    """After how many rings a call was answered (铃响三声)."""


class HandOverInteraction(Command):
    """Pass the responsibility on, when the matter lies outside one's own remit."""

    interaction_id: Id
    taker: Name
    reason: Text


class ResolveInteraction(Command):
    """Note that the matter is finished, and whether this lay within the remit of who received it."""

    interaction_id: Id
    within_remit: bool


class DisputeHandover(Command):
    """Say that what was handed over is not one's own; a supervisor rules (跨部门裁决)."""

    interaction_id: Id
    reason: Text


class RuleOnHandover(Command):
    """Rule who is responsible for a disputed matter (跨部门裁决); a manager does."""

    interaction_id: Id
    responsible: Name
    """Who is responsible from now on."""
    reason: Text


class PauseInteraction(Command):
    """Wait for the customer: the clock of the promise stands still meanwhile."""

    interaction_id: Id
    reason: Text
    """What we wait for."""


class ResumeInteraction(Command):
    """Go on: the customer has answered."""

    interaction_id: Id


class ReopenInteraction(Command):
    """Take a finished matter up again: its clock begins anew."""

    interaction_id: Id
    reason: Text


InteractionCommand = (
    RecordInteraction
    | HandOverInteraction
    | DisputeHandover
    | RuleOnHandover
    | PauseInteraction
    | ResumeInteraction
    | ResolveInteraction
    | ReopenInteraction
)


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


class NothingToDispute(InteractionError):
    """Interaction {interaction_id} was not handed over to anybody who could dispute it."""


class NothingToRuleOn(InteractionError):
    """Interaction {interaction_id} is not disputed."""


class InteractionPausedAlready(InteractionError):
    """Interaction {interaction_id} waits for the customer already."""


class InteractionNotPaused(InteractionError):
    """Interaction {interaction_id} does not wait for the customer."""


class InteractionStillOpen(InteractionError):
    """Interaction {interaction_id} is not finished; only what is finished can be taken up again."""


def require_recorded(state: Interaction, command: InteractionCommand) -> None:
    if state.interaction_id is None:
        raise InteractionUnknown(interaction_id=command.interaction_id)


def require_unresolved(state: Interaction, command: InteractionCommand) -> None:
    require_recorded(state, command)
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
        case DisputeHandover(interaction_id=interaction_id):
            require_unresolved(state, command)
            if not state.handed_over or state.disputed:
                raise NothingToDispute(interaction_id=interaction_id)
            return [carry(HandoverDisputed, command)]
        case RuleOnHandover(interaction_id=interaction_id):
            require_unresolved(state, command)
            if not state.disputed:
                raise NothingToRuleOn(interaction_id=interaction_id)
            return [carry(HandoverRuled, command)]
        case PauseInteraction(interaction_id=interaction_id):
            require_unresolved(state, command)
            if state.paused:
                raise InteractionPausedAlready(interaction_id=interaction_id)
            return [carry(InteractionPaused, command)]
        case ResumeInteraction(interaction_id=interaction_id):
            require_unresolved(state, command)
            if not state.paused:
                raise InteractionNotPaused(interaction_id=interaction_id)
            return [carry(InteractionResumed, command)]
        case ResolveInteraction():
            require_unresolved(state, command)
            return [carry(InteractionResolved, command)]
        case ReopenInteraction(interaction_id=interaction_id):
            require_recorded(state, command)
            if not state.resolved:
                raise InteractionStillOpen(interaction_id=interaction_id)
            return [carry(InteractionReopened, command)]
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
