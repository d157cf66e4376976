"""The five indicators of a period: reputation, awareness, return rate, complaint rate, selling power."""

from __future__ import annotations

from tests.api.server import Api

INDICATORS = """query ($at: Int64!, $since: Date, $until: Date) @asOf(at: {atLeast: $at}) {
  fiveIndicators(since: $since, until: $until) {
    reputationPercent awarenessPercent returnPercent complaintsPer10000 sellingPowerMinor } }"""
SURVEY = {"surveyId": "s", "kind": "CSAT", "variant": "1-5", "title": "How we are", "lowest": 1, "highest": 5}
ANSWERS = {"a": (5, 5), "b": (4, 5), "c": (3, 4), "d": (1, 2)}
"""What each customer says of our reputation, and of how well they know us."""


async def test_the_five_indicators_are_of_the_answers_orders_and_complaints_of_the_period(api: Api) -> None:
    """In March `a` orders twice and `b`, who had ordered in February, once; `c` cancels."""
    questions = [{"questionId": name, "text": name} for name in ("reputation", "awareness")]
    await api.done("designSurvey", **SURVEY, questions=questions)
    for customer, scores in ANSWERS.items():
        await api.done("registerCustomer", customerId=customer, occurredAt="2026-01-05T09:00:00Z")
        issue = {"issueId": customer, "surveyId": "s"}
        await api.done("issueSurvey", **issue, customerId=customer, occurredAt="2026-03-05T09:00:00Z")
        given = [
            {"questionId": question["questionId"], "score": score}
            for question, score in zip(questions, scores, strict=True)
        ]
        await api.done("recordResponse", **issue, answers=given, occurredAt="2026-03-06T09:00:00Z")
    for order, customer, minor, day in (
        ("1", "b", 40_00, "02-10"), ("2", "a", 100_00, "03-01"), ("3", "a", 50_00, "03-31"),
        ("4", "b", 60_00, "03-10"), ("5", "c", 99_00, "03-10"),
    ):  # fmt: skip
        bought = {"orderId": order, "customerId": customer, "totalMinor": minor, "currency": "EUR"}
        how = "placeOrder" if customer == "c" else "recordPurchase"
        await api.done(how, **bought, items=1, occurredAt=f"2026-{day}T09:00:00Z")
    await api.done("cancelOrder", orderId="5", reason="changed their mind")
    refund = {"refundId": "r", "amountMinor": 30_00, "currency": "EUR", "reason": "late"}
    await api.done("payRefund", orderId="4", **refund)
    complaint = {"customerId": "a", "category": "DELIVERY", "text": "late"}
    for number, day in enumerate(("02-11", "03-11")):
        at = f"2026-{day}T09:00:00Z"
        last = await api.done("receiveComplaint", complaintId=f"{number}", **complaint, occurredAt=at)

    march = {"since": "2026-03-01", "until": "2026-03-31"}
    assert (await api.ask(INDICATORS, at=last, **march))["fiveIndicators"] == [
        {
            "reputationPercent": 50,
            "awarenessPercent": 75,
            "returnPercent": 50,
            "complaintsPer10000": 2_500,
            "sellingPowerMinor": 90_00,
        }
    ]
    assert (await api.ask(INDICATORS, at=last, until="2026-02-28"))["fiveIndicators"] == [
        {
            "reputationPercent": None,
            "awarenessPercent": None,
            "returnPercent": 0,
            "complaintsPer10000": 2_500,
            "sellingPowerMinor": 40_00,
        }
    ]
