"""Who works here, who should take a contact now, and how well departments and people do."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from domain.events import Recorded
from domain.policies import Policies
from domain.quality import QualityScored
from domain.staff import StaffChanged, StaffJoined, StaffLeft
from projections.reckoning import DAYS, MONEY, SPENT, ZONE, days, period
from projections.view import Chart, View, on, report, view


@view("staff", key="member", indexes=["department"])
class Member(View):
    """A member of staff, here or at a partner."""

    member: str
    """The name by which events call them."""
    department: str
    """Where they work."""
    post: str
    """As what."""
    skills: tuple[str, ...]
    """Which topics they master."""
    languages: tuple[str, ...]
    """Which languages they speak."""
    capacity: int
    """How many open contacts they can look after at once."""
    outsourced: bool
    """They work for a partner."""
    here: bool = True
    """They have not left."""

    @on(StaffJoined, StaffChanged)
    def described(self, recorded: Recorded[Any]) -> Self:
        e = recorded.event
        return self.but(
            department=e.department,
            post=e.post,
            skills=e.skills,
            languages=e.languages,
            capacity=e.capacity,
            outsourced=e.outsourced,
        )

    @on(StaffLeft)
    def left(self, recorded: Recorded[StaffLeft]) -> Self:
        return self.but(here=False)


@report(
    "routing",
    reads=["staff", "interactions", "customers", "customer_values"],
    query="""
    WITH load AS (
        SELECT responsible AS member, count(*) AS open FROM {interactions} i
         WHERE NOT resolved AND responsible IS NOT NULL GROUP BY 1),
    asking AS (
        SELECT c.customer_id, c.owner, coalesce(:language::text, c.language) AS language, v.tier
          FROM {customers} c LEFT JOIN {customer_values} v USING (customer_id)
         WHERE c.customer_id = :customer_id::text),
    judged AS (
        SELECT s.member, coalesce(l.open, 0) AS open_contacts, s.capacity,
               s.member = a.owner AS owns,
               :skill::text IS NOT NULL AND :skill::text = ANY (s.skills) AS skilled,
               a.language IS NOT NULL AND a.language = ANY (s.languages) AS speaks,
               coalesce(a.tier, 'lead') IN ('platinum', 'gold') AS first_rank
          FROM {staff} s LEFT JOIN load l USING (member) LEFT JOIN asking a ON true
         WHERE s.here)
    SELECT member, open_contacts, capacity,
           (CASE WHEN owns THEN 4 ELSE 0 END + CASE WHEN skilled THEN 2 ELSE 0 END
            + CASE WHEN speaks THEN 2 ELSE 0 END
            - open_contacts::float8 / greatest(capacity, 1) * CASE WHEN first_rank THEN 0.5 ELSE 1 END
            )::float8 AS score,
           array_remove(ARRAY[
               CASE WHEN owns THEN 'owns the customer' END,
               CASE WHEN skilled THEN 'knows the topic' END,
               CASE WHEN speaks THEN 'speaks the language' END,
               CASE WHEN first_rank THEN 'the customer comes first: a full desk counts half' END,
               open_contacts || ' of ' || capacity || ' contacts open'], NULL) AS reasons
      FROM judged
     WHERE open_contacts < capacity OR owns
     ORDER BY score DESC, member LIMIT 20
    """,
)
class Route(View):
    """Who should take a customer's contact now, best first, and why (自动呼叫分配, ACD).

    The owner counts 4, the skill 2, the language 2; how full somebody's desk is counts up to 1 against
    them, and half of that for customers of the two best tiers.
    """

    customer_id: str | None = None
    """Who is calling; nobody known, where it is left out."""
    skill: str | None = None
    """The topic it is about."""
    language: str | None = None
    """The language spoken; the customer's, where it is left out."""

    member: str
    """Who."""
    score: float
    """How well it fits; the highest first."""
    reasons: tuple[str, ...]
    """Why."""
    open_contacts: int
    """Contacts that they look after now."""
    capacity: int
    """How many they can."""


# --- Quality --------------------------------------------------------------------------------------


