"""How a complaint runs, from receipt to a verified close (ISO 10002; read this file first)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, assert_never, get_args

import msgspec

from domain.commands import Command, Id, Name, Named, Text
from domain.customers import require_served
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.interactions import Channel
from domain.money import Amount, Currency, require_currency
from domain.records import Record

Score = Annotated[int, msgspec.Meta(ge=1, le=5)]


class Category(StrEnum):
    """What a complaint is about (投诉内容)."""

    PRODUCT = "product"
    SERVICE_ATTITUDE = "service_attitude"
    DELIVERY = "delivery"
    PRICE = "price"
    PROMISE = "promise"
    OTHER = "other"


class Severity(StrEnum):
    """How badly it hurts the customer; deadlines depend on it."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class Verdict(StrEnum):
    """What the customer says once the decision was communicated."""

    SATISFIED = "satisfied"
    DISSATISFIED = "dissatisfied"
    UNREACHABLE = "unreachable"


class Step(StrEnum):
    """How far a complaint has come (投诉处理步骤), in the words of ISO 10002."""

    NONE = "none"
    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    ASSESSED = "assessed"
    INVESTIGATED = "investigated"
    REMEDY_OFFERED = "remedy_offered"
    REMEDY_REJECTED = "remedy_rejected"
    REMEDY_ACCEPTED = "remedy_accepted"
    DECIDED = "decided"
    VERIFIED = "verified"
    CLOSED = "closed"


# --- Events: the stored names are a contract ------------------------------------------------------


@event("ComplaintReceived")
class ComplaintReceived(Event):
    complaint_id: str
    customer_id: str
    category: Category
    text: Personal[str]
    channel: Channel | None = None
    order_id: str | None = None


@event("ComplaintAcknowledged")
class ComplaintAcknowledged(Event):
    complaint_id: str
    apology: Personal[str]


@event("ComplaintAssessed")
class ComplaintAssessed(Event):
    """Severity, safety, complexity, impact and the need for immediate action (ISO 10002, 7.4)."""

    complaint_id: str
    severity: Severity
    safety: bool
    complexity: int
    impact: int
    immediate: bool


@event("ComplaintAssigned")
class ComplaintAssigned(Event):
    complaint_id: str
    handler: str


@event("InvestigationRecorded")
class InvestigationRecorded(Event):
    complaint_id: str
    finding: Personal[str]
    justified: bool


@event("RemedyOffered")
class RemedyOffered(Event):
    complaint_id: str
    remedy: Personal[str]
    cost_minor: int
    currency: str


@event("RemedyAccepted")
class RemedyAccepted(Event):
    complaint_id: str


@event("RemedyRejected")
class RemedyRejected(Event):
    complaint_id: str
    reason: Personal[str]


@event("DecisionCommunicated")
class DecisionCommunicated(Event):
    complaint_id: str
    decision: Personal[str]


@event("SatisfactionVerified")
class SatisfactionVerified(Event):
    complaint_id: str
    verdict: Verdict
    note: Personal[str | None] = None


@event("ComplaintClosed")
class ComplaintClosed(Event):
    complaint_id: str
    root_cause: str


@event("ComplaintReopened")
class ComplaintReopened(Event):
    complaint_id: str
    reason: Personal[str]


@event("ComplaintEscalated")
class ComplaintEscalated(Event):
    complaint_id: str
    to: str
    reason: Personal[str]


@event("ComplaintPaused")
class ComplaintPaused(Event):
    """We wait for the customer: the deadline's clock stands still."""

    complaint_id: str
    reason: Personal[str]


@event("ComplaintResumed")
class ComplaintResumed(Event):
    complaint_id: str


@event("YellowCardIssued")
class YellowCardIssued(Event):
    """A member of staff is warned, since a justified complaint was theirs."""

    complaint_id: str
    member: str
    reason: Personal[str]


ComplaintEvent = (
    ComplaintReceived
    | ComplaintAcknowledged
    | ComplaintAssessed
    | ComplaintAssigned
    | InvestigationRecorded
    | RemedyOffered
    | RemedyAccepted
    | RemedyRejected
    | DecisionCommunicated
    | SatisfactionVerified
    | ComplaintClosed
    | ComplaintReopened
    | ComplaintEscalated
    | ComplaintPaused
    | ComplaintResumed
    | YellowCardIssued
)


