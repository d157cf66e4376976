"""Which files are one customer's: aliases, what all of them tell together, and who might be the same."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from domain.events import Personal, Recorded
from domain.merging import CustomersMerged, MergeReversed
from projections.reckoning import MONEY, SPENT
from projections.view import CustomerId, View, on, ref, report, view


@view("customer_aliases", key="merged_id", indexes=["customer_id"])
class CustomerAlias(View):
    """A file that was merged into another one and answers as its alias, until the merge is taken back."""

    merged_id: Annotated[str, ref("customers")]
    """The file that is an alias; it keeps all that was told of it."""
    customer_id: CustomerId
    """The file in front."""
    merge_id: str
    """The merge that made it so."""
    reason: Personal[str]
    """What shows that they are the same."""
    merged_at: datetime
    """When."""

    @on(CustomersMerged, keys=lambda recorded: [(recorded.event.merged_id,)])
    def merged(self, recorded: Recorded[CustomersMerged]) -> Self:
        e = recorded.event
        return self.but(
            customer_id=e.customer_id,
            merge_id=e.merge_id,
            reason=e.reason,
            merged_at=recorded.occurred_at,
        )

    @on(MergeReversed, keys=lambda recorded: [(recorded.event.merged_id,)])
    def taken_back(self, recorded: Recorded[MergeReversed]) -> None:
        return None


WHOLE = """
    WITH RECURSIVE front AS (
        SELECT coalesce(:customer_id::text, '') COLLATE "C" AS id, 0 AS depth
        UNION ALL
        SELECT a.customer_id, f.depth + 1 FROM front f JOIN {customer_aliases} a ON a.merged_id = f.id),
    files AS (
        (SELECT id AS file FROM front ORDER BY depth DESC LIMIT 1)
        UNION ALL
        SELECT a.merged_id FROM files f JOIN {customer_aliases} a ON a.customer_id = f.file)"""
"""SQL for the files that are one customer's, whichever of them is named."""


@report(
    "single_view",
    reads=["customers", "customer_aliases", "spendings", *MONEY],
    query=f"""
    {WHOLE}
    SELECT (SELECT id FROM front ORDER BY depth DESC LIMIT 1) AS front_id,
           array_agg(DISTINCT file) AS files, count(DISTINCT file) AS file_count,
           coalesce(sum(c.order_count), 0)::bigint AS order_count,
           coalesce(sum(c.contact_count), 0)::bigint AS contact_count,
           coalesce(sum(c.complaint_count), 0)::bigint AS complaint_count,
           coalesce(sum(s.spent), 0)::bigint AS spent_minor
      FROM files f
      JOIN {{customers}} c ON c.customer_id = f.file
      LEFT JOIN {SPENT} s
        ON s.customer_id = f.file
    HAVING count(*) > 0
    """,
)
class SingleView(View):
    """One customer, all merged files together (信息孤岛): the same answer whichever file is named."""

    customer_id: str | None = None
    """Any of the customer's files."""

    front_id: str
    """The file in front."""
    files: tuple[str, ...]
    """All files, the one in front included."""
    file_count: int
    """How many."""
    order_count: int
    """Orders in all files."""
    contact_count: int
    """Interactions in all files."""
    complaint_count: int
    """Complaints in all files."""
    spent_minor: int
    """Payments less refunds in all files, in minor units of the tier policy's currency."""


@report(
    "whole_timeline",
    reads=["timeline", "customer_aliases"],
    query=f"""
    {WHOLE}
    SELECT customer_id AS file, position, event, occurred_at, summary, subject, actor
      FROM {{timeline}} t JOIN files f ON f.file = customer_id
     ORDER BY occurred_at DESC, position DESC LIMIT 500
    """,
)
class WholeTimelineEntry(View):
    """One line of a customer's story over all merged files: at most 500, latest first."""

    customer_id: str | None = None
    """Any of the customer's files."""

    file: str
    """The file that it was told of."""
    position: int
    """Of the event in the log."""
    event: str
    """The event's stored name."""
    occurred_at: datetime
    """When it happened."""
    summary: Personal[str]
    """The first words of it."""
    subject: str
    """The stream that tells more."""
    actor: str
    """Who did it."""


@report(
    "duplicate_candidates",
    reads=["customers", "contact_points", "identifiers", "customer_aliases"],
    query="""
    WITH alike AS (
        SELECT a.customer_id AS one, b.customer_id AS other, 'same ' || a.kind AS reason, 0.6 AS score
          FROM {contact_points} a JOIN {contact_points} b
            ON a.kind = b.kind AND a.normalised = b.normalised AND a.customer_id < b.customer_id
        UNION ALL
        SELECT a.customer_id, b.customer_id, 'same ' || a.kind, 0.9
          FROM {identifiers} a JOIN {identifiers} b
            ON a.kind = b.kind AND lower(a.value) = lower(b.value) AND a.customer_id < b.customer_id
         WHERE a.status <> 'rejected' AND b.status <> 'rejected'
        UNION ALL
        SELECT a.customer_id, b.customer_id,
               CASE WHEN a.birthday IS NULL THEN 'same name and region' ELSE 'same name and birthday' END,
               CASE WHEN a.birthday IS NULL THEN 0.3 ELSE 0.7 END
          FROM {customers} a JOIN {customers} b
            ON a.name = b.name AND a.customer_id < b.customer_id
           AND (a.birthday = b.birthday
                OR (a.birthday IS NULL AND b.birthday IS NULL AND a.region = b.region)))
    SELECT one AS customer_id, other AS other_id, array_agg(DISTINCT reason) AS reasons,
           least(0.99, 1 - exp(sum(ln(1 - score))))::float8 AS score
      FROM alike
     WHERE NOT EXISTS (SELECT FROM {customer_aliases} m WHERE m.merged_id IN (one, other))
     GROUP BY one, other
    HAVING 1 - exp(sum(ln(1 - score))) >= coalesce(:least::float8, 0.5)
     ORDER BY score DESC, one, other LIMIT 200
    """,
)
class DuplicateCandidate(View):
    """Two files that may be one person's (信息孤岛), why, how sure that is: at most 200, surest first."""

    least: float | None = None
    """Only those at least so sure, 0 to 1; 0.5, where it is left out."""

    customer_id: str
    """The one file."""
    other_id: str
    """The other one."""
    reasons: tuple[str, ...]
    """What is alike."""
    score: float
    """How sure, 0 to 1: each reason removes its share of the doubt that is left."""
