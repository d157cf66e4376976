"""Whom to visit, remind, greet and review, and whether it was done: visits, subscriptions, key accounts."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Self

from domain.announcements import AnnouncementMade, AnnouncementPrepared
from domain.events import Personal, Recorded
from domain.service import KEY_TIER
from domain.subscriptions import SubscriptionCancelled, SubscriptionRenewed, SubscriptionStarted
from domain.visits import VisitCompleted, VisitMissed, VisitPlanned
from projections.reckoning import DAYS, TODAY, day_of, service
from projections.view import CustomerId, View, on, report, view


@view("visits", key="visit_id", indexes=["status planned_for", "member planned_for"])
class Visit(View):
    """A visit, a revisit or a round: planned, made or missed (回访、巡访)."""

    visit_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """To whom."""
    planned_for: date
    """The day it is planned for."""
    member: str
    """Who goes."""
    purpose: str
    """What for."""
    status: str = "planned"
    """`planned`, `completed` or `missed`."""
    completed_at: datetime | None = None
    """When it was made."""
    stock: str | None = None
    """What the customer has in stock."""
    purchases: str | None = None
    """What the customer bought."""
    sales: str | None = None
    """What the customer sells on."""
    criticism: Personal[str | None] = None
    """What the customer criticises."""
    reason: Personal[str | None] = None
    """Why it did not take place."""

    @on(VisitPlanned)
    def planned(self, recorded: Recorded[VisitPlanned]) -> Self:
        e = recorded.event
        return self.but(customer_id=e.customer_id, planned_for=e.on, member=e.member, purpose=e.purpose)

    @on(VisitCompleted)
    def completed(self, recorded: Recorded[VisitCompleted]) -> Self:
        e = recorded.event
        return self.but(
            status="completed",
            completed_at=recorded.occurred_at,
            stock=e.stock,
            purchases=e.purchases,
            sales=e.sales,
            criticism=e.criticism,
        )

    @on(VisitMissed)
    def missed(self, recorded: Recorded[VisitMissed]) -> Self:
        return self.but(status="missed", reason=recorded.event.reason)


class DueKind(StrEnum):
    """Why somebody is to be visited."""

    REVISIT = "revisit"
    """Something was delivered (回访)."""
    ROUND = "round"
    """The account manager makes the rounds (巡访)."""


@report(
    "due_visits",
    reads=["customers", "customer_values", "orders", "visits", "service_policies", *DAYS],
    query=f"""
    WITH delivered AS (
        SELECT customer_id, {day_of("max(fulfilled_at)")} AS day FROM {{orders}} o
         WHERE fulfilled_at IS NOT NULL GROUP BY 1),
    seen AS (
        SELECT customer_id, {day_of("max(completed_at)")} AS day FROM {{visits}} v GROUP BY 1),
    planned AS (
        SELECT customer_id, min(planned_for) AS day FROM {{visits}} v WHERE status = 'planned' GROUP BY 1),
    plan AS (
        SELECT c.customer_id, c.owner, 'revisit' AS kind, greatest(d.day, s.day) AS since,
               NULL AS abc_class, CASE WHEN {TODAY} <= d.day + 365 THEN {service("first_year_days")}
                    ELSE {service("later_days")} END AS days
          FROM delivered d JOIN {{customers}} c USING (customer_id) LEFT JOIN seen s USING (customer_id)
         WHERE c.live
        UNION ALL
        SELECT c.customer_id, c.owner, 'round', coalesce(s.day, {day_of("c.registered_at")}),
               v.abc_class, CASE v.abc_class WHEN 'a' THEN {service("class_a_days")}
                    WHEN 'b' THEN {service("class_b_days")}
                    ELSE {service("class_c_days")} END
          FROM {{customers}} c JOIN {{customer_values}} v USING (customer_id)
          LEFT JOIN seen s USING (customer_id)
         WHERE c.live AND c.owner IS NOT NULL)
    SELECT p.customer_id, p.owner AS account_manager, p.kind, p.abc_class,
           p.since AS last_seen, p.since + p.days AS due_on,
           p.since + p.days < {TODAY} AS overdue, n.day AS planned_on
      FROM plan p LEFT JOIN planned n USING (customer_id)
     WHERE p.since + p.days <= {TODAY} + 7 AND (:owner::text IS NULL OR p.owner = :owner::text)
       AND (:only::text IS NULL OR p.kind = :only::text)
     ORDER BY due_on, p.customer_id, p.kind LIMIT 500
    """,
)
class DueVisit(View):
    """Whom to visit within a week, and who is overdue (回访制度、巡访): at most 500, longest overdue first.

    Revisits: monthly in the first year after the latest delivery, quarterly after that. Rounds, to the
    customers who have an account manager: by ABC class. The service policy sets the days.
    """

    on: date | None = None
    """As of this day; the last business day, where it is left out."""
    owner: str | None = None
    """One account manager's customers; all, where it is left out."""
    only: DueKind | None = None
    """Revisits or rounds; both, where it is left out."""

    customer_id: str
    """Whom."""
    account_manager: str | None
    """Who goes."""
    kind: DueKind
    """Which of the two."""
    abc_class: str | None
    """Of a round, the customer's class: `a`, `b` or `c`."""
    last_seen: date
    """The latest visit, or the delivery or registration where there was none."""
    due_on: date
    """The day it is due."""
    overdue: bool
    """That day has passed."""
    planned_on: date | None
    """The next planned visit."""


