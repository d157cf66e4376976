"""Whatever the sequence of commands, orders and complaints keep their promises, as a plain model has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.commands import Command, parse
from domain.complaints import (
    COMPLAINTS,
    AcceptRemedy,
    AcknowledgeComplaint,
    AssessComplaint,
    AssignComplaint,
    CloseComplaint,
    CommunicateDecision,
    ComplaintClosed,
    ComplaintReopened,
    EscalateComplaint,
    OfferRemedy,
    ReceiveComplaint,
    RecordInvestigation,
    RejectRemedy,
    ReopenComplaint,
    SatisfactionVerified,
    Verdict,
    VerifySatisfaction,
)
from domain.decider import Decider
from domain.errors import DomainError
from domain.events import Event, decode, encode
from domain.orders import (
    ORDERS,
    CancelOrder,
    FulfilOrder,
    OrderCancelled,
    PayRefund,
    PlaceOrder,
    ReceivePayment,
    RecordPurchase,
    RefundPaid,
)
from tests.domain.spec import BY


class Story(RuleBasedStateMachine):
    """One aggregate, its events, and the state that is kept while they happen."""

    decider: Decider[Any]

    def __init__(self) -> None:
        super().__init__()
        self.state = self.decider.initial
        self.events: list[Event] = []

    def attempt(self, wish: type[Command], allowed: bool, **fields: Any) -> None:
        """The domain says yes exactly where the model does; a decision itself changes nothing."""
        before = repr((self.decider.initial, self.state))
        outcome = self._outcome(wish, fields)
        assert repr((self.decider.initial, self.state)) == before
        assert isinstance(outcome, DomainError) is not allowed, outcome
        if isinstance(outcome, DomainError):
            assert outcome.at
        else:
            self.events += outcome
            self.state = self.decider.replay(outcome, self.state)

    def _outcome(self, wish: type[Command], fields: dict[str, Any]) -> Sequence[Event] | DomainError:
        try:
            return self.decider.decide(self.state, parse(wish, BY | fields))
        except DomainError as refusal:
            return refusal

    @invariant()
    def replaying_the_stored_events_gives_the_state(self) -> None:
        stored = [(event.TOPIC, event.class_version, encode(event)) for event in self.events]
        assert self.decider.replay(decode(*row) for row in stored) == self.state


TOTALS = st.integers(0, 1000)
PERCENT = st.integers(1, 100)
SLIPS = st.sampled_from(["", "", "", "too much", "nothing", "other currency", "same id"])
"""What is wrong with a transfer, if anything; the model judges the values, not the slip."""


class Orders(Story):
    """The model is two account books, payments and refunds by id, and two flags."""

    decider = ORDERS

    @initialize(total=TOTALS, at_once=st.sampled_from([False, False, True]))
    def begin(self, total: int, at_once: bool) -> None:
        self.total, self.fulfilled, self.cancelled = total, False, False
        self.paid = {"o-1": total} if at_once and total else {}
        self.refunded: dict[str, int] = {}
        self._place(total, at_once, allowed=True)

    @rule(total=TOTALS, at_once=st.booleans())
    def place_again(self, total: int, at_once: bool) -> None:
        self._place(total, at_once, allowed=False)

    def _place(self, total: int, at_once: bool, allowed: bool) -> None:
        order = {"order_id": "o-1", "customer_id": "c-1", "items": 1, "currency": "USD", "total_minor": total}
        self.attempt(RecordPurchase if at_once else PlaceOrder, allowed, **order)

    @rule(share=PERCENT, slip=SLIPS)
    def pay(self, share: int, slip: str) -> None:
        left = self.total - sum(self.paid.values())
        payment = self._transfer("payment_id", self.paid, left, share, slip)
        allowed = not self.cancelled and _sound(payment, "payment_id", self.paid, left)
        self.attempt(ReceivePayment, allowed, **payment)
        if allowed:
            self.paid[payment["payment_id"]] = payment["amount_minor"]

    @rule(share=PERCENT, slip=SLIPS)
    def refund(self, share: int, slip: str) -> None:
        left = sum(self.paid.values()) - sum(self.refunded.values())
        refund = self._transfer("refund_id", self.refunded, left, share, slip)
        allowed = _sound(refund, "refund_id", self.refunded, left)
        self.attempt(PayRefund, allowed, **refund, reason="it broke")
        if allowed:
            self.refunded[refund["refund_id"]] = refund["amount_minor"]

    def _transfer(
        self, id_field: str, book: dict[str, int], left: int, share: int, slip: str
    ) -> dict[str, Any]:
        return {
            "order_id": "o-1",
            id_field: next(iter(book)) if slip == "same id" and book else f"transfer-{len(book)}",
            "amount_minor": {"too much": left + 1, "nothing": 0}.get(slip, left * share // 100),
            "currency": "CNY" if slip == "other currency" else "USD",
        }

    @rule(wish=st.sampled_from([FulfilOrder, CancelOrder]), seldom=st.integers(0, 4))
    def end(self, wish: type[Command], seldom: int) -> None:
        if seldom:
            return
        allowed = not self.fulfilled and not self.cancelled
        self.attempt(wish, allowed, order_id="o-1", **{"reason": "?"} if wish is CancelOrder else {})
        self.fulfilled |= allowed and wish is FulfilOrder
        self.cancelled |= allowed and wish is CancelOrder

    @invariant()
    def money_never_comes_from_nowhere(self) -> None:
        assert 0 <= self.state.refunded_minor <= self.state.paid_minor <= self.state.total_minor
        if self.events:
            assert self.state.paid_minor == sum(self.paid.values())
            assert self.state.refunded_minor == sum(self.refunded.values())

    @invariant()
    def after_a_cancellation_only_money_goes_back(self) -> None:
        kinds = [type(event) for event in self.events]
        if OrderCancelled in kinds:
            assert set(kinds[kinds.index(OrderCancelled) + 1 :]) <= {RefundPaid}


def _sound(transfer: dict[str, Any], id_field: str, book: dict[str, int], left: int) -> bool:
    new = transfer[id_field] not in book
    return new and transfer["currency"] == "USD" and 0 < transfer["amount_minor"] <= left


STEPS: dict[type[Command], dict[str, Any]] = {
    ReceiveComplaint: {"customer_id": "c-1", "category": "price", "text": "too dear"},
    AcknowledgeComplaint: {"apology": "sorry"},
    AssessComplaint: {"severity": "low"},
    AssignComplaint: {"handler": "Zhang Wei"},
    RecordInvestigation: {"finding": "true", "justified": True},
    OfferRemedy: {"remedy": "a discount", "currency": "USD"},
    AcceptRemedy: {},
    RejectRemedy: {"reason": "too little"},
    CommunicateDecision: {"decision": "no"},
    CloseComplaint: {"root_cause": "list price"},
    ReopenComplaint: {"reason": "again"},
    EscalateComplaint: {"to": "director", "reason": "third time"},
}
ASIDE = (AssignComplaint, EscalateComplaint)
PLAIN: tuple[type[Command], ...] = (AssessComplaint, RecordInvestigation, *ASIDE)
MOVES: list[type[Command]] = [wish for wish in (*STEPS, VerifySatisfaction) if wish not in PLAIN]
VERDICTS = st.sampled_from(["satisfied", "dissatisfied", "unreachable"])
ANY = st.integers(0, 59)


class Complaints(Story):
    """The model is the list of what was granted since receipt: (command, its verdict)."""

    decider = COMPLAINTS

    def __init__(self) -> None:
        super().__init__()
        self.granted: list[tuple[type[Command], str | None]] = []

    def _allowed(self, wish: type[Command]) -> bool:
        steps = [step for step in self.granted if step[0] not in ASIDE]
        if not steps or wish is ReceiveComplaint:
            return not steps and wish is ReceiveComplaint
        last, verdict = steps[-1]
        if last is CloseComplaint or wish is ReopenComplaint:
            return last is CloseComplaint and wish is ReopenComplaint
        if wish is OfferRemedy:
            return any(step is AcknowledgeComplaint for step, _ in steps)
        if wish in (AcceptRemedy, RejectRemedy):
            return last is OfferRemedy
        if wish is CommunicateDecision:
            return last is not OfferRemedy
        if wish is VerifySatisfaction:
            return last is CommunicateDecision
        if wish is CloseComplaint:
            return last is VerifySatisfaction and verdict != "dissatisfied"
        return True

    def _try(self, wish: type[Command], verdict: str, note: dict[str, str]) -> None:
        asked = wish is VerifySatisfaction
        fields = {"verdict": verdict, **note} if asked else STEPS[wish]
        unexplained = asked and verdict == "unreachable" and not note
        allowed = self._allowed(wish) and not unexplained
        self.attempt(wish, allowed, complaint_id="k-1", **fields)
        if allowed:
            self.granted.append((wish, verdict if asked else None))

    @initialize()
    def begin(self) -> None:
        self._try(ReceiveComplaint, "", {})

    @rule(choice=ANY, verdict=VERDICTS, note=st.sampled_from([{"note": "moved"}, {}]))
    def go_on(self, choice: int, verdict: str, note: dict[str, str]) -> None:
        moves = [wish for wish in MOVES if self._allowed(wish)]
        self._try(moves[choice % len(moves)], verdict, note)

    @rule(choice=ANY, verdict=VERDICTS)
    def go_astray(self, choice: int, verdict: str) -> None:
        wrong = [wish for wish in (*MOVES, *PLAIN) if not self._allowed(wish)]
        self._try(wrong[choice % len(wrong)], verdict, {})

    @rule(wish=st.sampled_from(PLAIN))
    def step_aside(self, wish: type[Command]) -> None:
        self._try(wish, "", {})

    @invariant()
    def it_closes_only_verified_and_not_dissatisfied(self) -> None:
        verdict: Verdict | None = None
        closed = False
        for event in self.events:
            assert not closed or isinstance(event, ComplaintReopened)
            match event:
                case SatisfactionVerified():
                    verdict = event.verdict
                case ComplaintReopened():
                    closed, verdict = False, None
                case ComplaintClosed():
                    assert verdict in (Verdict.SATISFIED, Verdict.UNREACHABLE)
                    closed = True


HOW = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestOrders = Orders.TestCase
TestOrders.settings = HOW
TestComplaints = Complaints.TestCase
TestComplaints.settings = HOW
