"""What some customers say when they are asked: every kind of survey, answered, open, or run out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from random import Random

from domain.commands import Command
from domain.surveys import IssueSurvey, RecordResponse
from kehu.simulation import words
from kehu.simulation.rules import SERVICES, SERVQUAL
from kehu.simulation.telling import SEED, Purchase, at, tell

ASKED = 20
"""Customers that each survey is handed to."""
THEMES = ("delivery", "选择 choice", "price", "packaging", "service")


def commands(chosen: Mapping[str, Sequence[Purchase]]) -> Iterator[Command]:
    names = sorted(chosen)
    for turn, (survey, questions) in enumerate(_surveys().items()):
        for number in range(ASKED):
            yield from _asked(survey, questions, names[(turn * ASKED + number) % len(names)], number)


def _surveys() -> Mapping[str, tuple[Sequence[str], int, int]]:
    """Each survey's questions, and the worst and the best answer."""
    pairs = [f"{dimension.value}-{n}" for dimension, count, _ in SERVQUAL for n in range(1, count + 1)]
    items = [f"{service}-{n}" for branch, service in enumerate(SERVICES) for n in range(1, 4 + (branch < 3))]
    return {
        "csat": (["service", "reputation", "awareness"], 1, 5),
        "nps": (["recommend"], 0, 10),
        "ces": (["effort"], 1, 7),
        "acsi": (["overall", "expected", "ideal"], 1, 10),
        "card": (["card"], 1, 5),
        "servqual": (pairs, 1, 7),
        "tree": (items, 1, 5),
    }


def _asked(
    survey: str, asked: tuple[Sequence[str], int, int], customer_id: str, number: int
) -> Iterator[Command]:
    questions, lowest, highest = asked
    draw, issue = Random(f"{SEED} {survey} {number}"), f"issue-{survey}-{number + 1}"
    begin = at("1998-05-04") + timedelta(hours=7 * number)
    if survey == "nps":  # asked week by week, so that there is a trend
        begin = at("1998-01-05") + timedelta(weeks=number)
    yield tell(
        IssueSurvey,
        issue,
        begin,
        words.AGENTS[0],
        issue_id=issue,
        survey_id=survey,
        customer_id=customer_id,
        sampled=survey == "csat",
        good_through="1998-06-15",
    )
    if number % 10 == 9:
        return
    answers = []
    for question in questions:
        score = max(lowest, highest - draw.choice((0, 0, 0, 1, 1, 2, 3)))
        expected = (
            {"expectation": min(highest, score + draw.choice((0, 1, 1)))} if survey == "servqual" else {}
        )
        answers.append({"question_id": question, "score": score, **expected})
    yield tell(
        RecordResponse,
        f"{issue}/answer",
        begin + timedelta(days=3),
        words.AGENTS[0],
        issue_id=issue,
        survey_id=survey,
        answers=answers,
        themes=draw.sample(THEMES, 2) if survey == "card" else [],
        text="唱片很好,谢谢 Lovely records, thank you." if survey == "card" else None,
    )
