"""Whatever the sequence of commands, orders and complaints keep their promises, as a plain model has them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

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

SEEDS = range(150)
"""Each is one story, the same in every run."""
STEPS = 40


class Story:
    """One aggregate, its events, and the state that is kept while they happen; the dice choose."""

    decider: Decider[Any]

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.state = self.decider.initial
        self.events: list[Event] = []
        self.granted: list[Command] = []

    def attempt(self, wish: type[Command], allowed: bool, **fields: Any) -> None:
        """The domain says yes exactly where the model does; a decision itself changes nothing."""
        command = parse(wish, BY | fields)
        before = repr((self.decider.initial, self.state))
        outcome = self._outcome(command)
        assert repr((self.decider.initial, self.state)) == before
        assert isinstance(outcome, DomainError) is not allowed, (outcome, command, self.events)
        if isinstance(outcome, DomainError):
            assert outcome.at
            return
        self.granted.append(command)
        self.events += outcome
        self.state = self.decider.replay(outcome, self.state)

    def _outcome(self, command: Command) -> Sequence[Event] | DomainError:
        try:
            return self.decider.decide(self.state, command)
        except DomainError as refusal:
            return refusal

    def check_replay(self) -> None:
        """The stored events alone make the state that was kept."""
        stored = [(event.TOPIC, event.class_version, encode(event)) for event in self.events]
        assert self.decider.replay(decode(*row) for row in stored) == self.state


# --- Orders ---------------------------------------------------------------------------------------


class OrderStory(Story):
    """The model is two account books, payments and refunds by id, and three flags."""

    decider = ORDERS

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.total = self.dice.choice([0, 1, 7, 1000])
        self.paid: dict[str, int] = {}
        self.refunded: dict[str, int] = {}
        self.placed = self.fulfilled = self.cancelled = False

    def place(self) -> None:
        allowed = not self.placed
        wish = self.dice.choice([PlaceOrder, PlaceOrder, RecordPurchase])
        order = {"order_id": "o-1", "customer_id": "c-1", "items": 1, "currency": "USD"}
        self.attempt(wish, allowed, **order, total_minor=self.total)
        if allowed and wish is RecordPurchase and self.total:
            self.paid["o-1"] = self.total
        self.placed = True

    def pay(self) -> None:
        left = self.total - sum(self.paid.values())
        self._transfer(ReceivePayment, "payment_id", self.paid, left, open_=not self.cancelled)

    def refund(self) -> None:
        left = sum(self.paid.values()) - sum(self.refunded.values())
        self._transfer(PayRefund, "refund_id", self.refunded, left, open_=True, reason="it broke")

    def _transfer(
        self, wish: type[Command], id_field: str, book: dict[str, int], left: int, *, open_: bool, **more: str
    ) -> None:
        """Pay or refund what is left, a part of it, or one too much, now and then in a wrong way."""
        id = self.dice.choice([*book, f"new-{len(book)}", f"new-{len(book)}"])
        amount = max(1, self.dice.choice([left, left + 1, left // 2, left // 3]))
        currency = self.dice.choice(["USD", "USD", "USD", "CNY"])
        allowed = self.placed and open_ and currency == "USD" and id not in book and amount <= left
        transfer = {"order_id": "o-1", id_field: id, "amount_minor": amount, "currency": currency}
        self.attempt(wish, allowed, **transfer, **more)
        if allowed:
            book[id] = amount

    def fulfil(self) -> None:
        allowed = self.placed and not self.fulfilled and not self.cancelled
        self.attempt(FulfilOrder, allowed, order_id="o-1")
        self.fulfilled |= allowed

    def cancel(self) -> None:
        allowed = self.placed and not self.fulfilled and not self.cancelled
        self.attempt(CancelOrder, allowed, order_id="o-1", reason="?")
        self.cancelled |= allowed

    def check_money(self) -> None:
        assert 0 <= self.state.refunded_minor <= self.state.paid_minor <= self.state.total_minor
        assert self.state.paid_minor == sum(self.paid.values())
        assert self.state.refunded_minor == sum(self.refunded.values())

    def check_cancelled(self) -> None:
        """Once it is cancelled, money only goes back."""
        kinds = [type(event) for event in self.events]
        if OrderCancelled in kinds:
            assert set(kinds[kinds.index(OrderCancelled) + 1 :]) <= {RefundPaid}


def test_orders_keep_their_books() -> None:
    for seed in SEEDS:
        order = OrderStory(seed)
        moves = [order.place, order.pay, order.refund, order.fulfil, order.cancel]
        for _ in range(STEPS):
            order.dice.choices(moves, weights=[4, 16, 8, 1, 1])[0]()
            order.check_money()
        order.check_cancelled()
        order.check_replay()


# --- Complaints -----------------------------------------------------------------------------------

FIELDS: dict[type[Command], dict[str, Any]] = {
    ReceiveComplaint: {"customer_id": "c-1", "category": "price", "text": "too dear"},
    AcknowledgeComplaint: {"apology": "sorry"},
    AssessComplaint: {"severity": "low"},
    AssignComplaint: {"handler": "Zhang Wei"},
    RecordInvestigation: {"finding": "true", "justified": True},
    OfferRemedy: {"remedy": "a discount", "currency": "USD"},
    AcceptRemedy: {},
    RejectRemedy: {"reason": "too little"},
    CommunicateDecision: {"decision": "no"},
    VerifySatisfaction: {},
    CloseComplaint: {"root_cause": "list price"},
    ReopenComplaint: {"reason": "again"},
    EscalateComplaint: {"to": "director", "reason": "third time"},
}


LOOKING_INTO_IT = (
    AcknowledgeComplaint,
    AssessComplaint,
    AssignComplaint,
    EscalateComplaint,
    RecordInvestigation,
)
"""What takes no offer and no decision back."""


class ComplaintStory(Story):
    """The model is the list of the commands that were granted."""

    decider = COMPLAINTS

    def allows(self, wish: type[Command]) -> bool:
        steps = [step for step in self.granted if not isinstance(step, LOOKING_INTO_IT)]
        last = steps[-1] if steps else None
        if last is None or wish is ReceiveComplaint:
            return last is None and wish is ReceiveComplaint
        if isinstance(last, CloseComplaint) or wish is ReopenComplaint:
            return isinstance(last, CloseComplaint) and wish is ReopenComplaint
        if wish is OfferRemedy:
            return any(isinstance(step, AcknowledgeComplaint) for step in self.granted)
        if wish in (AcceptRemedy, RejectRemedy):
            return isinstance(last, OfferRemedy)
        if wish is CommunicateDecision:
            return not isinstance(last, OfferRemedy)
        if wish is VerifySatisfaction:
            return isinstance(last, CommunicateDecision)
        if wish is CloseComplaint:
            return isinstance(last, VerifySatisfaction) and last.verdict is not Verdict.DISSATISFIED
        return True

    def take(self, wish: type[Command]) -> None:
        allowed, fields = self.allows(wish), FIELDS[wish]
        if wish is VerifySatisfaction:
            fields = {"verdict": self.dice.choice(list(Verdict)), **self.dice.choice([{"note": "moved"}, {}])}
            allowed &= fields["verdict"] is not Verdict.UNREACHABLE or "note" in fields
        self.attempt(wish, allowed, complaint_id="k-1", **fields)

    def check_closed(self) -> None:
        """It closes only verified and not dissatisfied; then nothing follows but its reopening."""
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


def test_complaints_close_only_when_the_customer_was_asked() -> None:
    later: list[type[Command]] = [CommunicateDecision, VerifySatisfaction, CloseComplaint]
    for seed in SEEDS:
        complaint = ComplaintStory(seed)
        for _ in range(STEPS):
            complaint.take(complaint.dice.choice([*FIELDS, *later, *later]))
        complaint.check_closed()
        complaint.check_replay()
