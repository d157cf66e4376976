"""What may be sold and what is known for selling: leads, opportunities, campaigns, rivals, articles."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self

from domain.articles import ArticlePublished, ArticleRevised, ArticleUsed, ArticleWithdrawn
from domain.campaigns import (
    Answer,
    CampaignAnswered,
    CampaignClosed,
    CampaignKind,
    CampaignPlanned,
    CustomerInvited,
)
from domain.events import Personal, Recorded
from domain.leads import LeadCaptured, LeadDisqualified, LeadQualified
from domain.opportunities import (
    OpportunityLost,
    OpportunityOpened,
    OpportunityWon,
    SalesStage,
    StageAdvanced,
)
from domain.rivals import RivalObserved
from projections.reckoning import DAYS, MONEY, TODAY, day_of, service, total
from projections.view import Chart, CustomerId, View, about, on, ref, report, view


@view("leads", key="lead_id", indexes=["status captured_at"])
class Lead(View):
    """Somebody who might become a customer."""

    lead_id: str
    """The id that clients chose for it."""
    name: Personal[str]
    """Who."""
    value: Personal[str | None]
    """How to reach them."""
    interest: str
    """In what."""
    origin: str
    """Where they came from."""
    status: str = "captured"
    """`captured`, `qualified` or `disqualified`."""
    captured_at: datetime
    """When they were noted."""
    became: Annotated[str | None, about] = None
    """The customer they became."""

    @on(LeadCaptured)
    def captured(self, recorded: Recorded[LeadCaptured]) -> Self:
        e = recorded.event
        return self.but(
            name=e.name, value=e.value, interest=e.interest, origin=e.origin, captured_at=recorded.occurred_at
        )

    @on(LeadQualified)
    def qualified(self, recorded: Recorded[LeadQualified]) -> Self:
        return self.but(status="qualified", became=recorded.event.customer_id)

    @on(LeadDisqualified)
    def disqualified(self, recorded: Recorded[LeadDisqualified]) -> Self:
        return self.but(status="disqualified")


STEPS = ", ".join(f"'{step}'" for step in (*SalesStage, "won"))
"""SQL for the steps of a sale, in their order."""


@view("opportunities", key="opportunity_id", indexes=["status stage"])
class Opportunity(View):
    """A sale that may come about, and how it ended."""

    opportunity_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Who would buy."""
    title: str
    """What would be sold."""
    amount_minor: int
    """For how much, in minor units."""
    currency: str
    """ISO 4217."""
    stage: SalesStage
    """How far it has come."""
    percent: int
    """How probable it is, 0 to 100; 100 once it is won, 0 once it is lost."""
    expected_minor: int
    """Amount × probability, in minor units: what it is worth today."""
    status: str = "open"
    """`open`, `won` or `lost`."""
    opened_at: datetime
    """When it was noted."""
    ended_at: datetime | None = None
    """When it was won or lost."""
    order_id: Annotated[str | None, ref("orders")] = None
    """The order it became."""

    @on(OpportunityOpened)
    def opened(self, recorded: Recorded[OpportunityOpened]) -> Self:
        e = recorded.event
        return self.but(
            customer_id=e.customer_id,
            title=e.title,
            amount_minor=e.amount_minor,
            currency=e.currency,
            stage=e.stage,
            percent=e.percent,
            expected_minor=e.amount_minor * e.percent // 100,
            opened_at=recorded.occurred_at,
        )

    @on(StageAdvanced)
    def advanced(self, recorded: Recorded[StageAdvanced]) -> Self:
        e = recorded.event
        return self.but(stage=e.stage, percent=e.percent, expected_minor=self.amount_minor * e.percent // 100)

    @on(OpportunityWon)
    def won(self, recorded: Recorded[OpportunityWon]) -> Self:
        return self.but(
            status="won",
            percent=100,
            expected_minor=0,
            ended_at=recorded.occurred_at,
            order_id=recorded.event.order_id,
        )

    @on(OpportunityLost)
    def lost(self, recorded: Recorded[OpportunityLost]) -> Self:
        return self.but(status="lost", percent=0, expected_minor=0, ended_at=recorded.occurred_at)


@report(
    "sales_funnel",
    reads=["leads", "opportunities", "orders", *MONEY],
    query=f"""
    SELECT step, count(*) AS number, {total("amount")} AS amount_minor,
           {total("expected")} AS expected_minor
      FROM (SELECT 'lead: ' || status AS step, 1 AS rank, 0::bigint AS amount, 0::bigint AS expected,
                   NULL AS currency
              FROM {{leads}} l
            UNION ALL
            SELECT CASE WHEN status = 'open' THEN 'opportunity: ' || stage ELSE 'opportunity: ' || status END,
                   2, amount_minor, expected_minor, currency FROM {{opportunities}} o
            UNION ALL
            SELECT 'order: ' || progress, 3, total_minor, 0, currency FROM {{orders}} r) s
     GROUP BY step, rank ORDER BY rank, step
    """,
)
class FunnelStep(View):
    """One step of the way from lead to receipt (SFA模块): how many are there, and for how much."""

    step: str
    """Such as `lead: captured`, `opportunity: proposal`, `order: paid`."""
    number: int
    """How many."""
    amount_minor: int
    """For how much together, in minor units of the tier policy's currency."""
    expected_minor: int
    """Amount × probability together: the open pipeline."""


@report(
    "opportunity_funnel",
    reads=["opportunities", *MONEY],
    query=f"""
    SELECT step, count(*) AS opportunities, {total("amount_minor")} AS amount_minor,
           count(*)::float8 / (SELECT count(*) FROM {{opportunities}} everything) AS share
      FROM unnest(ARRAY[{STEPS}]) WITH ORDINALITY s(step, rank)
      JOIN {{opportunities}} o
        ON status = 'won' OR array_position(ARRAY[{STEPS}], o.stage) >= rank
     GROUP BY step, rank ORDER BY rank
    """,
    chart=Chart(kind="funnel", x="step", y="opportunities", unit="how many came so far"),
)
class OpportunityStep(View):
    """How many opportunities came how far (销售漏斗): each stage, and who bought in the end."""

    step: str
    """A stage of the sale, or `won`."""
    opportunities: int
    """How many came so far, or further."""
    amount_minor: int
    """For how much together, in minor units of the tier policy's currency."""
    share: float
    """Of all opportunities, 0 to 1."""


# --- Campaigns ------------------------------------------------------------------------------------


@view("campaigns", key="campaign_id", indexes=["held_on"])
class Campaign(View):
    """A campaign or an event for a segment of customers (一对一营销、公关活动), and what it cost."""

    campaign_id: str
    """The id that clients chose for it."""
    kind: CampaignKind
    """What kind of occasion."""
    title: str
    """What it is called."""
    segment: str
    """Whom it is for."""
    held_on: date
    """The day it takes place or goes out."""
    open: bool = True
    """It is not closed."""
    cost_minor: int = 0
    """What it cost, in minor units."""
    currency: str | None = None
    """ISO 4217."""
    learned: Personal[str | None] = None
    """What was learned, once it is closed."""

    @on(CampaignPlanned)
    def planned(self, recorded: Recorded[CampaignPlanned]) -> Self:
        e = recorded.event
        return self.but(kind=e.kind, title=e.title, segment=e.segment, held_on=e.on)

    @on(CampaignClosed)
    def closed(self, recorded: Recorded[CampaignClosed]) -> Self:
        e = recorded.event
        return self.but(open=False, cost_minor=e.cost_minor, currency=e.currency, learned=e.note)


@view("campaign_guests", key="campaign_id customer_id")
class CampaignGuest(View):
    """A customer who was invited, and what they did."""

    campaign_id: Annotated[str, ref("campaigns")]
    """To what."""
    customer_id: CustomerId
    """Who."""
    invited_at: datetime
    """When."""
    answer: Answer | None = None
    """What they did; null: nothing yet."""

    @on(CustomerInvited)
    def invited(self, recorded: Recorded[CustomerInvited]) -> Self:
        return self.but(invited_at=recorded.occurred_at)

    @on(CampaignAnswered)
    def answered(self, recorded: Recorded[CampaignAnswered]) -> Self:
        return self.but(answer=recorded.event.answer)


@report(
    "campaign_effects",
    reads=["campaigns", "campaign_guests", "orders", "service_policies", *DAYS],
    query=f"""
    WITH sides AS (
        SELECT k.campaign_id, k.title, g.customer_id, k.held_on AS day,
               {service("effect_days", "k.held_on")} AS days,
               CASE WHEN g.answer IN ('attended', 'responded') THEN 'took part' ELSE 'did not' END AS guests
          FROM {{campaigns}} k JOIN {{campaign_guests}} g USING (campaign_id)
         WHERE :campaign_id::text IS NULL OR k.campaign_id = :campaign_id::text),
    bought AS (
        SELECT order_id, customer_id, {day_of("placed_at")} AS day FROM {{orders}} o WHERE NOT cancelled)
    SELECT c.campaign_id AS campaign, c.title, c.guests, count(DISTINCT c.customer_id) AS customers,
           count(o.order_id) FILTER (WHERE o.day < c.day)::float8 / count(DISTINCT c.customer_id)
               AS orders_before,
           count(o.order_id) FILTER (WHERE o.day >= c.day)::float8 / count(DISTINCT c.customer_id)
               AS orders_after
      FROM sides c
      LEFT JOIN bought o ON o.customer_id = c.customer_id
           AND o.day >= c.day - c.days AND o.day < c.day + c.days
     WHERE c.day + c.days <= {TODAY} + 1
     GROUP BY 1, 2, 3 ORDER BY 1, 3 DESC
    """,
)
class CampaignEffect(View):
    """What the guests of a campaign bought before and after it, against the invited who did not take part.

    A campaign is shown once as many days have passed since it was held as are looked at.
    """

    on: date | None = None
    """As of this day; the last business day, where it is left out."""

    campaign_id: str | None = None
    """One campaign; all, where it is left out."""

    campaign: str
    """Which campaign."""
    title: str
    """What it is called."""
    guests: str
    """`took part` or `did not`."""
    customers: int
    """How many."""
    orders_before: float
    """Orders a customer in the service policy's `effectDays` before the day."""
    orders_after: float
    """Orders a customer in as many days from it on."""


# --- Rivals and knowledge -------------------------------------------------------------------------


@view("rival_observations", key="observation_id", indexes=["rival observed_at"])
class RivalObservation(View):
    """What was seen of a rival, and who told us (竞争对手库)."""

    observation_id: str
    """The id that clients chose for it."""
    rival: str
    """Who."""
    topic: str
    """What it is about."""
    text: Personal[str]
    """What was seen."""
    told_by: str
    """The source."""
    customer: Annotated[str | None, about]
    """The id of the customer it was seen at."""
    observed_at: datetime
    """When."""

    @on(RivalObserved)
    def observed(self, recorded: Recorded[RivalObserved]) -> Self:
        e = recorded.event
        return self.but(
            rival=e.rival,
            topic=e.topic,
            text=e.text,
            told_by=e.told_by,
            customer=e.customer_id,
            observed_at=recorded.occurred_at,
        )


@view("articles", key="article_id", indexes=["topic"])
class Article(View):
    """An article of what we know, in its latest version (知识库); the earlier ones are its history."""

    article_id: str
    """The id that clients chose for it."""
    topic: str
    """The topic of contacts that it answers."""
    title: str
    """What it is called."""
    text: Personal[str]
    """What it says."""
    version: int = 0
    """1, 2, 3 …"""
    published_by: str
    """Who published this version."""
    withdrawn: bool = False
    """It is out of use."""
    use_count: int = 0
    """How often it was used; `articleSuccess` counts contacts."""

    @on(ArticlePublished)
    def published(self, recorded: Recorded[ArticlePublished]) -> Self:
        return self._next(recorded).but(topic=recorded.event.topic)

    @on(ArticleRevised)
    def revised(self, recorded: Recorded[ArticleRevised]) -> Self:
        return self._next(recorded)

    def _next(self, recorded: Recorded[Any]) -> Self:
        return self.but(
            title=recorded.event.title,
            text=recorded.event.text,
            version=self.version + 1,
            published_by=recorded.actor,
        )

    @on(ArticleUsed)
    def used(self, recorded: Recorded[ArticleUsed]) -> Self:
        return self.but(use_count=self.use_count + 1)

    @on(ArticleWithdrawn)
    def taken_out(self, recorded: Recorded[ArticleWithdrawn]) -> Self:
        return self.but(withdrawn=True)


@view("article_uses", key="article_id interaction_id")
class ArticleUse(View):
    """An article was used in a contact."""

    article_id: Annotated[str, ref("articles")]
    """Which article."""
    interaction_id: Annotated[str, ref("interactions")]
    """In which contact."""
    used_by: str
    """By whom."""

    @on(ArticleUsed)
    def used(self, recorded: Recorded[ArticleUsed]) -> Self:
        return self.but(used_by=recorded.actor)


@report(
    "article_success",
    reads=["articles", "article_uses", "interactions"],
    query="""
    SELECT a.article_id, a.title, a.topic, count(i.interaction_id) AS contacts,
           count(*) FILTER (WHERE i.resolved AND i.handovers = 0 AND i.reopened = 0) AS first_contact,
           (count(*) FILTER (WHERE i.resolved AND i.handovers = 0 AND i.reopened = 0)::float8
            / nullif(count(i.interaction_id), 0))::float8 AS first_contact_rate
      FROM {articles} a LEFT JOIN {article_uses} u USING (article_id)
      LEFT JOIN {interactions} i USING (interaction_id)
     GROUP BY 1, 2, 3 ORDER BY contacts DESC, a.article_id LIMIT 500
    """,
)
class ArticleSuccess(View):
    """How often an article was used (知识库), and how often the contact was finished at once."""

    article_id: str
    """Which article."""
    title: str
    """What it is called."""
    topic: str
    """What it answers."""
    contacts: int
    """Contacts it was used in."""
    first_contact: int
    """Of these, finished without a handover or reopening."""
    first_contact_rate: float | None
    """That share, 0 to 1."""
