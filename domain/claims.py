"""What customers claim and what is paid for it, against the premium they pay (多次索赔、高赔付率)."""

from __future__ import annotations

from domain.commands import Command, Id, Text
from domain.course import Move, course
from domain.customers import require_served
from domain.events import Event, Personal, event
from domain.money import Amount, Currency


@event("ClaimMade")
class ClaimMade(Event):
    claim_id: str
    customer_id: str
    amount_minor: int
    currency: str
    reason: Personal[str]


@event("ClaimPaid")
class ClaimPaid(Event):
    claim_id: str
    paid_minor: int
    currency: str


@event("ClaimRefused")
class ClaimRefused(Event):
    claim_id: str
    reason: Personal[str]


class MakeClaim(Command):
    """Take in a customer's claim for compensation (索赔)."""

    claim_id: Id
    """Which claim; chosen by whoever takes it in."""
    customer_id: Id
    amount_minor: Amount
    currency: Currency
    reason: Text


class PayClaim(Command):
    """Pay a claim, in whole or in part."""

    claim_id: Id
    """Which claim."""
    paid_minor: Amount
    """What is paid, in minor units (cents)."""
    currency: Currency


class RefuseClaim(Command):
    """Pay nothing for a claim."""

    claim_id: Id
    """Which claim."""
    reason: Text


CLAIMS = course(
    "claim",
    "claim_id",
    Move(command=MakeClaim, event=ClaimMade, to="made"),
    Move(command=PayClaim, event=ClaimPaid, to="paid", after=("made",)),
    Move(command=RefuseClaim, event=ClaimRefused, to="refused", after=("made",)),
    guard=require_served,
)
