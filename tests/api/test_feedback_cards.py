"""Feedback cards: handed out, returned or run out, and what those that came back are about."""

from __future__ import annotations

from tests.api.server import Api

THEMES = """query ($at: Int64!, $since: Date) @asOf(at: {atLeast: $at}) {
  feedbackThemes(surveyId: "card", since: $since) { theme cards share }
  surveyIssues(filter: {surveyId: {eq: "card"}, expired: {eq: true}}) { nodes { issueId themes } } }"""
QUESTION = {"questionId": "all", "text": "How was it?"}
ASKED = {
    "kind": "CSAT",
    "variant": "1-5",
    "title": "Card",
    "lowest": 1,
    "highest": 5,
    "questions": [QUESTION],
}


async def test_a_theme_counts_once_a_card_that_came_back(api: Api) -> None:
    for survey in ("card", "other"):
        await api.done("designSurvey", surveyId=survey, **ASKED)
    for customer, survey, day, themes in (
        ("a", "card", "03-03", ["price", "delivery"]), ("b", "card", "03-04", ["price"]),
        ("c", "card", "03-05", ["price", "price"]), ("d", "card", None, []),
        ("e", "other", "03-05", ["opening hours"]),
    ):  # fmt: skip
        await api.done("registerCustomer", customerId=customer, occurredAt="2026-01-05T09:00:00Z")
        card = {"issueId": customer, "surveyId": survey}
        issued = {"customerId": customer, "goodThrough": "2026-03-10", "occurredAt": "2026-03-02T09:00:00Z"}
        await api.done("issueSurvey", **card, **issued)
        if day:
            answers, at = [{"questionId": "all", "score": 4}], f"2026-{day}T09:00:00Z"
            await api.done("recordResponse", **card, answers=answers, themes=themes, occurredAt=at)
    ended = await api.done("endDay", day="2026-03-10", occurredAt="2026-03-11T00:00:00Z")

    ran_out = {"nodes": [{"issueId": "d", "themes": []}]}
    assert await api.ask(THEMES, at=ended) == {
        "feedbackThemes": [
            {"theme": "price", "cards": 3, "share": 0.75},
            {"theme": "delivery", "cards": 1, "share": 0.25},
        ],
        "surveyIssues": ran_out,
    }
    assert await api.ask(THEMES, at=ended, since="2026-03-04") == {
        "feedbackThemes": [{"theme": "price", "cards": 2, "share": 1}],
        "surveyIssues": ran_out,
    }
