"""How the work itself is looked after: handovers, messages, incidents, quality, crises, measures, rivals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from domain.articles import UseArticle
from domain.commands import Command
from domain.complaints import ReceiveComplaint
from domain.crises import DeclareCrisis, EndCrisis
from domain.incidents import EndIncident, EndorseIncident, InformExecutives, ReportIncident, SignIncident
from domain.interactions import (
    DisputeHandover,
    HandOverInteraction,
    PauseInteraction,
    RecordInteraction,
    ReopenInteraction,
    ResolveInteraction,
    ResumeInteraction,
    RuleOnHandover,
)
from domain.measures import CheckMeasure, DropMeasure, FinishMeasure, KeepMeasure, PlanMeasure
from domain.messages import PassMessageOn, TakeMessage
from domain.quality import ScoreQuality
from domain.rivals import ObserveRival
from kehu.simulation import words
from kehu.simulation.companies import company
from kehu.simulation.telling import Purchase, at, tell

LEAD, OTHER_LEAD = words.LEADS
AGENTS = words.AGENTS


def commands(chosen: Mapping[str, Sequence[Purchase]]) -> Iterator[Command]:
    for number in range(24):
        yield from _contact(number)
    yield from _crisis(sorted(chosen)[:12])
    yield from _incident()
    for number in range(5):
        id, moment = f"message-{number + 1}", at("1998-06-22") + timedelta(hours=5 * number)
        yield tell(
            TakeMessage,
            id,
            moment,
            AGENTS[0],
            message_id=id,
            addressee=AGENTS[number % 6],
            text="请回电 please call back",
            firm="Harbour Trading",
            name="陈先生 Mr Chen",
            value=f"+86 21 5550 20{number:02}",
            customer_id=company(3) if number == 0 else None,
        )
        if number % 2:
            yield tell(PassMessageOn, f"{id}/2", moment + timedelta(hours=2), AGENTS[1], message_id=id)
    for number, rival in enumerate(("Blue Note Direct", "Disc World", "Blue Note Direct")):
        id = f"rival-{number + 1}"
        yield tell(
            ObserveRival,
            id,
            at("1998-03-05") + timedelta(days=20 * number),
            AGENTS[2],
            observation_id=id,
            rival=rival,
            topic="price",
            text="classics at 9.99 next month 下月降价",
            told_by="a customer's leaflet",
            customer_id=company(number),
        )
    yield from _measure("dry-boxes", "防水纸箱 waterproof boxes", at("1997-04-14"), at("1997-05-01"), 92)
    yield tell(KeepMeasure, "dry-boxes/kept", at("1997-08-04"), LEAD, measure_id="dry-boxes")
    yield from _measure(
        "second-carrier", "第二家快递 a second carrier", at("1998-03-16"), at("1998-04-01"), 80
    )
    given_up = {"measure_id": "second-carrier", "reason": "no fewer complaints than before"}
    yield tell(DropMeasure, "second-carrier/dropped", at("1998-06-22"), LEAD, **given_up)


def _measure(id: str, title: str, planned: datetime, done: datetime, days: int) -> Iterator[Command]:
    """A measure against late and wet parcels, checked so many days after it was done."""
    it = {"measure_id": id}
    plan = {"category": "delivery", "title": title, "member": AGENTS[4], "due_on": done.date().isoformat()}
    cause = "packaging" if id == "dry-boxes" else "carrier"
    yield tell(PlanMeasure, id, planned, LEAD, **it, **plan, root_cause=cause)
    yield tell(FinishMeasure, f"{id}/done", done, AGENTS[4], **it)
    checked = done + timedelta(days=days)
    yield tell(CheckMeasure, f"{id}/checked", checked, LEAD, **it, note="complaints counted 已统计投诉")


def _contact(number: int) -> Iterator[Command]:
    id, agent, other = f"sim-i-co-{number + 1}", AGENTS[number % 6], AGENTS[(number + 1) % 6]
    topic = words.TOPICS["en"][number % 8]
    begin, it = at("1998-06-01", 9.5) + timedelta(days=number), {"interaction_id": id}

    yield tell(
        RecordInteraction,
        id,
        begin,
        agent,
        **it,
        customer_id=company(number % 9),
        channel="phone",
        direction=topic.direction,
        stage=topic.stage,
        service_stage="help",
        mood=topic.moods[-1],
        topic=topic.name,
        text=topic.text,
        rings=1 + number % 5 if topic.direction == "inbound" else None,
    )
    if number % 3:
        yield tell(
            UseArticle,
            f"{id}/article",
            begin + timedelta(minutes=2),
            agent,
            **it,
            article_id=f"article-{number % 8 + 1}",
        )
    done = 0.1
    if number % 4 == 1:
        yield tell(
            PauseInteraction,
            f"{id}/pause",
            begin + timedelta(minutes=4),
            agent,
            **it,
            reason="needs the invoice",
        )
        yield tell(ResumeInteraction, f"{id}/resume", begin + timedelta(hours=20), agent, **it)
        done = 20.05
    if number % 6 == 2:
        said = {"taker": other, "reason": "a matter of delivery"}
        yield tell(HandOverInteraction, f"{id}/over", begin + timedelta(minutes=5), agent, **it, **said)
        yield tell(
            DisputeHandover, f"{id}/no", begin + timedelta(minutes=9), other, **it, reason="不归我们 not ours"
        )
        if number != 20:
            yield tell(
                RuleOnHandover,
                f"{id}/ruled",
                begin + timedelta(minutes=30),
                LEAD,
                **it,
                responsible=agent,
                reason="whoever took the call",
            )
        done = 1
    if number % 5 != 4 and number != 20:
        yield tell(
            ResolveInteraction,
            f"{id}/done",
            begin + timedelta(hours=done),
            agent,
            **it,
            within_remit=number % 6 != 2,
        )
        if number % 8 == 3:
            yield tell(
                ReopenInteraction,
                f"{id}/again",
                begin + timedelta(hours=done + 1),
                agent,
                **it,
                reason="still wrong",
            )
        yield tell(
            ScoreQuality,
            f"{id}/score",
            begin + timedelta(hours=done + 3),
            LEAD,
            score_id=f"score-{id}",
            member=agent,
            **it,
            items=[{"item": "greeting", "percent": 90}, {"item": "answer", "percent": 60 + number}],
        )


def _crisis(customers: Sequence[str]) -> Iterator[Command]:
    for number, customer_id in enumerate(customers):
        id = f"sim-c-burst-{number + 1}"
        yield tell(
            ReceiveComplaint,
            id,
            at("1998-06-10", 9 + number / 4),
            AGENTS[number % 6],
            complaint_id=id,
            customer_id=customer_id,
            category="product",
            text="整批唱片有裂纹 The whole batch is cracked.",
        )
    yield tell(
        DeclareCrisis,
        "crisis",
        at("1998-06-11"),
        LEAD,
        crisis_id="crisis-1998-06",
        category="product",
        reason="a cracked batch",
        escalated_to="managing.director",
    )
    yield tell(
        EndCrisis,
        "crisis/end",
        at("1998-06-24"),
        OTHER_LEAD,
        crisis_id="crisis-1998-06",
        note="全部召回 all recalled",
    )


def _incident() -> Iterator[Command]:
    it = {"incident_id": "incident-1"}
    yield tell(
        ReportIncident,
        "incident",
        at("1998-04-20"),
        AGENTS[3],
        **it,
        place="warehouse B",
        symptom="传送带停了 the belt stands still",
        remedy="pack by hand until noon",
    )
    yield tell(SignIncident, "incident/2", at("1998-04-20", 10.5), AGENTS[3], **it)
    yield tell(EndorseIncident, "incident/3", at("1998-04-20", 11), LEAD, **it)
    yield tell(InformExecutives, "incident/4", at("1998-04-20", 12), LEAD, **it, told="managing.director")
    yield tell(EndIncident, "incident/5", at("1998-04-20", 16), AGENTS[3], **it, note="motor replaced")
