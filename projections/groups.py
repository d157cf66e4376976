"""Groups of customers (集团客户): who stands below whom, and what each group comes to."""

from __future__ import annotations

from datetime import date
from typing import Self

from domain.complaints import Category
from domain.events import Recorded
from domain.groups import ParentAssigned
from projections.reckoning import DAYS, MONEY, OURS, SPENT, period
from projections.view import CustomerId, View, on, report, view


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


MEMBERS = """
    WITH RECURSIVE tops AS (
        SELECT DISTINCT parent_id AS top FROM {group_members} m
         WHERE parent_id IS NOT NULL AND (:customer_id::text IS NULL OR parent_id = :customer_id::text)),
    members AS (
        SELECT top, top COLLATE "C" AS id, 0 AS depth FROM tops
        UNION ALL
        SELECT t.top, m.customer_id, t.depth + 1 FROM members t JOIN {group_members} m ON m.parent_id = t.id)
"""
"""SQL in a report for the customers below each one, itself included, on every level."""


@report(
    "group_rollup",
    reads=["group_members", "customers", "spendings", *MONEY],
    query=f"""{MEMBERS}
    SELECT top AS head_id, count(*) AS member_count, max(depth) AS levels,
           coalesce(sum(c.order_count), 0)::bigint AS order_count,
           coalesce(sum(c.contact_count), 0)::bigint AS contact_count,
           coalesce(sum(c.complaint_count), 0)::bigint AS complaint_count,
           coalesce(sum(s.spent), 0)::bigint AS spent_minor
      FROM members t
      JOIN {{customers}} c ON c.customer_id = t.id
      LEFT JOIN {SPENT} s
        ON s.customer_id = t.id
     GROUP BY top ORDER BY spent_minor DESC, top LIMIT 200
    """,
)
class GroupRollup(View):
    """A group (集团客户): a customer and all below it, on all levels, added up: the 200 largest at most."""

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
    """What they paid, less refunds, in minor units of the tier policy's currency."""


@report(
    "group_complaint_rates",
    reads=["group_members", "customers", "complaints", *DAYS],
    query=f"""{MEMBERS},
    received AS (
        SELECT customer_id, count(*) AS complaints FROM {{complaints}} k
         WHERE {period("received_at")}
           AND (:category::text IS NULL OR category = :category::text)
         GROUP BY 1)
    SELECT top AS head_id, count(*) AS customers, coalesce(sum(r.complaints), 0)::bigint AS complaints,
           10000 * coalesce(sum(r.complaints), 0)::float8 / count(*) AS per_10000_customers
      FROM members t JOIN {{customers}} c ON c.customer_id = t.id
      LEFT JOIN received r ON r.customer_id = t.id
     WHERE {OURS}
     GROUP BY top ORDER BY per_10000_customers DESC, top LIMIT 200
    """,
)
class GroupComplaintRate(View):
    """The complaints of a group in a period, for 10,000 of its customers (万户投诉量): the 200 highest."""

    customer_id: str | None = None
    """The customer on top; all who have somebody below them, where it is left out."""
    since: date | None = None
    """First day on which complaints were received; from the beginning, where it is left out."""
    until: date | None = None
    """Last such day."""
    category: Category | None = None
    """What the complaints are about; all, where it is left out."""

    head_id: str
    """The customer on top."""
    customers: int
    """Customers, the one on top included."""
    complaints: int
    """How many were received."""
    per_10000_customers: float
    """Complaints ÷ customers × 10,000."""