# --- State ----------------------------------------------------------------------------------------


class Complaint(Record):
    """What the next decision about a complaint needs to know."""

    complaint_id: str = ""
    customer_id: str | None = None
    step: Step = Step.NONE
    apologised: bool = False
    verdict: Verdict | None = None
    paused: bool = False
    justified: bool = False


EARLY = (Step.RECEIVED, Step.ACKNOWLEDGED, Step.ASSESSED, Step.INVESTIGATED)


def step_after(step: Step, happened: ComplaintEvent) -> Step:
    """How far a complaint has come; looking into it again takes no offer and no decision back."""
    match happened:
        case ComplaintReceived() | ComplaintReopened():
            return Step.RECEIVED
        case ComplaintAcknowledged():
            return Step.ACKNOWLEDGED if step in EARLY else step
        case ComplaintAssessed():
            return Step.ASSESSED if step in EARLY else step
        case InvestigationRecorded():
            return Step.INVESTIGATED if step in EARLY else step
        case RemedyOffered():
            return Step.REMEDY_OFFERED
        case RemedyAccepted():
            return Step.REMEDY_ACCEPTED
        case RemedyRejected():
            return Step.REMEDY_REJECTED
        case DecisionCommunicated():
            return Step.DECIDED
        case SatisfactionVerified():
            return Step.VERIFIED
        case ComplaintClosed():
            return Step.CLOSED
        case (
            ComplaintAssigned()
            | ComplaintEscalated()
            | ComplaintPaused()
            | ComplaintResumed()
            | YellowCardIssued()
        ):
            return step
        case _:
            assert_never(happened)


def evolve(state: Complaint, happened: ComplaintEvent) -> Complaint:
    step = step_after(state.step, happened)
    match happened:
        case ComplaintReceived(complaint_id=complaint_id, customer_id=customer_id):
            return Complaint(complaint_id=complaint_id, customer_id=customer_id, step=step)
        case ComplaintAcknowledged():
            return msgspec.structs.replace(state, step=step, apologised=True)
        case SatisfactionVerified(verdict=verdict):
            return msgspec.structs.replace(state, step=step, verdict=verdict)
        case ComplaintReopened():
            return msgspec.structs.replace(state, step=step, verdict=None)
        case InvestigationRecorded(justified=justified):
            return msgspec.structs.replace(state, step=step, justified=justified)
        case ComplaintPaused() | ComplaintResumed():
            return msgspec.structs.replace(state, paused=isinstance(happened, ComplaintPaused))
        case DecisionCommunicated() | ComplaintClosed():
            return msgspec.structs.replace(state, step=step, paused=False)
        case _:
            return msgspec.structs.replace(state, step=step)


# --- Commands -------------------------------------------------------------------------------------


class ReceiveComplaint(Command):
    """Take a complaint in (投诉处理步骤): listen first, and keep the customer's own words."""

    names = (Named(field="order_id", noun="order", theirs=True),)
    complaint_id: Id
    customer_id: Id
    category: Category
    text: Text
    channel: Channel | None = None
    order_id: Id | None = None
    """The order that it is about."""


class AcknowledgeComplaint(Command):
    """Tell the customer that the complaint arrived, and apologise."""

    complaint_id: Id
    apology: Text


class AssessComplaint(Command):
    """Judge how severe, safety-relevant, complex and far-reaching it is (1 lowest, 5 highest)."""

    complaint_id: Id
    severity: Severity
    safety: bool = False
    complexity: Score = 1
    impact: Score = 1
    immediate: bool = False


class AssignComplaint(Command):
    """Name the one who handles it from now on."""

    complaint_id: Id
    handler: Name


class RecordInvestigation(Command):
    """Write down what was found, and whether the complaint is justified."""

    complaint_id: Id
    finding: Text
    justified: bool


