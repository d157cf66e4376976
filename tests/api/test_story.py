"""One customer's story, told through every mutation, and read back in one query."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api

POLICY = {
    "policyVersion": "2026",
    "effectiveFrom": "2026-01-01",
    "currency": "EUR",
    "windowDays": 90,
    "cadence": "MONTH",
    "rules": [
        {"tier": "PLATINUM", "minSpendMinor": 10_000_000_000, "minOrders": 3},
        {"tier": "GOLD", "minSpendMinor": 5_000_000_000, "minOrders": 2},
        {"tier": "IRON", "minOrders": 1},
        {"tier": "LEAD"},
    ],
}
CALENDAR = {
    "calendarVersion": "shanghai",
    "effectiveFrom": "2026-01-01",
    "timeZone": "Asia/Shanghai",
    "hours": [[{"opens": 540, "closes": 720}, {"opens": 780, "closes": 1080}]] * 5 + [[], []],
    "holidays": ["2026-01-01"],
}
DEADLINES = {
    "deadlinesVersion": "strict",
    "effectiveFrom": "2026-01-01",
    "defaultMinutes": 480,
    "rules": [{"severity": "CRITICAL", "minutes": 60}],
}
BIG = 6_000_000_000
"""Beyond 32 bits."""

CUSTOMER, ORDER = {"customerId": "1"}, {"orderId": "1"}
COMPLAINT, CONTACT = {"complaintId": "1"}, {"interactionId": "1"}
POINT: dict[str, Any] = {**CUSTOMER, "kind": "PHONE", "value": "+86 138 0000 0000"}
PASSPORT: dict[str, Any] = {**CUSTOMER, "kind": "PASSPORT", "value": "E12345678"}
CARD: dict[str, Any] = {**CUSTOMER, "kind": "ACCOUNT", "value": "card 7"}
STORY: list[tuple[str, str, dict[str, Any]]] = [
    ("publishTierPolicy", "2026-01-01", POLICY),
    ("publishAnalysisPolicy", "2026-01-01", {"analysisVersion": "2026", "effectiveFrom": "2026-01-01"}),
    ("publishCalendar", "2026-01-01", CALENDAR),
    ("publishDeadlines", "2026-01-01", DEADLINES),
    ("registerCustomer", "2026-01-02", {**CUSTOMER, "name": "王小明", "birthday": "1980-02-29"}),
    ("changeProfile", "2026-01-02", {**CUSTOMER, "region": "上海", "language": "zh"}),
    ("addContactPoint", "2026-01-02", {**POINT, "label": "家"}),
    ("addContactPoint", "2026-01-02", {**CUSTOMER, "kind": "EMAIL", "value": "ming@example.org"}),
    ("removeContactPoint", "2026-01-03", POINT),
    ("assignOwner", "2026-01-03", {**CUSTOMER, "owner": "li"}),
    (
        "placeOrder",
        "2026-01-04",
        {**CUSTOMER, **ORDER, "totalMinor": BIG, "currency": "EUR", "items": 2, "description": "茶"},
    ),
    ("receivePayment", "2026-01-05", {**ORDER, "paymentId": "p", "amountMinor": BIG, "currency": "EUR"}),
    ("fulfilOrder", "2026-01-06", ORDER),
    (
        "recordPurchase",
        "2026-01-07",
        {**CUSTOMER, "orderId": "2", "totalMinor": 0, "currency": "EUR", "items": 1},
    ),
    (
        "placeOrder",
        "2026-01-08",
        {**CUSTOMER, "orderId": "3", "totalMinor": 9, "currency": "EUR", "items": 1},
    ),
    ("cancelOrder", "2026-01-08", {"orderId": "3", "reason": "下错了"}),
    (
        "recordInteraction",
        "2026-01-09",
        {
            **CUSTOMER,
            **CONTACT,
            **ORDER,
            "channel": "PHONE",
            "direction": "INBOUND",
            "stage": "AFTER",
            "serviceStage": "HELP",
            "mood": "ANGRY",
            "topic": "迟到",
            "text": "😡 Wo ist mein Tee?",
            "durationSeconds": 300,
        },
    ),
    ("handOverInteraction", "2026-01-09", {**CONTACT, "taker": "li", "reason": "not my remit"}),
    ("resolveInteraction", "2026-01-10", {**CONTACT, "withinRemit": False}),
    (
        "receiveComplaint",
        "2026-01-12T01:00:00Z",
        {**CUSTOMER, **COMPLAINT, **ORDER, "category": "DELIVERY", "text": "迟到了三天", "channel": "PHONE"},
    ),
    ("acknowledgeComplaint", "2026-01-12T02:00:00Z", {**COMPLAINT, "apology": "对不起"}),
    ("assessComplaint", "2026-01-12T02:10:00Z", {**COMPLAINT, "severity": "HIGH", "impact": 4}),
    ("assignComplaint", "2026-01-12T02:20:00Z", {**COMPLAINT, "handler": "zhang"}),
    (
        "recordInvestigation",
        "2026-01-12T03:00:00Z",
        {**COMPLAINT, "finding": "the van broke down", "justified": True},
    ),
    (
        "offerRemedy",
        "2026-01-12T04:00:00Z",
        {**COMPLAINT, "remedy": "1 tea", "costMinor": 100, "currency": "EUR"},
    ),
    ("rejectRemedy", "2026-01-12T05:00:00Z", {**COMPLAINT, "reason": "not enough"}),
    ("escalateComplaint", "2026-01-12T05:10:00Z", {**COMPLAINT, "to": "the manager", "reason": "angry"}),
    (
        "offerRemedy",
        "2026-01-12T05:30:00Z",
        {**COMPLAINT, "remedy": "2 teas", "costMinor": 200, "currency": "EUR"},
    ),
    ("acceptRemedy", "2026-01-12T05:40:00Z", COMPLAINT),
    ("communicateDecision", "2026-01-12T06:00:00Z", {**COMPLAINT, "decision": "two teas"}),
    ("verifySatisfaction", "2026-01-13", {**COMPLAINT, "verdict": "SATISFIED", "note": "谢谢"}),
    ("closeComplaint", "2026-01-13", {**COMPLAINT, "rootCause": "old vans"}),
    ("reopenComplaint", "2026-01-14", {**COMPLAINT, "reason": "no tea came"}),
    (
        "payRefund",
        "2026-01-15",
        {**ORDER, "refundId": "r", "amountMinor": 1_000, "currency": "EUR", "reason": "no tea"},
    ),
    ("addIdentifier", "2026-01-16", PASSPORT),
    ("verifyIdentifier", "2026-01-16", {**PASSPORT, "evidence": "看过护照原件"}),
    ("addIdentifier", "2026-01-16", CARD),
    ("rejectIdentifier", "2026-01-17", {**CARD, "reason": "his wife's"}),
    (
        "earnPoints",
        "2026-01-17",
        {**CUSTOMER, **ORDER, "transactionId": "1", "points": 9, "reason": "茶", "expiresOn": "2026-01-20"},
    ),
    ("redeemPoints", "2026-01-18", {**CUSTOMER, "transactionId": "2", "points": 4, "reason": "a cup"}),
    ("expirePoints", "2026-01-21", {**CUSTOMER, "transactionId": "3", "through": "2026-01-20"}),
    ("endDay", "2026-02-02", {"day": "2026-01-31"}),
    ("endRelationship", "2026-02-03", {**CUSTOMER, "cause": "OWN_FAULT", "reason": "no tea"}),
    ("winBackCustomer", "2026-02-04", {**CUSTOMER, "offer": "much tea"}),
    ("retireTierPolicy", "2026-02-05", {"policyVersion": "2026"}),
]


def moment(text: str) -> str:
    return text if "T" in text else f"{text}T09:00:00Z"


async def tell(api: Api) -> dict[str, int]:
    """Do it all; the position after the last mutation of each name."""
    positions = {}
    for command, when, input in STORY:
        positions[command] = await api.done(command, occurredAt=moment(when), **input)
    return positions


FILE = """
query File($at: AsOf!) @asOf(at: $at) {
  customer(customerId: "1") {
    name relation region language birthday owner live registeredAt contactCount orderCount complaintCount
    openComplaintCount
    contactPoints { nodes { kind value label } }
    value {
      tier rule policyVersion spentMinor currency orderCount recencyScore frequencyScore moneyScore
      because { orderId totalMinor } causedBy { name stream }
    }
    timeline { nodes { event summary channel subject } }
    interactions { nodes { channel direction mood text handovers responsible resolved order { orderId } } }
    complaints {
      nodes {
        category text step open severity handler escalatedTo receivedAt dueAt late justified remedy verdict
        reopened
        steps(first: 100) { nodes { event words actor } }
        order { orderId description }
      }
    }
    orders(orderBy: [{by: PLACED_AT}]) {
      totalCount
      nodes { orderId totalMinor paidMinor refundedMinor items cancelled cancelledBecause customer { name } }
    }
    spendings { nodes { currency orderCount receivedMinor refundedMinor spentMinor } }
  }
}
"""


async def test_a_customers_whole_story_is_one_query(api: Api) -> None:
    positions = await tell(api)

    found = (await api.ask(FILE, at={"atLeast": positions["retireTierPolicy"]}))["customer"]

    assert found["name"] == "王小明"
    assert found["region"] == "上海"
    assert found["birthday"] == "1980-02-29"
    assert found["owner"] == "li"
    assert found["live"] is True
    assert found["registeredAt"] == "2026-01-02T09:00:00+00:00"
    assert [found[n] for n in ("contactCount", "orderCount", "complaintCount", "openComplaintCount")] == [
        1,
        3,
        1,
        1,
    ]
    assert found["contactPoints"]["nodes"] == [{"kind": "EMAIL", "value": "ming@example.org", "label": None}]
    assert found["spendings"]["nodes"] == [
        {
            "currency": "EUR",
            "orderCount": 3,
            "receivedMinor": BIG,
            "refundedMinor": 1_000,
            "spentMinor": BIG - 1_000,
        }
    ]
    [contact] = found["interactions"]["nodes"]
    assert contact["text"] == "😡 Wo ist mein Tee?"
    assert (contact["responsible"], contact["handovers"], contact["resolved"]) == ("li", 1, True)
    assert contact["order"] == {"orderId": "1"}
    assert [o["orderId"] for o in found["orders"]["nodes"]] == ["1", "2", "3"]
    assert found["orders"]["nodes"][0]["totalMinor"] == BIG
    assert found["orders"]["nodes"][2]["cancelledBecause"] == "下错了"
    assert [e["event"] for e in found["timeline"]["nodes"]][:3] == [
        "CustomerRegistered",
        "OrderPlaced",
        "PaymentReceived",
    ]
    assert found["timeline"]["nodes"][-1] == {
        "event": "CustomerWonBack", "summary": "", "channel": None, "subject": "customer-1",
    }  # fmt: skip


async def test_a_tier_tells_its_rule_and_what_caused_it(api: Api) -> None:
    positions = await tell(api)

    value = (await api.ask(FILE, at={"atLeast": positions["endDay"]}))["customer"]["value"]

    assert value["tier"] == "GOLD"
    assert (
        value["rule"] == "gold: spent at least 50,000,000.00 EUR and ordered at least 2 times within 90 days"
    )
    assert (value["spentMinor"], value["orderCount"], value["policyVersion"]) == (BIG - 1_000, 2, "2026")
    assert [order["orderId"] for order in value["because"]] == ["2", "1"]
    assert [(e["name"], e["stream"]) for e in value["causedBy"]] == [
        ("DayEnded", "days"),
        ("OrderPlaced", "order-1"),
        ("PaymentReceived", "order-1"),
        ("OrderFulfilled", "order-1"),
        ("OrderPlaced", "order-2"),
        ("RefundPaid", "order-1"),
    ]


async def test_a_complaint_tells_every_step_and_its_deadline(api: Api) -> None:
    positions = await tell(api)

    closed = (await api.ask(FILE, at={"position": positions["closeComplaint"]}))["customer"]["complaints"][
        "nodes"
    ][0]
    reopened = (await api.ask(FILE, at={"position": positions["reopenComplaint"]}))["customer"]["complaints"][
        "nodes"
    ][0]

    assert closed["dueAt"] == "2026-01-12T10:00:00+00:00"  # a working day in Shanghai
    assert (closed["step"], closed["open"], closed["late"], closed["verdict"]) == (
        "CLOSED",
        False,
        False,
        "SATISFIED",
    )
    assert (closed["handler"], closed["escalatedTo"], closed["remedy"]) == ("zhang", "the manager", "2 teas")
    assert [step["event"] for step in closed["steps"]["nodes"]] == [
        "ComplaintReceived", "ComplaintAcknowledged", "ComplaintAssessed", "ComplaintAssigned",
        "InvestigationRecorded", "RemedyOffered", "RemedyRejected", "ComplaintEscalated", "RemedyOffered",
        "RemedyAccepted", "DecisionCommunicated", "SatisfactionVerified", "ComplaintClosed",
    ]  # fmt: skip
    assert {step["actor"] for step in closed["steps"]["nodes"]} == {"mei"}
    assert closed["steps"]["nodes"][1]["words"] == "对不起"
    assert closed["order"] == {"orderId": "1", "description": "茶"}
    assert (reopened["step"], reopened["open"], reopened["reopened"]) == ("RECEIVED", True, 1)


async def test_identifiers_and_points_are_told_with_the_customer(api: Api) -> None:
    positions = await tell(api)
    query = """
    query Q($at: AsOf!) @asOf(at: $at) {
      customer(customerId: "1") {
        identifiers { nodes { kind value status verifiedAt evidence rejectedBecause } }
        pointsAccount { balance earned redeemed expired }
        pointsTransactions(orderBy: [{by: OCCURRED_AT}]) {
          nodes { transactionId movement points reason expiresOn through order { orderId } }
        }
      }
    }"""

    before = (await api.ask(query, at={"position": positions["redeemPoints"]}))["customer"]
    after = (await api.ask(query, at={"atLeast": positions["expirePoints"]}))["customer"]

    assert before["pointsAccount"] == {"balance": 5, "earned": 9, "redeemed": 4, "expired": 0}
    assert after["pointsAccount"] == {"balance": 0, "earned": 9, "redeemed": 4, "expired": 5}
    assert after["identifiers"]["nodes"] == [
        {"kind": "ACCOUNT", "value": "card 7", "status": "REJECTED", "verifiedAt": None, "evidence": None,
         "rejectedBecause": "his wife's"},
        {"kind": "PASSPORT", "value": "E12345678", "status": "VERIFIED", "rejectedBecause": None,
         "verifiedAt": "2026-01-16T09:00:00+00:00", "evidence": "看过护照原件"},
    ]  # fmt: skip
    assert after["pointsTransactions"]["nodes"] == [
        {"transactionId": "1", "movement": "EARNED", "points": 9, "reason": "茶", "expiresOn": "2026-01-20",
         "through": None, "order": {"orderId": "1"}},
        {"transactionId": "2", "movement": "REDEEMED", "points": 4, "reason": "a cup", "expiresOn": None,
         "through": None, "order": None},
        {"transactionId": "3", "movement": "EXPIRED", "points": 5, "reason": None, "expiresOn": None,
         "through": "2026-01-20", "order": None},
    ]  # fmt: skip


async def test_a_rule_across_customers_is_a_typed_error_that_tells_only_an_id(api: Api) -> None:
    await tell(api)
    await api.done("registerCustomer", customerId="2")
    await api.done("addIdentifier", **PASSPORT | {"customerId": "2"})

    error = await api.refused("verifyIdentifier", **PASSPORT | {"customerId": "2"}, evidence="seen")

    assert error == {
        "__typename": "IdentifierTaken",
        "code": "IdentifierTaken",
        "message": "Customer 1 holds this identifier; only one live customer can.",
        "field": "value",
    }


async def test_reports_count_the_story(api: Api) -> None:
    positions = await tell(api)
    reports = """
    query Reports($at: AsOf!, $since: Date, $until: Date) @asOf(at: $at) {
      tierDistribution { tier currency customers spentMinor shareOfCustomers shareOfSpend }
      complaintStatistics(since: $since, until: $until) {
        category received open late satisfied reopened hoursToClose per10000Customers
      }
    }"""

    closed = await api.ask(reports, at={"position": positions["closeComplaint"]})
    ended = await api.ask(
        reports, at={"position": positions["endDay"]}, since="2026-01-12", until="2026-01-12"
    )
    later = await api.ask(reports, at={"position": positions["endDay"]}, since="2026-01-13")

    assert closed["tierDistribution"] == []
    assert closed["complaintStatistics"] == [
        {"category": "DELIVERY", "received": 1, "open": 0, "late": 0, "satisfied": 1, "reopened": 0,
         "hoursToClose": 32, "per10000Customers": 10_000}
    ]  # fmt: skip
    assert ended["tierDistribution"] == [
        {"tier": "GOLD", "currency": "EUR", "customers": 1, "spentMinor": BIG - 1_000, "shareOfCustomers": 1,
         "shareOfSpend": 1}
    ]  # fmt: skip
    assert [line["reopened"] for line in ended["complaintStatistics"]] == [1]
    assert later["complaintStatistics"] == []


async def test_a_mutation_answers_with_the_row_as_it_then_stands(api: Api) -> None:
    await api.done("registerCustomer", **CUSTOMER, name="Ada")
    placed = await api.do(
        "placeOrder", "order { totalMinor paidMinor customer { name orderCount } }",
        **ORDER, **CUSTOMER, totalMinor=5, currency="EUR", items=1,
    )  # fmt: skip
    paid = await api.do(
        "receivePayment", "order { paidMinor since }", **ORDER, paymentId="p", amountMinor=5, currency="EUR"
    )

    assert placed["order"] == {"totalMinor": 5, "paidMinor": 0, "customer": {"name": "Ada", "orderCount": 1}}
    assert paid["order"] == {"paidMinor": 5, "since": paid["position"]}


async def test_texts_of_any_kind_return_unchanged(api: Api) -> None:
    note = '客户说：「非常满意」👩‍👩‍👧‍👦 "quotes" \\ \r\n\t\u2028 ﷽ ' * 250
    assert len(note.encode()) > 10_000
    await api.done("registerCustomer", **CUSTOMER, name="O'Brien <b>张三</b> 😀")
    await api.done("receiveComplaint", **CUSTOMER, **COMPLAINT, category="OTHER", text=note)
    position = await api.done(
        "placeOrder", **CUSTOMER, orderId="订单.1", totalMinor=2**53 - 1, currency="JPY", items=1_000_000_000
    )

    found = await api.ask(
        """query Q($at: AsOf!) @asOf(at: $at) {
          customer(customerId: "1") { name orders { nodes { orderId totalMinor items } } }
          complaint(complaintId: "1") { text }
          complaintSteps { nodes { words } }
        }""",
        at={"atLeast": position},
    )

    assert found["customer"] == {
        "name": "O'Brien <b>张三</b> 😀",
        "orders": {"nodes": [{"orderId": "订单.1", "totalMinor": 2**53 - 1, "items": 1_000_000_000}]},
    }
    assert found["complaint"]["text"] == note
    assert found["complaintSteps"]["nodes"] == [{"words": note}]