@view("subscriptions", key="subscription_id", indexes=["running ends_on"])
class SubscriptionHeld(View):
    """A subscription: a contract that runs until a day (到期提醒)."""

    subscription_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Whose."""
    product: str
    """For what."""
    ends_on: date
    """The last day, unless it is renewed."""
    renewals: int = 0
    """How often it was renewed."""
    running: bool = True
    """It was not cancelled."""

    @on(SubscriptionStarted)
    def started(self, recorded: Recorded[SubscriptionStarted]) -> Self:
        e = recorded.event
        return self.but(customer_id=e.customer_id, product=e.product, ends_on=e.ends_on)

    @on(SubscriptionRenewed)
    def renewed(self, recorded: Recorded[SubscriptionRenewed]) -> Self:
        return self.but(ends_on=recorded.event.ends_on, renewals=self.renewals + 1)

    @on(SubscriptionCancelled)
    def cancelled(self, recorded: Recorded[SubscriptionCancelled]) -> Self:
        return self.but(running=False)


@report(
    "expiring_subscriptions",
    reads=["subscriptions", "customers", "service_policies", "ended_days"],
    query=f"""
    SELECT s.subscription_id, s.customer_id, c.owner, s.product, s.ends_on, s.ends_on - {TODAY} AS days_left
      FROM {{subscriptions}} s JOIN {{customers}} c USING (customer_id)
     WHERE s.running AND s.ends_on BETWEEN {TODAY} AND {TODAY} + {service("notice_days")}
     ORDER BY s.ends_on, s.subscription_id LIMIT 500
    """,
)
class ExpiringSubscription(View):
    """A subscription that ends soon, unless somebody speaks with the customer (到期提醒): at most 500."""

    on: date | None = None
    """As of this day; the last business day, where it is left out."""

    subscription_id: str
    """Which."""
    customer_id: str
    """Whose."""
    owner: str | None
    """The account manager."""
    product: str
    """For what."""
    ends_on: date
    """The last day."""
    days_left: int
    """Days from the day asked for."""


@report(
    "care_occasions",
    reads=["customers", "customer_values", "customer_classes", "cares", "calendars", "ended_days"],
    query=f"""
    WITH occasions AS (
        SELECT customer_id, owner, 'birthday' AS occasion, birthday AS origin FROM {{customers}} c
         WHERE live AND birthday IS NOT NULL
        UNION ALL
        SELECT customer_id, owner, 'anniversary', {day_of("registered_at")} FROM {{customers}} c
         WHERE live AND owner IS NOT NULL),
    next AS (
        SELECT *, (origin + make_interval(years =>
                   extract(year FROM {TODAY})::int - extract(year FROM origin)::int
                   + CASE WHEN to_char(origin, 'MMDD') < to_char({TODAY}, 'MMDD') THEN 1 ELSE 0 END)
                  )::date AS day
          FROM occasions),
    closed AS (
        SELECT unnest(holidays)::date AS day FROM (
            SELECT holidays FROM {{calendars}} l WHERE effective_from <= {TODAY}
             ORDER BY effective_from DESC LIMIT 1) in_force),
    due AS (
        SELECT customer_id, owner, occasion, day FROM next WHERE day > origin
        UNION ALL
        SELECT customer_id, owner, 'holiday', h.day FROM {{customers}} c
         CROSS JOIN (SELECT DISTINCT day FROM closed d
                      WHERE NOT EXISTS (SELECT FROM closed e WHERE e.day = d.day - 1)) h
         WHERE live AND owner IS NOT NULL)
    SELECT n.customer_id, n.owner AS account_manager, n.occasion, n.day, v.tier,
           CASE WHEN k.unprofitable THEN 'a message'
                WHEN v.tier = 'platinum' THEN 'a visit with a gift'
                WHEN v.tier = 'gold' THEN 'a call and a card'
                ELSE 'a message' END AS gesture
      FROM due n LEFT JOIN {{customer_values}} v USING (customer_id)
      LEFT JOIN {{customer_classes}} k USING (customer_id)
     WHERE n.day BETWEEN {TODAY} AND {TODAY} + 14
       AND NOT EXISTS (SELECT FROM {{cares}} g WHERE g.customer_id = n.customer_id AND g.occasion = n.occasion
                          AND {day_of("g.occurred_at")}
                              > n.day - CASE n.occasion WHEN 'holiday' THEN 30 ELSE 300 END)
     ORDER BY array_position(ARRAY['platinum', 'gold', 'iron', 'lead'], v.tier), n.day, n.customer_id
     LIMIT 200
    """,
)
class CareOccasion(View):
    """A birthday, holiday or anniversary within two weeks that nobody has thought of (客户关怀): at most 200.

    What is fitting depends on the tier; the best customers come first. Who is unprofitable (不盈利客户)
    gets what costs nothing.
    """

    on: date | None = None
    """As of this day; the last business day, where it is left out."""

    customer_id: str
    """Whose."""
    account_manager: str | None
    """Who should see to it."""
    occasion: str
    """`birthday`, `anniversary` of the file, or `holiday`; give it to `giveCare`.

    A holiday is the first of the days in a row on which the calendar is closed. Anniversaries and holidays
    are for customers who have an account manager."""
    day: date
    """The day."""
    tier: str | None
    """The customer's tier."""
    gesture: str
    """What is fitting."""