class OfferRemedy(Command):
    """Offer to put it right (服务补救), and say what that costs us in minor units."""

    complaint_id: Id
    remedy: Text
    cost_minor: Amount = 0
    currency: Currency


class AcceptRemedy(Command):
    """The customer takes the remedy on offer."""

    complaint_id: Id


class RejectRemedy(Command):
    """The customer does not take the remedy on offer; another one should follow."""

    complaint_id: Id
    reason: Text


class CommunicateDecision(Command):
    """Tell the customer what was decided."""

    complaint_id: Id
    decision: Text


class VerifySatisfaction(Command):
    """Ask again afterwards (再次检查); where nobody could be asked, the note says why."""

    complaint_id: Id
    verdict: Verdict
    note: Text | None = None


class CloseComplaint(Command):
    """End it, with the root cause that was found; only after `verifySatisfaction` (再次检查)."""

    complaint_id: Id
    root_cause: Name


class ReopenComplaint(Command):
    """Take up a closed complaint again."""

    complaint_id: Id
    reason: Text


class EscalateComplaint(Command):
    """Hand it up, to somebody with more authority."""

    complaint_id: Id
    to: Name
    reason: Text


class PauseComplaint(Command):
    """Wait for the customer: the deadline moves by the working time that passes meanwhile."""

    complaint_id: Id
    reason: Text
    """What we wait for."""


class ResumeComplaint(Command):
    """Go on: the customer has answered."""

    complaint_id: Id


class IssueYellowCard(Command):
    """Warn the member of staff whose fault a justified complaint was (黄牌警告)."""

    complaint_id: Id
    member: Name
    """Who is warned."""
    reason: Text


ComplaintCommand = (
    ReceiveComplaint
    | AcknowledgeComplaint
    | AssessComplaint
    | AssignComplaint
    | RecordInvestigation
    | OfferRemedy
    | AcceptRemedy
    | RejectRemedy
    | CommunicateDecision
    | VerifySatisfaction
    | CloseComplaint
    | ReopenComplaint
    | EscalateComplaint
    | PauseComplaint
    | ResumeComplaint
    | IssueYellowCard
)


# --- Rules ----------------------------------------------------------------------------------------


class ComplaintError(DomainError):
    """Complaint {complaint_id} does not allow this."""

    field = "complaint_id"


class ComplaintUnknown(ComplaintError):
    """There is no complaint {complaint_id}."""


class ComplaintAlreadyReceived(ComplaintError):
    """Complaint {complaint_id} was received before; choose another id for a new one."""


class ComplaintClosedAlready(ComplaintError):
    """Complaint {complaint_id} is closed; reopen it first."""


class ComplaintStillOpen(ComplaintError):
    """Complaint {complaint_id} is open; only a closed one can be reopened."""


class ApologyMissing(ComplaintError):
    """Complaint {complaint_id} was not acknowledged yet: apologise before you offer a remedy."""


class NoRemedyOnOffer(ComplaintError):
    """Complaint {complaint_id} has no remedy on offer that could be accepted or rejected."""


class RemedyStillOnOffer(ComplaintError):
    """Complaint {complaint_id} has a remedy on offer: wait for the customer's answer."""


class DecisionMissing(ComplaintError):
    """Complaint {complaint_id}: communicate the decision before you ask whether it satisfies."""


class SatisfactionNotVerified(ComplaintError):
    """Complaint {complaint_id} cannot be closed: ask the customer, or record why that was impossible."""


class CustomerNotSatisfied(ComplaintError):
    """Complaint {complaint_id} cannot be closed: the customer is not satisfied; offer another remedy."""


class ReasonMissing(ComplaintError):
    """Where the customer could not be asked, the note must say why."""

    field = "note"


class ComplaintPausedAlready(ComplaintError):
    """Complaint {complaint_id} waits for the customer already, or was decided."""


class ComplaintNotPaused(ComplaintError):
    """Complaint {complaint_id} does not wait for the customer."""


class ComplaintNotJustified(ComplaintError):
    """Complaint {complaint_id} was not found justified: nobody is warned for it."""


