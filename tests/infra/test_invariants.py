"""The oracle over whole logs can complain: of each rule, a log that breaks it and one that does not."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain.deciders import DECIDERS
from domain.events import Recorded, catalogue
from tests.domain.samples import filled
from tests.infra.invariants import STEPS, faults, out_of_order
from tests.infra.judges import Fact
from tests.infra.wishes import NOON

Said = tuple[str, str, dict[str, Any]]
"""A stream, the name of an event in it, and those of its fields that matter."""


def log(*said: Said) -> list[Fact]:
    """A log in which this happened, hour by hour."""
    versions, found = Counter[str](), list[Fact]()
    owners: dict[str, str | None] = {}
    for n, (stream, name, fields) in enumerate(said, 1):
        versions[stream] += 1
        kind = catalogue[name]
        optional = {f.name for f in msgspec.structs.fields(kind) if not f.required}
        given = {field: value for field, value in filled(kind).items() if field not in optional} | fields
        event = msgspec.convert(given, kind)
        owners[stream] = getattr(event, "customer_id", None) or owners.get(stream)
        found.append(
            Recorded(
                position=n, stream=stream, version=versions[stream], recorded_at=NOON + timedelta(hours=n),
                occurred_at=NOON + timedelta(hours=n), event=event, customer_id=owners[stream],
                command_id=f"c-{n}", actor="Li Na",
            )
        )  # fmt: skip
    return found


def about(customer: str, name: str, **fields: Any) -> Said:
    return f"customer-{customer}", name, {"customer_id": customer, **fields}


def of(noun: str, id: str, name: str, **fields: Any) -> Said:
    return f"{noun}-{id}", name, {f"{noun}_id": id, **fields}


LI, BO = about("li", "CustomerRegistered"), about("bo", "CustomerRegistered")
PHONE = {"kind": "phone", "value": "138"}
PROVED = [about(c, "IdentifierVerified", **PHONE) for c in ("li", "bo")]
ORDER = of("order", "o", "OrderPlaced", customer_id="li", total_minor=9, currency="CNY")
PAID = {"amount_minor": 9, "currency": "CNY"}
COMPLAINT = of("complaint", "k", "ComplaintReceived", customer_id="li")
DECIDED = [COMPLAINT, of("complaint", "k", "DecisionCommunicated")]
CLOSED = of("complaint", "k", "ComplaintClosed")
CONTACT = [
    of("interaction", "i", "InteractionRecorded", customer_id="li"),
    of("interaction", "i", "ResponsibilityTaken", responsible="Tom"),
]
SURVEY = of(
    "survey", "s", "SurveyDesigned", lowest=1, highest=5, questions=[{"question_id": "q", "text": "?"}]
)
ISSUED = ("survey_issue-x", "SurveyIssued", {"issue_id": "x", "survey_id": "s", "customer_id": "li"})
EARNED = ("points-1", "PointsEarned", {"customer_id": "li", "points": 5, "expires_on": "2026-03-01"})
OPEN = of("campaign", "a", "CampaignPlanned")
INVITED = ("invitations-li", "CustomerInvited", {"campaign_id": "a", "customer_id": "li"})


def verified(verdict: str, **note: str) -> list[Said]:
    return [*DECIDED, of("complaint", "k", "SatisfactionVerified", verdict=verdict, **note), CLOSED]


def answered(question: str, score: int) -> Said:
    answers = [{"question_id": question, "score": score}]
    return "survey_issue-x", "ResponseRecorded", {"issue_id": "x", "answers": answers}


def points(id: str, name: str, **fields: Any) -> Said:
    return f"points-{id}", name, {"customer_id": "li", **fields}


def below(customer: str, parent: str) -> Said:
    return f"group-{customer}", "ParentAssigned", {"customer_id": customer, "parent_id": parent}


def merged(id: str, kept: str, gone: str) -> Said:
    return of("merge", id, "CustomersMerged", customer_id=kept, merged_id=gone)


def extra(value: str) -> Said:
    return "extras-li", "ExtraFieldSet", {"customer_id": "li", "field": "f", "value": value}


RIGHT: dict[str, list[Said]] = {
    "an identifier passes on": [LI, BO, PROVED[0], about("li", "RelationshipEnded"), PROVED[1]],
    "an exception holds": [
        LI, about("li", "RestrictionPlaced"),
        about("li", "OverrideApproved", good_through="2026-03-09"), ORDER,
    ],
    "an order is paid and cancelled": [
        LI, ORDER, of("order", "o", "PaymentReceived", **PAID), of("order", "o", "OrderCancelled"),
        of("order", "o", "RefundPaid", **PAID),
    ],
    "a complaint is closed": [LI, *verified("satisfied"), of("complaint", "k", "ComplaintReopened")],
    "nobody could be asked": [LI, *verified("unreachable", note="moved")],
    "a contact is handed over": [
        LI, *CONTACT, of("interaction", "i", "InteractionHandedOver", giver="Tom", taker="Li Na"),
        of("interaction", "i", "HandoverDisputed"), of("interaction", "i", "HandoverRuled"),
        of("interaction", "i", "InteractionPaused"), of("interaction", "i", "InteractionResolved"),
        of("interaction", "i", "InteractionReopened"),
    ],
    "an answer fits": [LI, SURVEY, ISSUED, answered("q", 5)],
    "points are spent and expire": [
        LI, EARNED, points("2", "PointsRedeemed", points=2),
        points("3", "PointsExpired", points=3, through="2026-03-01"),
    ],
    "a group is a tree": [LI, BO, below("li", "bo")],
    "an order of a merged file is named": [
        LI, BO, ORDER, merged("m", "li", "bo"),
        of("complaint", "k", "ComplaintReceived", customer_id="bo", order_id="o"),
    ],
    "a guest is invited": [LI, OPEN, INVITED, ("invitations-li", "CampaignAnswered", INVITED[2])],
    "a value is a number": [
        LI, ("extra_field-f", "ExtraFieldDefined", {"field": "f", "kind": "number"}), extra("12.5"),
    ],
}  # fmt: skip

BROKEN: list[tuple[str, list[Said]]] = [
    ("two holders", [LI, BO, *PROVED]),
    ("two holders", [
        LI, BO, PROVED[0], about("li", "RelationshipEnded"), PROVED[1], about("li", "CustomerWonBack"),
    ]),
    ("not with us", [ORDER]),
    ("not with us", [LI, about("li", "RelationshipEnded"), ORDER]),
    ("not with us", [LI, about("li", "RelationshipEnded"), about("li", "CareGiven")]),
    ("not with us", [LI, about("li", "RelationshipEnded"), EARNED]),
    ("has not left", [LI, about("li", "WinBackOffered")]),
    ("blacklist", [LI, about("li", "RestrictionPlaced"), COMPLAINT]),
    ("blacklist", [
        LI, about("li", "RestrictionPlaced"),
        about("li", "OverrideApproved", good_through="2026-03-01"), COMPLAINT,
    ]),
    ("own request", [
        LI, about("li", "RestrictionPlaced"), about("li", "OverrideApproved", asked_by="Li Na"),
    ]),
    ("wrong", [LI, ORDER, of("order", "o", "PaymentReceived", **PAID | {"amount_minor": 10})]),
    ("wrong", [LI, ORDER, of("order", "o", "RefundPaid", **PAID)]),
    ("booked before", [LI, ORDER, *[of("order", "o", "PaymentReceived", **PAID | {"amount_minor": 1})] * 2]),
    ("the order is in CNY", [LI, ORDER, of("order", "o", "PaymentReceived", **PAID | {"currency": "USD"})]),
    ("went through", [LI, ORDER, of("order", "o", "OrderCancelled"), of("order", "o", "OrderFulfilled")]),
    ("went through", [LI, ORDER, of("order", "o", "OrderFulfilled"), of("order", "o", "OrderCancelled")]),
    ("went through", [
        LI, ORDER, of("order", "o", "OrderCancelled"), of("order", "o", "PaymentReceived", **PAID),
    ]),
    ("not satisfied", [LI, *verified("dissatisfied")]),
    ("not satisfied", [LI, *verified("unreachable")]),
    ("went through", [LI, *DECIDED, CLOSED]),
    ("went through", [LI, *verified("satisfied"), of("complaint", "k", "ComplaintAssessed")]),
    ("nobody apologised", [LI, COMPLAINT, of("complaint", "k", "RemedyOffered")]),
    ("not justified", [LI, COMPLAINT, of("complaint", "k", "YellowCardIssued")]),
    ("went through", [LI, COMPLAINT, of("complaint", "k", "RemedyAccepted")]),
    ("Tom's to give", [
        LI, *CONTACT, of("interaction", "i", "InteractionHandedOver", giver="Li Na", taker="王"),
    ]),
    ("went through", [LI, *CONTACT, of("interaction", "i", "HandoverRuled")]),
    ("went through", [LI, *CONTACT, *[of("interaction", "i", "InteractionResolved")] * 2]),
    ("went through", [LI, *CONTACT, *[of("interaction", "i", "InteractionPaused")] * 2]),
    ("for the past", [LI, of(
        "commitment", "p", "CommitmentMade", customer_id="li",
        promised_at="2020-01-01T00:00:00Z", standard_due_at="2026-03-08T00:00:00Z",
    )]),
    ("beyond the standard", [LI, of(
        "commitment", "p", "CommitmentMade", customer_id="li",
        promised_at="2026-03-09T00:00:00Z", standard_due_at="2026-03-08T00:00:00Z",
    )]),
    ("no survey", [LI, ISSUED]),
    ("beyond the scale", [LI, SURVEY, ISSUED, answered("q", 6)]),
    ("not asked", [LI, SURVEY, ISSUED, answered("p", 5)]),
    ("went through", [LI, SURVEY, ISSUED, answered("q", 5), answered("q", 4)]),
    ("good through", [
        LI, SURVEY, (ISSUED[0], ISSUED[1], ISSUED[2] | {"good_through": "2026-03-01"}), answered("q", 5),
    ]),
    ("below zero", [LI, EARNED, points("2", "PointsRedeemed", points=6)]),
    ("5 were due", [LI, EARNED, points("2", "PointsExpired", points=4, through="2026-03-01")]),
    ("still good", [LI, EARNED, points("2", "PointsExpired", points=5, through="2026-03-09")]),
    ("went through", [LI, EARNED, points("1", "PointsRedeemed", points=1)]),
    ("circles", [LI, BO, below("li", "bo"), below("bo", "li")]),
    ("no customer nobody", [LI, below("li", "nobody")]),
    ("an alias", [LI, BO, merged("m", "li", "bo"), merged("n", "bo", "li")]),
    ("no order o", [LI, of("complaint", "k", "ComplaintReceived", customer_id="li", order_id="o")]),
    ("not bo's", [LI, BO, ORDER, of("complaint", "k", "ComplaintReceived", customer_id="bo", order_id="o")]),
    ("not open", [LI, INVITED]),
    ("not open", [LI, OPEN, of("campaign", "a", "CampaignClosed"), INVITED]),
    ("invited before", [LI, OPEN, INVITED, INVITED]),
    ("nobody invited", [LI, OPEN, ("invitations-li", "CampaignAnswered", INVITED[2])]),
    ("not of its field's kind", [LI, extra("12.5")]),
    ("not of its field's kind", [
        LI, ("extra_field-f", "ExtraFieldDefined", {"field": "f", "kind": "date"}), extra("soon"),
    ]),
    ("was noted", [LI, *[about("li", "ContactPointAdded", **PHONE)] * 2]),
    ("ended already", [("days", "DayEnded", {"day": f"2026-03-0{n}"}) for n in (1, 1)]),
    ("not over", [("days", "DayEnded", {"day": "2026-03-09"})]),
    ("went through", [LI, LI]),
    ("closed for good", [LI, about("li", "PersonalDataErased"), about("li", "CustomerWonBack")]),
    ("erased before", [LI, *[about("li", "PersonalDataErased")] * 2]),
    ("not with us", [LI, about("li", "PersonalDataErased"), ORDER]),
    ("went through", [of("lead", "l", "LeadDisqualified")]),
]  # fmt: skip


@pytest.mark.parametrize("said", RIGHT.values(), ids=RIGHT)
def test_what_may_happen_is_no_fault(said: list[Said]) -> None:
    assert faults(log(*said)) == []


@pytest.mark.parametrize(("words", "said"), BROKEN)
def test_a_broken_rule_is_a_fault(words: str, said: list[Said]) -> None:
    assert words in "; ".join(faults(log(*said)))


def test_a_log_that_is_not_in_order_is_a_fault() -> None:
    whole = log(LI, BO, ORDER, of("order", "o", "OrderFulfilled"))
    assert out_of_order(whole) == []

    def found(n: int, **changes: Any) -> str:
        changed = msgspec.structs.replace(whole[n], **changes)
        return "; ".join(out_of_order([*whole[:n], changed, *whole[n + 1 :]]))

    assert "stands at place 3" in "; ".join(out_of_order([*whole[:2], *whole[3:]]))
    assert "version 1 at 2" in found(3, version=1)
    assert "recorded before" in found(3, recorded_at=whole[2].recorded_at)
    assert "done 2 times" in found(3, command_id=whole[1].command_id)
    assert "several streams" in found(3, command_id="c-3", stream="order-p", version=1)


def test_every_kind_of_stream_has_its_steps() -> None:
    assert {kind for kind, _, _ in STEPS} == {decider.name for decider in DECIDERS} - {"days"}
