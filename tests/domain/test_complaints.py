"""A complaint: listen, apologise, offer until accepted, decide, verify, and only then close (ISO 10002)."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands import Command
from domain.complaints import (
    COMPLAINTS,
    AcceptRemedy,
    AcknowledgeComplaint,
    ApologyMissing,
    AssessComplaint,
    AssignComplaint,
    Category,
    CloseComplaint,
    CommunicateDecision,
    ComplaintAcknowledged,
    ComplaintAlreadyReceived,
    ComplaintAssessed,
    ComplaintAssigned,
    ComplaintClosed,
    ComplaintClosedAlready,
    ComplaintEscalated,
    ComplaintNotJustified,
    ComplaintReceived,
    ComplaintReopened,
    ComplaintStillOpen,
    ComplaintUnknown,
    CustomerNotSatisfied,
    DecisionCommunicated,
    DecisionMissing,
    EscalateComplaint,
    InvestigationRecorded,
    IssueYellowCard,
    NoRemedyOnOffer,
    OfferRemedy,
    ReasonMissing,
    ReceiveComplaint,
    RecordInvestigation,
    RejectRemedy,
    RemedyAccepted,
    RemedyOffered,
    RemedyRejected,
    RemedyStillOnOffer,
    ReopenComplaint,
    SatisfactionNotVerified,
    SatisfactionVerified,
    Severity,
    Verdict,
    VerifySatisfaction,
    YellowCardIssued,
)
from domain.errors import InvalidInput
from domain.events import Event
from domain.interactions import Channel
from domain.money import UnknownCurrency
from tests.domain.spec import given

ID = {"complaint_id": "k-1"}
RECEIVED = ComplaintReceived(
    **ID, customer_id="c-1", category=Category.DELIVERY, text="等了两个星期", channel=Channel.PHONE
)
ACKNOWLEDGED = ComplaintAcknowledged(**ID, apology="非常抱歉")
ASSESSED = ComplaintAssessed(
    **ID, severity=Severity.HIGH, safety=False, complexity=2, impact=3, immediate=True
)
INVESTIGATED = InvestigationRecorded(**ID, finding="lost at the depot", justified=True)
OFFERED = RemedyOffered(**ID, remedy="a new one by courier", cost_minor=2500, currency="USD")
REJECTED = RemedyRejected(**ID, reason="too late")
ACCEPTED = RemedyAccepted(**ID)
DECIDED = DecisionCommunicated(**ID, decision="a new one and the money back")
SATISFIED = SatisfactionVerified(**ID, verdict=Verdict.SATISFIED)
DISSATISFIED = SatisfactionVerified(**ID, verdict=Verdict.DISSATISFIED)
CLOSED = ComplaintClosed(**ID, root_cause="depot mislabelled")

OFFER = ID | {"remedy": "a new one by courier", "cost_minor": 2500, "currency": "USD"}
CLOSE = ID | {"root_cause": "depot mislabelled"}


def test_a_complaint_is_received_in_the_customers_own_words() -> None:
    complaint = {"customer_id": "c-1", "category": "delivery", "text": "等了两个星期", "channel": "phone"}
    given(COMPLAINTS).when(ReceiveComplaint, **ID, **complaint).then(RECEIVED)
    given(COMPLAINTS, RECEIVED).when(ReceiveComplaint, **ID, **complaint).refused(
        ComplaintAlreadyReceived, field="complaint_id"
    )
    given(COMPLAINTS).when(ReceiveComplaint, **ID, **complaint | {"channel": "fax"}).refused(
        InvalidInput, field="channel"
    )


def test_it_is_acknowledged_assessed_assigned_and_investigated() -> None:
    received = given(COMPLAINTS, RECEIVED)
    received.when(AcknowledgeComplaint, **ID, apology="非常抱歉").then(ACKNOWLEDGED)
    received.when(AssessComplaint, **ID, severity="high", complexity=2, impact=3, immediate=True).then(
        ASSESSED
    )
    received.when(AssignComplaint, **ID, handler="Zhang Wei").then(
        ComplaintAssigned(**ID, handler="Zhang Wei")
    )
    received.when(RecordInvestigation, **ID, finding="lost at the depot", justified=True).then(INVESTIGATED)


@pytest.mark.parametrize("scale", ["complexity", "impact"])
@pytest.mark.parametrize("score", [0, 6])
def test_it_is_judged_on_scales_from_one_to_five(scale: str, score: int) -> None:
    given(COMPLAINTS, RECEIVED).when(AssessComplaint, **ID, severity="low", **{scale: score}).refused(
        InvalidInput, field=scale
    )


def test_an_apology_comes_before_any_offer() -> None:
    given(COMPLAINTS, RECEIVED).when(OfferRemedy, **OFFER).refused(ApologyMissing, field="complaint_id")
    given(COMPLAINTS, RECEIVED, ACKNOWLEDGED).when(OfferRemedy, **OFFER).then(OFFERED)


def test_a_remedy_costs_no_less_than_nothing_in_a_currency_that_exists() -> None:
    apologised = given(COMPLAINTS, RECEIVED, ACKNOWLEDGED)
    apologised.when(OfferRemedy, **OFFER | {"cost_minor": -1}).refused(InvalidInput, field="cost_minor")
    apologised.when(OfferRemedy, **OFFER | {"currency": "ZZZ"}).refused(UnknownCurrency, field="currency")


def test_offers_go_on_until_one_is_accepted() -> None:
    offered = given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, OFFERED)
    offered.when(RejectRemedy, **ID, reason="too late").then(REJECTED)
    offered.when(AcceptRemedy, **ID).then(ACCEPTED)
    given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, OFFERED, REJECTED).when(OfferRemedy, **OFFER).then(OFFERED)


@pytest.mark.parametrize("past", [[], [OFFERED, REJECTED], [OFFERED, ACCEPTED]])
def test_only_a_remedy_on_offer_is_accepted_or_rejected(past: list[Event]) -> None:
    answered = given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, *past)
    answered.when(AcceptRemedy, **ID).refused(NoRemedyOnOffer, field="complaint_id")
    answered.when(RejectRemedy, **ID, reason="too late").refused(NoRemedyOnOffer, field="complaint_id")


def test_the_decision_waits_for_the_customers_answer() -> None:
    deciding = ID | {"decision": "a new one and the money back"}
    given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, OFFERED).when(CommunicateDecision, **deciding).refused(
        RemedyStillOnOffer, field="complaint_id"
    )
    given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, OFFERED, ACCEPTED).when(CommunicateDecision, **deciding).then(
        DECIDED
    )


def test_satisfaction_is_verified_after_the_decision() -> None:
    given(COMPLAINTS, RECEIVED).when(VerifySatisfaction, **ID, verdict="satisfied").refused(
        DecisionMissing, field="complaint_id"
    )
    given(COMPLAINTS, RECEIVED, DECIDED).when(VerifySatisfaction, **ID, verdict="satisfied").then(SATISFIED)


def test_who_could_not_be_asked_needs_a_reason() -> None:
    decided = given(COMPLAINTS, RECEIVED, DECIDED)
    decided.when(VerifySatisfaction, **ID, verdict="unreachable").refused(ReasonMissing, field="note")
    decided.when(VerifySatisfaction, **ID, verdict="unreachable", note="号码已停机").then(
        SatisfactionVerified(**ID, verdict=Verdict.UNREACHABLE, note="号码已停机")
    )


def test_it_closes_with_its_root_cause_once_satisfaction_is_verified() -> None:
    given(COMPLAINTS, RECEIVED, DECIDED).when(CloseComplaint, **CLOSE).refused(
        SatisfactionNotVerified, field="complaint_id"
    )
    given(COMPLAINTS, RECEIVED, DECIDED, SATISFIED).when(CloseComplaint, **CLOSE).then(CLOSED)
    unreachable = SatisfactionVerified(**ID, verdict=Verdict.UNREACHABLE, note="号码已停机")
    given(COMPLAINTS, RECEIVED, DECIDED, unreachable).when(CloseComplaint, **CLOSE).then(CLOSED)


def test_a_dissatisfied_customer_gets_another_offer_not_a_close() -> None:
    dissatisfied = given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, DECIDED, DISSATISFIED)
    dissatisfied.when(CloseComplaint, **CLOSE).refused(CustomerNotSatisfied, field="complaint_id")
    dissatisfied.when(OfferRemedy, **OFFER).then(OFFERED)


def test_a_closed_complaint_is_reopened_and_runs_again() -> None:
    reopened = ComplaintReopened(**ID, reason="it broke again")
    reopening = ID | {"reason": "it broke again"}
    given(COMPLAINTS, RECEIVED, DECIDED, SATISFIED, CLOSED).when(ReopenComplaint, **reopening).then(reopened)
    given(COMPLAINTS, RECEIVED).when(ReopenComplaint, **reopening).refused(
        ComplaintStillOpen, field="complaint_id"
    )
    given(COMPLAINTS, RECEIVED, DECIDED, SATISFIED, CLOSED, reopened).when(CloseComplaint, **CLOSE).refused(
        SatisfactionNotVerified, field="complaint_id"
    )


def test_it_is_handed_up_at_any_step_and_stays_at_that_step() -> None:
    escalated = ComplaintEscalated(**ID, to="director", reason="third time")
    given(COMPLAINTS, RECEIVED).when(EscalateComplaint, **ID, to="director", reason="third time").then(
        escalated
    )
    given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, OFFERED, escalated).when(AcceptRemedy, **ID).then(ACCEPTED)


AFTER_RECEIPT: list[tuple[type[Command], dict[str, Any]]] = [
    (AcknowledgeComplaint, {"apology": "非常抱歉"}),
    (AssessComplaint, {"severity": "high"}),
    (AssignComplaint, {"handler": "Zhang Wei"}),
    (RecordInvestigation, {"finding": "lost", "justified": True}),
    (OfferRemedy, {"remedy": "a new one", "currency": "USD"}),
    (AcceptRemedy, {}),
    (RejectRemedy, {"reason": "too late"}),
    (CommunicateDecision, {"decision": "a new one"}),
    (VerifySatisfaction, {"verdict": "satisfied"}),
    (CloseComplaint, {"root_cause": "depot"}),
    (EscalateComplaint, {"to": "director", "reason": "third time"}),
    (ReopenComplaint, {"reason": "again"}),
]


@pytest.mark.parametrize(("wish", "fields"), AFTER_RECEIPT)
def test_an_unknown_complaint_is_left_alone(wish: type[Command], fields: dict[str, Any]) -> None:
    given(COMPLAINTS).when(wish, complaint_id="k-9", **fields).refused(ComplaintUnknown, field="complaint_id")


@pytest.mark.parametrize(("wish", "fields"), AFTER_RECEIPT[:-1])
def test_a_closed_complaint_is_left_alone(wish: type[Command], fields: dict[str, Any]) -> None:
    given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, DECIDED, SATISFIED, CLOSED).when(wish, **ID, **fields).refused(
        ComplaintClosedAlready, field="complaint_id"
    )


@pytest.mark.parametrize(
    "looked",
    [
        ComplaintAssessed(
            complaint_id="k-1", severity=Severity.HIGH, safety=False, complexity=1, impact=1, immediate=False
        ),
        InvestigationRecorded(complaint_id="k-1", finding="the box was torn", justified=True),
    ],
    ids=["assessed", "investigated"],
)
def test_looking_into_it_again_takes_no_offer_back(looked: Event) -> None:
    again = given(COMPLAINTS, RECEIVED, ACKNOWLEDGED, OFFERED, looked)
    again.when(CommunicateDecision, **ID, decision="no").refused(RemedyStillOnOffer, field="complaint_id")
    again.when(AcceptRemedy, **ID).then(ACCEPTED)


def test_a_member_of_staff_is_warned_for_a_justified_complaint_alone() -> None:
    warning = ID | {"member": "li.qiang", "reason": "sold without stock"}
    unjustified = InvestigationRecorded(**ID, finding="delivered in time", justified=False)
    given(COMPLAINTS, RECEIVED, INVESTIGATED).when(IssueYellowCard, **warning).then(
        YellowCardIssued(**warning)
    )
    for past in ([RECEIVED], [RECEIVED, unjustified]):
        given(COMPLAINTS, *past).when(IssueYellowCard, **warning).refused(
            ComplaintNotJustified, field="complaint_id"
        )
