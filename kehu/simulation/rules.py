"""What is set up beside the customers: people, fields, lists, surveys, articles, a lifetime model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.articles import PublishArticle, ReviseArticle
from domain.commands import Command
from domain.extras import DefineExtraField
from domain.lifetime import KeepLifetimeModel
from domain.screening import LoadScreeningList
from domain.service import PublishServicePolicy
from domain.staff import EnterStaff, NoteStaffLeft
from domain.standards import PublishPromiseStandard
from domain.surveys import DesignSurvey, Rater
from domain.value import PublishValuePolicy
from kehu.simulation import words
from kehu.simulation.telling import Purchase, at, tell

BEGIN = at("1997-01-01", 1)
LEAD = words.LEADS[0]
SERVQUAL = (
    (Rater.RELIABILITY, 5, 32),
    (Rater.ASSURANCE, 4, 19),
    (Rater.TANGIBLES, 4, 11),
    (Rater.EMPATHY, 5, 16),
    (Rater.RESPONSIVENESS, 4, 22),
)
"""Each dimension's pairs and weight: 22 pairs, weights of Zeithaml, Parasuraman and Berry (1990)."""
SERVICES = ("advice", "ordering", "payment", "delivery", "packaging", "website", "complaints", "returns")
"""The eight services of the weighted tree; they have 27 items together."""


def commands(chosen: Mapping[str, Sequence[Purchase]]) -> Iterator[Command]:
    yield tell(
        PublishServicePolicy,
        "service-policy",
        BEGIN,
        LEAD,
        service_version="demo-1",
        effective_from="1997-01-01",
        stale_days=300,
    )
    yield tell(
        PublishPromiseStandard,
        "promise-standard",
        BEGIN,
        LEAD,
        standard_version="demo-1",
        effective_from="1997-01-01",
    )
    yield tell(
        PublishValuePolicy,
        "value-policy",
        BEGIN,
        LEAD,
        value_version="demo-1",
        effective_from="1997-01-01",
        many_customers=100_000,
    )
    for number, member in enumerate((*words.AGENTS, *words.LEADS)):
        leads = member in words.LEADS
        yield tell(
            EnterStaff,
            f"staff/{member}",
            BEGIN,
            LEAD,
            member=member,
            department=("service", "sales", "partner desk")[number % 3],
            post="lead" if leads else "agent",
            skills=[topic.name for topic in words.TOPICS["en"][number % 8 : number % 8 + 3]],
            languages=["zh", "en"] if number % 2 else ["en"],
            capacity=60 + 20 * number,
            outsourced=number % 3 == 2,
        )
    yield tell(EnterStaff, "staff/old.hand", BEGIN, LEAD, member="old.hand", department="sales", post="agent")
    yield tell(
        NoteStaffLeft,
        "staff/old.hand/left",
        at("1998-06-29"),
        LEAD,
        member="old.hand",
        reason="退休 (retired)",
    )
    for field, kind, label in (
        ("genre", "text", "最爱的音乐 Favourite music"),
        ("members", "number", "Household"),
        ("newsletter", "flag", "Newsletter"),
        ("wedding", "date", "Wedding day"),
    ):
        yield tell(DefineExtraField, f"extra/{field}", BEGIN, LEAD, field=field, kind=kind, label=label)
    yield tell(
        LoadScreeningList,
        "list/exposed",
        BEGIN,
        LEAD,
        list_id="exposed-1997",
        kind="exposed",
        entries=[{"entry_id": "e-1", "name": "Harbour Trading"}, {"entry_id": "e-2", "value": "CN-91310000"}],
    )
    yield from _surveys()
    for number, topic in enumerate(words.TOPICS["en"]):
        id = f"article-{number + 1}"
        yield tell(
            PublishArticle,
            f"article/{id}",
            BEGIN,
            LEAD,
            article_id=id,
            topic=topic.name,
            title=f"How we answer: {topic.name}",
            text=f"A customer may write: {topic.text}",
        )
    yield tell(
        ReviseArticle,
        "article/article-1/2",
        at("1997-09-01"),
        LEAD,
        article_id="article-1",
        title="How we answer: order status",
        text="Look the parcel up first, then call back 回电.",
    )
    yield tell(
        KeepLifetimeModel,
        "lifetime/1",
        at("1997-10-01", 20),
        LEAD,
        model_id="cdnow-sample-1997-09-30",
        fitted_on="1997-09-30",
        population="CDNOW's sample of 2,357 customers, as published",
        currency="USD",
        customers=2_357,
        log_likelihood=-9582.43,
        r=0.2426,
        alpha=4.4136,
        a=0.7930,
        b=2.4259,
        p=6.25,
        q=3.744,
        v=15.44,
    )


def _surveys() -> Iterator[Command]:
    def design(
        id: str, kind: str, variant: str, scale: tuple[int, int], questions: list[dict[str, object]]
    ) -> Command:
        return tell(
            DesignSurvey,
            f"survey/{id}",
            BEGIN,
            LEAD,
            survey_id=id,
            kind=kind,
            variant=variant,
            title=id,
            lowest=scale[0],
            highest=scale[1],
            questions=questions,
        )

    def one(id: str) -> list[dict[str, object]]:
        return [{"question_id": id, "text": f"{id}?"}]

    yield design(
        "csat", "csat", "5 points, top two", (1, 5), [*one("service"), *one("reputation"), *one("awareness")]
    )
    yield design("nps", "nps", "0-10, would recommend", (0, 10), one("recommend"))
    yield design("ces", "ces", "CES 2.0, 1-7", (1, 7), one("effort"))
    yield design(
        "acsi", "acsi", "1-10, equal weights", (1, 10), [*one("overall"), *one("expected"), *one("ideal")]
    )
    yield design("card", "card", "free words", (1, 5), one("card"))
    yield design(
        "servqual",
        "servqual",
        "22 pairs, 1-7",
        (1, 7),
        [
            {
                "question_id": f"{dimension.value}-{n}",
                "text": f"{dimension.value} {n}",
                "dimension": dimension.value,
                "branch_weight": float(weight),
            }
            for dimension, pairs, weight in SERVQUAL
            for n in range(1, pairs + 1)
        ],
    )
    yield design(
        "tree",
        "tree",
        "8 services, 27 items",
        (1, 5),
        [
            {
                "question_id": f"{service}-{n}",
                "text": f"{service} {n}",
                "service": service,
                "weight": float(n),
                "branch_weight": float(8 - branch),
            }
            for branch, service in enumerate(SERVICES)
            for n in range(1, 4 + (branch < 3))
        ],
    )
