"""Who belongs together and who may read whom: aliases, groups, screening, loans, extra fields, duplicates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from domain.calendar import DayEnded
from domain.events import Personal, Recorded
from domain.extras import ExtraFieldDefined, ExtraFieldSet, ExtraKind
from domain.groups import ParentAssigned
from domain.loans import FileLent, FileReturned
from domain.merging import CustomersMerged, MergeReversed
from domain.screening import ListKind, ScreeningListLoaded
from projections.policies import TODAY, service
from projections.view import CustomerId, View, on, ref, report, view

# --- Merges ---------------------------------------------------------------------------------------


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
    reads=["customers", "customer_aliases", "spendings"],
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
      LEFT JOIN (SELECT customer_id, sum(spent_minor) AS spent FROM {{spendings}} p GROUP BY 1) s
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
    """Payments less refunds in all files, in minor units, all currencies alike."""


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
    """Two files that may be one person's, why, and how sure that is: at most 200, surest first."""

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


# --- Groups ---------------------------------------------------------------------------------------


@view("group_members", key="customer_id", indexes=["parent_id"])
class GroupMember(View):
    """Below whom a customer stands in its group's tree (集团客户)."""

    customer_id: CustomerId
    """Who."""
    parent_id: str | None
    """The customer right above; null: at the top."""

    @on(ParentAssigned)
    def placed(self, recorded: Recorded[ParentAssigned]) -> Self:
        return self.but(parent_id=recorded.event.parent_id)


@report(
    "group_rollup",
    reads=["group_members", "customers", "spendings"],
    query="""
    WITH RECURSIVE tops AS (
        SELECT DISTINCT parent_id AS top FROM {group_members} m
         WHERE parent_id IS NOT NULL AND (:customer_id::text IS NULL OR parent_id = :customer_id::text)),
    members AS (
        SELECT top, top COLLATE "C" AS id, 0 AS depth FROM tops
        UNION ALL
        SELECT t.top, m.customer_id, t.depth + 1 FROM members t JOIN {group_members} m ON m.parent_id = t.id)
    SELECT top AS head_id, count(*) AS member_count, max(depth) AS levels,
           coalesce(sum(c.order_count), 0)::bigint AS order_count,
           coalesce(sum(c.contact_count), 0)::bigint AS contact_count,
           coalesce(sum(c.complaint_count), 0)::bigint AS complaint_count,
           coalesce(sum(s.spent), 0)::bigint AS spent_minor
      FROM members t
      JOIN {customers} c ON c.customer_id = t.id
      LEFT JOIN (SELECT customer_id, sum(spent_minor) AS spent FROM {spendings} p GROUP BY 1) s
        ON s.customer_id = t.id
     GROUP BY top ORDER BY spent_minor DESC, top LIMIT 200
    """,
)
class GroupRollup(View):
    """A customer with all below it in the tree, on every level, added up: at most 200, largest first."""

    customer_id: str | None = None
    """The customer on top; all who have somebody below them, where it is left out."""

    head_id: str
    """The customer on top."""
    member_count: int
    """Customers, the one on top included."""
    levels: int
    """How many levels lie below the top."""
    order_count: int
    """Their orders."""
    contact_count: int
    """Their interactions."""
    complaint_count: int
    """Their complaints."""
    spent_minor: int
    """What they paid, less refunds, in minor units."""


# --- Screening ------------------------------------------------------------------------------------


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
        ON i.customer_id = c.customer_id AND e.number <> '' AND lower(i.value) = e.number
      LEFT JOIN {screening_rulings} r
        ON (r.customer_id, r.list_id, r.entry_id) = (c.customer_id, l.list_id, e.entry_id)
     WHERE i.value IS NOT NULL OR (e.name <> '' AND lower(c.name) = e.name)
     ORDER BY c.customer_id, l.list_id, e.entry_id, matched_by"""
_READS = ["screening_lists", "customers", "identifiers", "screening_rulings"]


@report("screening_matches", reads=_READS, query=MATCHES + " LIMIT 1000")
class ScreeningMatch(View):
    """A customer whose name or identifier stands on a screening list (政治公众人物、黑名单库): at most 1,000.

    Until somebody rules on it the match is open, and the customer is looked at with enhanced diligence.
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
     GROUP BY customer_id ORDER BY grade DESC, customer_id LIMIT 1000
    """,
)
class RiskGrade(View):
    """How closely a customer is to be looked at, and why; who matches no list is not named."""

    customer_id: str | None = None
    """One customer; all who match, where it is left out."""

    customer: str
    """The customer's id."""
    grade: str
    """`high`: a match was confirmed; `enhanced`: one is open; `normal`: all were cleared."""
    reasons: tuple[str, ...]
    """The lists, and what was ruled."""


# --- Evidence, loans, extra fields ----------------------------------------------------------------


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
    reads=["identifiers", "customers", "service_policies", "ended_days"],
    query=f"""
    SELECT customer_id AS customer, i.kind, i.evidence, i.verified_at, c.ended_at,
           (c.ended_at::date + make_interval(years => {service("evidence_years")}))::date AS keep_until,
           coalesce((c.ended_at::date + make_interval(years => {service("evidence_years")}))::date < {TODAY},
                    false) AS expired
      FROM {{identifiers}} i JOIN {{customers}} c USING (customer_id)
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


@view("file_loans", key="loan_id", indexes=["borrower running"])
class FileLoan(View):
    """One loan of a customer's file (借阅): while it runs, the borrower may read the file."""

    loan_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Whose file."""
    borrower: str
    """Who reads it meanwhile."""
    purpose: str
    """What for."""
    due_on: date
    """The last day."""
    lent_by: str
    """Who lent it."""
    lent_at: datetime
    """When."""
    returned_at: datetime | None = None
    """When it came back."""
    running: bool = True
    """It was not returned, and its last day has not ended."""
    overdue: bool = False
    """Its last day ended before it was returned."""

    @on(FileLent)
    def lent(self, recorded: Recorded[FileLent]) -> Self:
        e = recorded.event
        return self.but(
            customer_id=e.customer_id,
            borrower=e.borrower,
            purpose=e.purpose,
            due_on=e.due_on,
            lent_by=recorded.actor,
            lent_at=recorded.occurred_at,
        )

    @on(FileReturned)
    def returned(self, recorded: Recorded[FileReturned]) -> Self:
        return self.but(returned_at=recorded.occurred_at, running=False)

    @on(DayEnded, rows={"running": True})
    def day_ended(self, recorded: Recorded[DayEnded]) -> Self:
        over = self.due_on <= recorded.event.day
        return self.but(running=not over, overdue=over)


@view("extra_fields", key="field")
class ExtraField(View):
    """A field that the tenant added to the customer file (附加信息)."""

    field: str
    """Its name."""
    kind: ExtraKind
    """What it holds."""
    label: str
    """What people call it."""

    @on(ExtraFieldDefined)
    def defined(self, recorded: Recorded[ExtraFieldDefined]) -> Self:
        return self.but(kind=recorded.event.kind, label=recorded.event.label)


@view("customer_extras", key="customer_id field")
class CustomerExtra(View):
    """A customer's value in an extra field."""

    customer_id: CustomerId
    """Whose file."""
    field: str
    """Which field."""
    value: Personal[str | None] = None
    """The value, as text."""
    set_at: datetime
    """When it was set."""

    @on(ExtraFieldSet)
    def valued(self, recorded: Recorded[ExtraFieldSet]) -> Self:
        return self.but(value=recorded.event.value, set_at=recorded.occurred_at)