@view("quality_scores", key="score_id", indexes=["member"])
class QualityScore(View):
    """How well somebody handled a contact, by a checklist (质检)."""

    score_id: str
    """The id that clients chose for it."""
    member: str
    """Whose work it was."""
    interaction_id: str | None
    """Which contact was listened to."""
    percent: float
    """The mean of the lines, 0 to 100."""
    items: tuple[str, ...]
    """The lines with their scores, as `greeting: 80`."""
    scored_by: str
    """Who scored."""
    day: date
    """The business day on which it was scored."""

    @on(QualityScored)
    def scored(self, recorded: Recorded[QualityScored], policies: Policies) -> Self:
        e = recorded.event
        return self.but(
            member=e.member,
            interaction_id=e.interaction_id,
            percent=sum(item.percent for item in e.items) / len(e.items),
            items=tuple(f"{item.item}: {item.percent}" for item in e.items),
            scored_by=recorded.actor,
            day=policies.business_day(recorded.occurred_at),
        )


@report(
    "service_kpis",
    reads=["staff", "interactions", "complaints", "quality_scores", "yellow_cards", *DAYS],
    query=f"""
    WITH contacts AS (
        SELECT first_responsible AS member, count(*) AS contacts,
               count(*) FILTER (WHERE resolved AND handovers = 0 AND reopened = 0) AS first_contact,
               count(*) FILTER (WHERE resolved) AS resolved,
               count(*) FILTER (WHERE direction = 'inbound') AS queries,
               count(*) FILTER (WHERE answered_late) AS late,
               sum(rings) AS rings, count(rings) AS calls,
               sum(working_minutes) FILTER (WHERE resolved) AS minutes
          FROM {{interactions}} i WHERE {period("occurred_at")} GROUP BY 1),
    complained AS (
        SELECT handler AS member, count(*) AS complaints, count(*) FILTER (WHERE late OR overdue) AS late
          FROM {{complaints}} k WHERE {period("received_at")} GROUP BY 1),
    scored AS (
        SELECT member, sum(percent) AS percent, count(*) AS checklists FROM {{quality_scores}} q
         WHERE {days("day")} GROUP BY 1),
    warned AS (
        SELECT member, count(*) AS cards FROM {{yellow_cards}} y
         WHERE {period("issued_at")} GROUP BY 1)
    SELECT coalesce(s.department, 'unknown') AS department, coalesce(s.post, 'unknown') AS post,
           coalesce(s.outsourced, false) AS outsourced, count(DISTINCT m.member) AS members,
           coalesce(sum(c.contacts), 0)::bigint AS contacts, coalesce(sum(c.resolved), 0)::bigint AS resolved,
           sum(c.first_contact)::float8 / nullif(sum(c.contacts), 0)::float8 AS first_contact_rate,
           sum(c.late)::float8 / nullif(sum(c.queries), 0)::float8 AS late_rate,
           sum(c.minutes)::float8 / nullif(sum(c.resolved), 0)::float8 AS working_minutes,
           sum(c.rings)::float8 / nullif(sum(c.calls), 0)::float8 AS rings,
           coalesce(sum(k.complaints), 0)::bigint AS complaints,
           coalesce(sum(k.late), 0)::bigint AS late_complaints,
           sum(q.percent)::float8 / nullif(sum(q.checklists), 0)::float8 AS quality_percent,
           coalesce(sum(w.cards), 0)::bigint AS yellow_cards
      FROM (SELECT member FROM {{staff}} t UNION SELECT member FROM contacts WHERE member IS NOT NULL
            UNION SELECT member FROM complained WHERE member IS NOT NULL) m
      LEFT JOIN {{staff}} s USING (member) LEFT JOIN contacts c USING (member)
      LEFT JOIN complained k USING (member) LEFT JOIN scored q USING (member)
      LEFT JOIN warned w USING (member)
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """,
    chart=Chart(kind="bars", x="post", y="first_contact_rate late_rate", unit="0 to 1", series="department"),
)
class ServiceKpi(View):
    """How well a department and post served in a period (服务KPI): results and process, partners included."""

    since: date | None = None
    """First day; from the beginning, where it is left out."""
    until: date | None = None
    """Last day."""

    department: str
    """Where they work; `unknown` for people who are not on the staff list."""
    post: str
    """As what."""
    outsourced: bool
    """At a partner."""
    members: int
    """How many people."""
    contacts: int
    """Contacts that they received first."""
    resolved: int
    """Of these, finished."""
    first_contact_rate: float | None
    """Finished without a handover or reopening, of all contacts, 0 to 1."""
    late_rate: float | None
    """Answered after the promise, of those that customers began, 0 to 1."""
    working_minutes: float | None
    """Working minutes from receipt to finish of those that are finished, on average, pauses left out."""
    rings: float | None
    """Rings before a call was answered, on average of the calls."""
    complaints: int
    """Complaints that they handled."""
    late_complaints: int
    """Of these, decided after the deadline, or overdue."""
    quality_percent: float | None
    """The mean of the checklists, each counted once, 0 to 100."""
    yellow_cards: int
    """Warnings."""