# --- Key accounts ---------------------------------------------------------------------------------


@view("announcements", key="announcement_id", indexes=["public_on"])
class Announcement(View):
    """What key accounts are told before everybody else (优先告知)."""

    announcement_id: str
    """The id that clients chose for it."""
    title: str
    """What it is called."""
    text: Personal[str]
    """What it says."""
    public_on: date
    """The day on which everybody hears it."""
    made: bool = False
    """It is public."""

    @on(AnnouncementPrepared)
    def prepared(self, recorded: Recorded[AnnouncementPrepared]) -> Self:
        e = recorded.event
        return self.but(title=e.title, text=e.text, public_on=e.public_on)

    @on(AnnouncementMade)
    def published(self, recorded: Recorded[AnnouncementMade]) -> Self:
        return self.but(made=True)


@report(
    "key_account_desk",
    reads=[
        *("customers", "customer_values", "account_reviews", "announcements", "tellings"),
        *("interactions", "service_policies", *DAYS),
    ],
    query=f"""
    WITH reviewed AS (
        SELECT DISTINCT ON (customer_id) customer_id, {day_of("occurred_at")} AS day, escalated_to
          FROM {{account_reviews}} r ORDER BY customer_id, occurred_at DESC)
    SELECT c.customer_id, c.owner AS account_manager, v.spent_minor, r.day AS reviewed_on,
           coalesce(r.day <= {TODAY} - {service("review_days")}, true) AS review_due, r.escalated_to,
           c.open_complaint_count, coalesce(i.queries, 0) AS queries,
           coalesce(i.answered_late, 0) AS answered_late,
           coalesce((SELECT array_agg(a.announcement_id ORDER BY a.public_on) FROM {{announcements}} a
                      WHERE NOT a.made AND NOT EXISTS (
                            SELECT FROM {{tellings}} t
                             WHERE (t.customer_id, t.announcement_id) = (c.customer_id, a.announcement_id))),
                    '{{{{}}}}') AS to_be_told
      FROM {{customers}} c JOIN {{customer_values}} v USING (customer_id)
      LEFT JOIN reviewed r USING (customer_id)
      LEFT JOIN (
           SELECT customer_id, count(*) AS queries, count(*) FILTER (WHERE answered_late) AS answered_late
             FROM {{interactions}} i
            WHERE around_the_clock AND direction = 'inbound'
              AND {day_of("occurred_at")} BETWEEN {TODAY} - {service("effect_days")} AND {TODAY}
            GROUP BY customer_id) i USING (customer_id)
     WHERE v.tier = '{KEY_TIER}' AND c.live AND (:owner::text IS NULL OR c.owner = :owner::text)
     ORDER BY r.day IS NULL, review_due DESC, v.spent_minor DESC, c.customer_id LIMIT 200
    """,
)
class KeyAccount(View):
    """A key account (platinum) as its desk sees it: what to tell first, and whether the review is due.

    We are always open to them (专属服务): the clock of their queries runs night and day.
    At most 200, those who were reviewed before first. What is beyond one's authority is escalated.
    """

    on: date | None = None
    """As of this day; the last business day, where it is left out."""
    owner: str | None = None
    """One account manager's; all, where it is left out."""

    customer_id: str
    """Which account."""
    account_manager: str | None
    """Who looks after it."""
    spent_minor: int
    """In the tier policy's window, in minor units."""
    reviewed_on: date | None
    """The latest review."""
    review_due: bool
    """The next one is due (每周梳理)."""
    escalated_to: str | None
    """Who took over what the latest review found."""
    open_complaint_count: int
    """Complaints that are not closed."""
    queries: int
    """What they asked in the service policy's `effectDays` before; its clock ran night and day."""
    answered_late: int
    """Of these, those that were finished after the always-open promise."""
    to_be_told: tuple[str, ...]
    """Announcements that are not public yet and that the customer has not heard."""
