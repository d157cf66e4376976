"""Which numbers and addresses identify a customer, and what proved or disproved each."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Self

from domain.events import Personal, Recorded
from domain.identifiers import IdentifierAdded, IdentifierKind, IdentifierRejected, IdentifierVerified
from projections.reckoning import DAYS, TODAY, day_of, service
from projections.view import CustomerId, View, on, report, view


class IdentifierStatus(StrEnum):
    """How far an identifier is proved."""

    CLAIMED = "claimed"
    VERIFIED = "verified"
    REJECTED = "rejected"


@view("identifiers", key="customer_id kind value", indexes=["value", "status"])
class Identifier(View):
    """One identifier of a customer's file (唯一识别码); only one live customer can hold it verified."""

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


@report(
    "identifications",
    reads=["customers", "identifiers"],
    query="""
    SELECT customer_id AS customer,
           CASE WHEN bool_or(i.status = 'verified') THEN 'verified'
                WHEN bool_or(i.status = 'claimed') THEN 'identified' ELSE 'lead' END AS identification,
           coalesce(array_agg(i.kind || ': ' || i.evidence ORDER BY i.verified_at)
                    FILTER (WHERE i.status = 'verified'), '{{}}') AS proved_by
      FROM {customers} c LEFT JOIN {identifiers} i USING (customer_id)
     WHERE CASE WHEN :customer_id::text IS NULL THEN i.value IS NOT NULL
                ELSE customer_id = :customer_id::text END
     GROUP BY customer_id ORDER BY identification DESC, customer_id LIMIT 500
    """,
)
class Identified(View):
    """How far it is known who a customer is (客户识别), and which evidence proved it: at most 500."""

    customer_id: str | None = None
    """One customer; all with an identifier, where it is left out."""

    customer: str
    """The customer's id."""
    identification: str
    """`lead`: nothing tells who it is; `identified`: an identifier is claimed; `verified`: one is proved."""
    proved_by: tuple[str, ...]
    """The identifiers that are proved, each with its evidence."""


@report(
    "evidence_retention",
    reads=["identifiers", "customers", "service_policies", *DAYS],
    query=f"""
    SELECT customer_id AS customer, i.kind, i.evidence, i.verified_at, c.ended_at,
           k.keep_until, coalesce(k.keep_until < {TODAY}, false) AS expired
      FROM {{identifiers}} i JOIN {{customers}} c USING (customer_id)
     CROSS JOIN LATERAL (
        SELECT ({day_of("c.ended_at")} + make_interval(years => {service("evidence_years")}))::date
                   AS keep_until) k
     WHERE i.evidence IS NOT NULL
       AND (:customer_id::text IS NULL OR customer_id = :customer_id::text)
     ORDER BY i.verified_at DESC, customer_id LIMIT 500
    """,
)
class EvidenceRetention(View):
    """Identity evidence, and until when it must be kept (身份资料保存): at most 500, latest first.

    Its earlier versions are in the history of `identifiers`.
    """

    customer_id: str | None = None
    """One customer; all, where it is left out."""
    on: date | None = None
    """As of this day; the last business day, where it is left out."""

    customer: str
    """The customer's id."""
    kind: str
    """What it proves."""
    evidence: Personal[str]
    """What proved it."""
    verified_at: datetime
    """When."""
    ended_at: datetime | None
    """When the relationship ended: the clock begins."""
    keep_until: date | None
    """The last day on which it must be kept; null while the relationship holds."""
    expired: bool
    """That day has passed."""
