"""Which sales are under way: how large, how probable, and how each ended."""

from __future__ import annotations

from enum import StrEnum

from domain.commands import Command, Id, Name, Named, Text
from domain.course import Move, course
from domain.customers import require_served
from domain.events import Event, Personal, event
from domain.files import Percent
from domain.money import Amount, Currency


class SalesStage(StrEnum):
    """How far a sale has come."""

    NEED = "need"
    PROPOSAL = "proposal"
    NEGOTIATION = "negotiation"
    DECISION = "decision"


@event("OpportunityOpened")
class OpportunityOpened(Event):
    opportunity_id: str
    customer_id: str
    title: str
    amount_minor: int
    currency: str
    stage: SalesStage
    percent: int


@event("StageAdvanced")
class StageAdvanced(Event):
    opportunity_id: str
    stage: SalesStage
    percent: int


@event("OpportunityWon")
class OpportunityWon(Event):
    opportunity_id: str
    order_id: str | None = None


@event("OpportunityLost")
class OpportunityLost(Event):
    opportunity_id: str
    reason: Personal[str]


class OpenOpportunity(Command):
    """Note a sale that may come about."""

    opportunity_id: Id
    """Which opportunity; chosen by whoever opens it."""
    customer_id: Id
    title: Name
    """What would be sold."""
    amount_minor: Amount
    currency: Currency
    stage: SalesStage = SalesStage.NEED
    """How far it has come."""
    percent: Percent
    """How probable it is, 0 to 100."""


class AdvanceStage(Command):
    """Note how far it has come, and how probable it is now."""

    opportunity_id: Id
    """Which opportunity."""
    stage: SalesStage
    """How far it has come."""
    percent: Percent
    """How probable it is, 0 to 100."""


class WinOpportunity(Command):
    """The customer has bought."""

    names = (Named(field="order_id", noun="order", theirs=True),)
    opportunity_id: Id
    """Which opportunity."""
    order_id: Id | None = None
    """The order it became."""


class LoseOpportunity(Command):
    """The customer will not buy."""

    opportunity_id: Id
    """Which opportunity."""
    reason: Text


OPPORTUNITIES = course(
    "opportunity",
    "opportunity_id",
    Move(command=OpenOpportunity, event=OpportunityOpened, to="open"),
    Move(command=AdvanceStage, event=StageAdvanced, to="open", after=("open",)),
    Move(command=WinOpportunity, event=OpportunityWon, to="won", after=("open",)),
    Move(command=LoseOpportunity, event=OpportunityLost, to="lost", after=("open",)),
    guard=require_served,
)
