"""How some customers are looked after: visits, points, care, reviews, announcements, campaigns, costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from domain.announcements import MakeAnnouncement, PrepareAnnouncement
from domain.campaigns import AnswerCampaign, CloseCampaign, InviteCustomer, PlanCampaign
from domain.commands import Command
from domain.costs import BookCost
from domain.files import GiveCare, ReviewAccount, TellCustomer
from domain.orders import FulfilOrder
from domain.points import EarnPoints, ExpirePoints, RedeemPoints
from domain.visits import CompleteVisit, MissVisit, PlanVisit
from kehu.simulation import words
from kehu.simulation.telling import Purchase, at, tell

LEAD = words.LEADS[1]
KEPT = 60
"""Customers who are looked after: those with the most purchases."""


def commands(chosen: Mapping[str, Sequence[Purchase]]) -> Iterator[Command]:
    best = sorted(chosen, key=lambda id: (-len(chosen[id]), id))[:KEPT]
    yield from _all_together(best)
    for number, customer_id in enumerate(best):
        yield from _one(number, customer_id, max(chosen[customer_id], key=lambda bought: bought.at))


def _one(number: int, customer_id: str, last: Purchase) -> Iterator[Command]:
    me, agent = {"customer_id": customer_id}, words.AGENTS[number % len(words.AGENTS)]
    bought = last.at + timedelta(hours=10)
    lapsing = number % 5 == 0 and bought < at("1998-05-01")
    yield tell(
        FulfilOrder, f"{customer_id}/delivered", bought + timedelta(days=4), agent, order_id=last.order_id
    )
    yield tell(
        EarnPoints,
        f"{customer_id}/points",
        bought + timedelta(days=1),
        agent,
        **me,
        points=50 + number,
        transaction_id=f"points-{customer_id}-1",
        reason="order",
        expires_on="1998-05-31" if lapsing else "1998-12-31",
    )
    if lapsing:
        id = f"points-{customer_id}-3"
        good = {"transaction_id": id, "through": "1998-05-31"}
        yield tell(ExpirePoints, id, at("1998-06-01"), LEAD, **me, **good)
    if number % 3 == 0:
        yield tell(
            RedeemPoints,
            f"{customer_id}/gift",
            bought + timedelta(days=2),
            agent,
            **me,
            points=30,
            transaction_id=f"points-{customer_id}-2",
            reason="帆布袋 a tote bag",
        )
    visit, day = f"visit-{customer_id}", at("1998-06-01") + timedelta(days=number % 40)
    planned = at("1998-05-20", 9 + number / 60)
    yield tell(
        PlanVisit,
        visit,
        planned,
        agent,
        visit_id=visit,
        **me,
        on=day.date().isoformat(),
        member=agent,
        purpose="revisit",
    )
    if number % 3 == 0:
        yield tell(
            CompleteVisit,
            f"{visit}/made",
            day,
            agent,
            visit_id=visit,
            stock=f"{1 + number % 7} crates of classics",
            purchases=("elsewhere: pop", "all with us", "scores from Disc World")[number % 4 % 3],
            sales=f"{5 + number} records a month",
            criticism=("希望有更多爵士 more jazz, please", "包装太松 packed too loosely")[number % 2],
        )
    elif number % 3 == 1 and number < 30:
        yield tell(MissVisit, f"{visit}/missed", day, agent, visit_id=visit, reason="nobody at home")
    if number % 4 == 0:
        yield tell(
            GiveCare,
            f"{customer_id}/care",
            at("1997-12-24") + timedelta(minutes=number),
            agent,
            **me,
            occasion="new year",
            gesture="贺卡 a card",
            cost_minor=200,
            currency="USD",
        )
    if number < 12:
        yield tell(
            ReviewAccount,
            f"{customer_id}/review",
            at("1998-06-15") + timedelta(days=number),
            agent,
            **me,
            text="一切顺利 all is well",
            escalated_to=LEAD if number == 3 else None,
        )


def _all_together(best: Sequence[str]) -> Iterator[Command]:
    yield tell(
        PrepareAnnouncement,
        "news",
        at("1998-06-10"),
        LEAD,
        announcement_id="news-1998-07",
        title="夏季新品 Summer releases",
        text="Forty new records, first for you.",
        public_on="1998-07-10",
    )
    yield tell(
        PrepareAnnouncement,
        "old-news",
        at("1997-11-10"),
        LEAD,
        announcement_id="news-1997-12",
        title="Christmas records",
        text="In stock from December.",
        public_on="1997-12-01",
    )
    yield tell(MakeAnnouncement, "old-news/made", at("1997-12-01"), LEAD, announcement_id="news-1997-12")
    for customer_id in best[:6]:
        yield tell(
            TellCustomer,
            f"{customer_id}/told",
            at("1998-06-12"),
            LEAD,
            customer_id=customer_id,
            announcement_id="news-1998-07",
        )
    yield tell(
        PlanCampaign,
        "fair",
        at("1998-02-02"),
        LEAD,
        campaign_id="fair-1998",
        kind="fair",
        title="春季唱片展 Spring fair",
        segment="the sixty who buy most",
        on="1998-03-02",
    )
    for number, customer_id in enumerate(best):
        me = {"campaign_id": "fair-1998", "customer_id": customer_id}
        yield tell(InviteCustomer, f"fair/{customer_id}", at("1998-02-10"), LEAD, **me)
        answer = ("attended", "responded", "declined", None)[number % 4]
        if answer:
            yield tell(AnswerCampaign, f"fair/{customer_id}/2", at("1998-03-02"), LEAD, **me, answer=answer)
    yield tell(
        CloseCampaign,
        "fair/closed",
        at("1998-03-10"),
        LEAD,
        campaign_id="fair-1998",
        cost_minor=240_000,
        currency="USD",
        note="invite fewer, earlier",
    )
    for number, (kind, amount) in enumerate(
        (
            ("winning", 47_000_00),
            ("keeping", 8_000_00),
            ("programme", 30_000_00),
            ("gain", 55_000_00),
            ("forgone", 12_000_00),
        )
    ):
        yield tell(
            BookCost,
            f"cost/{kind}",
            at("1998-01-05", 9 + number),
            LEAD,
            booking_id=f"cost-{kind}",
            kind=kind,
            amount_minor=amount,
            currency="USD",
            day="1997-12-31",
            note="yearly accounts",
        )
    for number, customer_id in enumerate(best[-8:]):
        yield tell(
            BookCost,
            f"cost/{customer_id}",
            at("1998-01-06", 9 + number / 10),
            LEAD,
            kind="serving",
            booking_id=f"cost-{customer_id}",
            amount_minor=90_00,
            currency="USD",
            day="1997-12-31",
            customer_id=customer_id,
            note="special packaging",
        )