@report(
    "service_levels",
    reads=["interactions", *DAYS],
    query=f"""
    SELECT extract(hour FROM occurred_at AT TIME ZONE coalesce(:zone::text, {ZONE}))::int AS hour,
           count(*) AS contacts, count(*) FILTER (WHERE resolved AND NOT answered_late) AS in_time,
           count(*) FILTER (WHERE resolved AND NOT answered_late)::float8 / count(*) AS service_level
      FROM {{interactions}} i
     WHERE direction = 'inbound' AND {period("occurred_at")}
     GROUP BY 1 ORDER BY 1
    """,
    chart=Chart(kind="bars", x="hour", y="service_level", unit="answered in time, 0 to 1"),
)
class ServiceLevel(View):
    """What share of the contacts that customers began was answered in time (服务水平), by hour of the day."""

    since: date | None = None
    """First day; from the beginning, where it is left out."""
    until: date | None = None
    """Last day."""
    zone: str | None = None
    """The time zone of the hours, such as `Asia/Shanghai`; the calendar's, where it is left out."""

    hour: int
    """The hour in which they began, 0 to 23."""
    contacts: int
    """How many contacts customers began."""
    in_time: int
    """How many of them were finished within the promise."""
    service_level: float
    """In time ÷ contacts, 0 to 1."""


@report(
    "owner_performance",
    reads=["customers", "spendings", "interactions", "complaints", "visits", *MONEY],
    query=f"""
    SELECT c.owner AS account_manager, count(*) AS customers, count(*) FILTER (WHERE NOT c.live) AS lost,
           coalesce(sum(s.spent), 0)::bigint AS spent_minor,
           coalesce(sum(c.open_complaint_count), 0)::bigint AS open_complaints,
           (SELECT count(*) FROM {{interactions}} i WHERE i.responsible = c.owner AND NOT i.resolved)
               AS open_contacts,
           (SELECT count(*) FROM {{visits}} v WHERE v.member = c.owner AND v.status = 'planned')
               AS planned_visits,
           (SELECT count(*) FROM {{visits}} v WHERE v.member = c.owner AND v.status = 'completed')
               AS completed_visits,
           (SELECT count(*) FROM {{complaints}} k WHERE k.handler = c.owner AND k.open)
               AS complaints_to_handle
      FROM {{customers}} c
      LEFT JOIN {SPENT} s
     USING (customer_id)
     WHERE c.owner IS NOT NULL AND (:owner::text IS NULL OR c.owner = :owner::text)
     GROUP BY c.owner ORDER BY spent_minor DESC, c.owner
    """,
)
class OwnerPerformance(View):
    """What an account manager looks after, has to do, and achieved (客户经理制)."""

    owner: str | None = None
    """One account manager; all, where it is left out."""

    account_manager: str
    """Who."""
    customers: int
    """Their customers."""
    lost: int
    """Of these, who have left."""
    spent_minor: int
    """What their customers paid, less refunds, in minor units of the tier policy's currency."""
    open_complaints: int
    """Open complaints of their customers."""
    open_contacts: int
    """Contacts that they have to finish."""
    planned_visits: int
    """Visits that they have planned."""
    completed_visits: int
    """Visits that they made."""
    complaints_to_handle: int
    """Open complaints that they handle."""