def require_open(state: Complaint, command: ComplaintCommand) -> None:
    require_known(state, command)
    if state.step is Step.CLOSED:
        raise ComplaintClosedAlready(complaint_id=state.complaint_id)


def require_known(state: Complaint, command: ComplaintCommand) -> None:
    if state.step is Step.NONE:
        raise ComplaintUnknown(complaint_id=command.complaint_id)


def require_remedy_on_offer(state: Complaint, command: ComplaintCommand) -> None:
    require_open(state, command)
    if state.step is not Step.REMEDY_OFFERED:
        raise NoRemedyOnOffer(complaint_id=state.complaint_id)


def require_verified(state: Complaint, command: ComplaintCommand) -> None:
    require_open(state, command)
    if state.step is not Step.VERIFIED:
        raise SatisfactionNotVerified(complaint_id=state.complaint_id)
    if state.verdict is Verdict.DISSATISFIED:
        raise CustomerNotSatisfied(complaint_id=state.complaint_id)


# --- Decisions ------------------------------------------------------------------------------------


def decide(state: Complaint, command: ComplaintCommand) -> Sequence[ComplaintEvent]:
    match command:
        case ReceiveComplaint():
            if state.step is not Step.NONE:
                raise ComplaintAlreadyReceived(complaint_id=command.complaint_id)
            return [carry(ComplaintReceived, command)]
        case AcknowledgeComplaint():
            require_open(state, command)
            return [carry(ComplaintAcknowledged, command)]
        case AssessComplaint():
            require_open(state, command)
            return [carry(ComplaintAssessed, command)]
        case AssignComplaint():
            require_open(state, command)
            return [carry(ComplaintAssigned, command)]
        case RecordInvestigation():
            require_open(state, command)
            return [carry(InvestigationRecorded, command)]
        case OfferRemedy():
            require_open(state, command)
            require_currency(command.currency)
            if not state.apologised:
                raise ApologyMissing(complaint_id=state.complaint_id)
            return [carry(RemedyOffered, command)]
        case AcceptRemedy():
            require_remedy_on_offer(state, command)
            return [carry(RemedyAccepted, command)]
        case RejectRemedy():
            require_remedy_on_offer(state, command)
            return [carry(RemedyRejected, command)]
        case CommunicateDecision():
            require_open(state, command)
            if state.step is Step.REMEDY_OFFERED:
                raise RemedyStillOnOffer(complaint_id=state.complaint_id)
            return [carry(DecisionCommunicated, command)]
        case VerifySatisfaction():
            require_open(state, command)
            if state.step is not Step.DECIDED:
                raise DecisionMissing(complaint_id=state.complaint_id)
            if command.verdict is Verdict.UNREACHABLE and not command.note:
                raise ReasonMissing
            return [carry(SatisfactionVerified, command)]
        case CloseComplaint():
            require_verified(state, command)
            return [carry(ComplaintClosed, command)]
        case ReopenComplaint():
            require_known(state, command)
            if state.step is not Step.CLOSED:
                raise ComplaintStillOpen(complaint_id=state.complaint_id)
            return [carry(ComplaintReopened, command)]
        case EscalateComplaint():
            require_open(state, command)
            return [carry(ComplaintEscalated, command)]
        case PauseComplaint():
            require_open(state, command)
            if state.paused or state.step in (Step.DECIDED, Step.VERIFIED):
                raise ComplaintPausedAlready(complaint_id=state.complaint_id)
            return [carry(ComplaintPaused, command)]
        case ResumeComplaint():
            require_open(state, command)
            if not state.paused:
                raise ComplaintNotPaused(complaint_id=state.complaint_id)
            return [carry(ComplaintResumed, command)]
        case IssueYellowCard():
            require_known(state, command)
            if not state.justified:
                raise ComplaintNotJustified(complaint_id=state.complaint_id)
            return [carry(YellowCardIssued, command)]
        case _:
            assert_never(command)


COMPLAINTS = Decider(
    name="complaint",
    id_field="complaint_id",
    initial=Complaint(),
    evolve=evolve,
    decide=decide,
    commands=get_args(ComplaintCommand),
    begins=(ReceiveComplaint,),
    guard=require_served,
)
