"""Which numbers and addresses identify a customer, and what proved or disproved each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from domain.events import Personal, Recorded
from domain.identifiers import IdentifierAdded, IdentifierKind, IdentifierRejected, IdentifierVerified
from projections.view import CustomerId, View, on, view


class IdentifierStatus(StrEnum):
    """How far an identifier is proved."""

    CLAIMED = "claimed"
    VERIFIED = "verified"
    REJECTED = "rejected"


@view("identifiers", key="customer_id kind value", indexes=["value", "status"])
class Identifier(View):
    """One identifier that a customer's file names; only one live customer can hold it verified."""

    customer_id: CustomerId
    """Whom it identifies."""
    kind: IdentifierKind
    """What kind of number or address it is."""
    value: Personal[str]
    """As it was written when it was added."""
    status: IdentifierStatus
    """How far it is proved."""
    added_at: datetime
    """When it was noted."""
    verified_at: datetime | None = None
    """When it was last proved."""
    evidence: Personal[str | None] = None
    """What proved it."""
    rejected_because: Personal[str | None] = None
    """Why it was struck out."""

    @on(IdentifierAdded)
    def added(self, recorded: Recorded[IdentifierAdded]) -> Self:
        return self.but(
            status=IdentifierStatus.CLAIMED,
            added_at=recorded.occurred_at,
            verified_at=None,
            evidence=None,
            rejected_because=None,
        )

    @on(IdentifierVerified)
    def verified(self, recorded: Recorded[IdentifierVerified]) -> Self:
        return self.but(
            status=IdentifierStatus.VERIFIED,
            verified_at=recorded.occurred_at,
            evidence=recorded.event.evidence,
        )

    @on(IdentifierRejected)
    def rejected(self, recorded: Recorded[IdentifierRejected]) -> Self:
        return self.but(status=IdentifierStatus.REJECTED, rejected_because=recorded.event.reason)
