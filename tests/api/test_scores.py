"""The published numbers of satisfaction come out of the log: NPS, ACSI, SERVQUAL, samples, trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.api.server import Api


async def surveyed(
    api: Api, kind: str, scale: tuple[int, int], questions: Sequence[dict[str, Any]], **issue: Any
) -> None:
    await api.done(
        "designSurvey", surveyId=kind, kind=kind.upper(), variant="published", title=kind,
        lowest=scale[0], highest=scale[1], questions=questions,
    )  # fmt: skip


async def answered(api: Api, kind: str, number: int, answers: Sequence[dict[str, Any]], **issue: Any) -> int:
    id = f"{kind}-{number}"
    await api.done("issueSurvey", issueId=id, surveyId=kind, customerId="c", **issue)
    return await api.done("recordResponse", issueId=id, surveyId=kind, answers=answers)


def one(score: int, question: str = "q", **more: int) -> list[dict[str, Any]]:
    return [{"questionId": question, "score": score, **more}]


QUESTION = [{"questionId": "q", "text": "?"}]


async def test_the_published_numbers(api: Api) -> None:
    await api.done("registerCustomer", customerId="c", name="王芳")
    await surveyed(api, "nps", (0, 10), QUESTION)
    for number, score in enumerate([9, 10, 9, 10, 9, 0, 3, 6, 5, 7]):
        await answered(api, "nps", number, one(score))
    await surveyed(api, "acsi", (1, 10), [{"questionId": q, "text": q} for q in "abc"])
    await answered(api, "acsi", 1, [*one(8, "a"), *one(7, "b"), *one(7, "c")])
    gaps = {"tangibles": -65, "reliability": -110, "responsiveness": -83, "assurance": -70, "empathy": -101}
    await surveyed(
        api, "servqual", (0, 100),
        [{"questionId": d, "text": d, "dimension": d.upper(), "branchWeight": 20} for d in gaps],
    )  # fmt: skip
    for number, part in enumerate((0, 1)):
        pairs = [
            {"questionId": d, "score": 70 + (gap // 2 if part else gap - gap // 2) // 2, "expectation": 70}
            for d, gap in gaps.items()
        ]
        await answered(api, "servqual", number, pairs)
    await surveyed(
        api, "tree", (1, 5),
        [{"questionId": "a", "text": "a", "service": "s", "weight": 1, "branchWeight": 3},
         {"questionId": "b", "text": "b", "service": "s", "weight": 3, "branchWeight": 3},
         {"questionId": "c", "text": "c", "service": "t", "weight": 1, "branchWeight": 1}],
    )  # fmt: skip
    last = await answered(api, "tree", 1, [*one(5, "a"), *one(1, "b"), *one(3, "c")])
    data = await api.ask(
        """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
             surveyScores { survey score answered } servqualGaps { dimension pairs gap weight weightedGap }
             satisfactionTree { service item percent } }""",
        at=last,
    )
    scores = {row["survey"]: row["score"] for row in data["surveyScores"]}
    assert scores["nps"] == 10
    assert scores["acsi"] == pytest.approx(70.37, abs=0.01)
    whole = data["servqualGaps"][-1]
    assert (whole["dimension"], whole["pairs"], whole["weight"]) == ("all", 10, 100)
    assert {row["dimension"] for row in data["servqualGaps"]} == {*gaps, "all"}
    tree = {(row["service"], row["item"]): row["percent"] for row in data["satisfactionTree"]}
    assert tree["s", "*"] == 25
    assert tree["*", "*"] == pytest.approx((3 * 25 + 50) / 4)


async def test_gaps_average_to_the_published_figure(api: Api) -> None:
    """−.65, −1.10, −.83, −.70, −1.01 average to −.858 (a hundred answers a dimension, on a scale to 7)."""
    await api.done("registerCustomer", customerId="c")
    gaps = {"tangibles": 65, "reliability": 110, "responsiveness": 83, "assurance": 70, "empathy": 101}
    pairs = [f"{dimension}-{n}" for dimension in gaps for n in range(20)]
    questions = [{"questionId": id, "text": id, "dimension": id.split("-")[0].upper()} for id in pairs]
    await surveyed(api, "servqual", (1, 7), questions)
    last = 0
    for issue in range(5):
        answers = []
        for dimension, gap in gaps.items():
            for n in range(20):
                place = issue * 20 + n
                short = gap // 100 + (place < gap % 100)
                answers.append({"questionId": f"{dimension}-{n}", "score": 6 - short, "expectation": 6})
        last = await answered(api, "servqual", issue, answers)
    query = "query ($at: Int64!) @asOf(at: {atLeast: $at}) { servqualGaps { dimension gap } }"
    rows = (await api.ask(query, at=last))["servqualGaps"]
    found = {row["dimension"]: row["gap"] for row in rows}
    assert found == pytest.approx({**{d: -gap / 100 for d, gap in gaps.items()}, "all": -0.858})


async def test_two_hundred_and_fifteen_of_two_hundred_and_twenty_one_are_satisfied(api: Api) -> None:
    """(201 + 14) ÷ 221 = 97.29 %: told in issues of many questions."""
    await api.done("registerCustomer", customerId="c")
    questions = [{"questionId": f"q{n}", "text": "?"} for n in range(17)]
    await surveyed(api, "csat", (1, 5), questions)
    scores = [5] * 201 + [4] * 14 + [2] * 6
    last = 0
    for issue in range(13):
        answers = [{"questionId": f"q{n}", "score": scores[issue * 17 + n]} for n in range(17)]
        last = await answered(api, "csat", issue, answers, sampled=True)
    figures = "sampledSatisfaction { answers very fairly percent }"
    query = f"query ($at: Int64!) @asOf(at: {{atLeast: $at}}) {{ {figures} }}"
    [row] = (await api.ask(query, at=last))["sampledSatisfaction"]
    assert (row["answers"], row["very"], row["fairly"]) == (221, 201, 14)
    assert row["percent"] == pytest.approx(97.29, abs=0.005)


async def test_answers_that_do_not_fit_are_refused(api: Api) -> None:
    await api.done("registerCustomer", customerId="c")
    await surveyed(api, "nps", (0, 10), QUESTION)
    await api.done("issueSurvey", issueId="i", surveyId="nps", customerId="c")
    it = {"issueId": "i", "surveyId": "nps"}
    for answers, rule in (
        (one(11), "not in the scale"),
        (one(5, "other"), "does not ask"),
        ([*one(5), *one(6)], "answered twice"),
    ):
        error = await api.refused("recordResponse", **it, answers=answers)
        assert error["code"] == "AnswerDoesNotFit"
        assert rule in error["message"]
        assert error["field"].startswith("answers[")
    assert (await api.refused("issueSurvey", issueId="j", surveyId="none", customerId="c"))[
        "code"
    ] == "SurveyUnknown"
    await api.done("recordResponse", **it, answers=one(5))
    assert (await api.refused("recordResponse", **it, answers=one(6)))["code"] == "SurveyIsOver"
