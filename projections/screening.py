"""Screening (黑名单库): the lists, what was ruled on matches, who matches now, and the risk grade."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from domain.events import Personal, Recorded
from domain.files import ScreeningRuled, ScreeningVerdict
from domain.screening import ListKind, ScreeningListLoaded
from projections.view import CustomerId, View, on, report, view


@view("screening_lists", key="list_id")
class ScreeningListEdition(View):
    """A screening list in its latest edition; who is on it is compared by `screeningMatches`."""

    list_id: str
    """Which list."""
    kind: ListKind
    """What it means to be on it."""
    entry_ids: tuple[str, ...]
    """Its entries."""
    names: Personal[tuple[str, ...]]
    """The name of each entry, lower case; empty, where it has none."""
    values: Personal[tuple[str, ...]]
    """The number of each entry, lower case; empty, where it has none."""
    loaded_at: datetime
    """When this edition was loaded."""

    @on(ScreeningListLoaded)
    def loaded(self, recorded: Recorded[ScreeningListLoaded]) -> Self:
        e = recorded.event
        return self.but(
            kind=e.kind,
            entry_ids=tuple(entry.entry_id for entry in e.entries),
            names=tuple((entry.name or "").strip().lower() for entry in e.entries),
            values=tuple((entry.value or "").strip().lower() for entry in e.entries),
            loaded_at=recorded.occurred_at,
        )


MATCHES = """
    SELECT DISTINCT ON (c.customer_id, l.list_id, e.entry_id)
           c.customer_id, l.list_id, l.kind, e.entry_id,
           CASE WHEN i.value IS NOT NULL THEN 'identifier' ELSE 'name' END AS matched_by,
           coalesce(r.verdict, 'open') AS status
      FROM {screening_lists} l
     CROSS JOIN LATERAL unnest(l.entry_ids, l.names, l.values) AS e(entry_id, name, number)
      JOIN {customers} c ON true
      LEFT JOIN {identifiers} i
        ON i.customer_id = c.customer_id AND i.status <> 'rejected'
           AND e.number <> '' AND lower(trim(i.value)) = e.number
      LEFT JOIN {screening_rulings} r
        ON (r.customer_id, r.list_id, r.entry_id) = (c.customer_id, l.list_id, e.entry_id)
     WHERE i.value IS NOT NULL OR (e.name <> '' AND lower(trim(c.name)) = e.name)
     ORDER BY c.customer_id, l.list_id, e.entry_id, matched_by"""
_READS = ["screening_lists", "customers", "identifiers", "screening_rulings"]


@report("screening_matches", reads=_READS, query=MATCHES + " LIMIT 1000")
class ScreeningMatch(View):
    """A customer whose name or identifier stands on a screening list (政治公众人物、黑名单库): at most 1,000.

    Until somebody rules on it the match is open, and the customer is looked at with enhanced diligence.
    A rejected identifier matches nothing.
    """

    customer_id: str
    """Who matches."""
    list_id: str
    """Which list."""
    kind: ListKind
    """What it means to be on it."""
    entry_id: str
    """Which of its entries."""
    matched_by: str
    """`identifier` or `name`."""
    status: str
    """`open`, `cleared` or `confirmed`."""


@report(
    "risk_grades",
    reads=_READS,
    query=f"""
    SELECT customer_id AS customer,
           CASE WHEN bool_or(status = 'confirmed') THEN 'high'
                WHEN bool_or(status = 'open') THEN 'enhanced' ELSE 'normal' END AS grade,
           array_agg(DISTINCT kind || ' list ' || list_id || ': ' || status) AS reasons
      FROM ({MATCHES}) m
     WHERE :customer_id::text IS NULL OR customer_id = :customer_id::text
     GROUP BY customer_id
     ORDER BY bool_or(status = 'confirmed') DESC, bool_or(status = 'open') DESC, customer_id LIMIT 1000
    """,
)
class RiskGrade(View):
    """How closely a customer is to be looked at, and why, closest first; who matches no list is left out."""

    customer_id: str | None = None
    """One customer; all who match, where it is left out."""

    customer: str
    """The customer's id."""
    grade: str
    """`high`: a match was confirmed; `enhanced`: one is open; `normal`: all were cleared."""
    reasons: tuple[str, ...]
    """The lists, and what was ruled."""


@view("screening_rulings", key="customer_id list_id entry_id")
class ScreeningRuling(View):
    """What was ruled on a customer's match with an entry of a screening list."""

    customer_id: CustomerId
    """Who matched."""
    list_id: str
    """Which list."""
    entry_id: str
    """Which of its entries."""
    verdict: ScreeningVerdict
    """Somebody else, or really the one on the list."""
    reason: Personal[str]
    """Why."""
    ruled_by: str
    """Who ruled."""
    ruled_at: datetime
    """When."""

    @on(ScreeningRuled)
    def ruled(self, recorded: Recorded[ScreeningRuled]) -> Self:
        e = recorded.event
        return self.but(
            verdict=e.verdict, reason=e.reason, ruled_by=recorded.actor, ruled_at=recorded.occurred_at
        )
