"""Points are earned, redeemed and expire; whatever the order, the balance never falls below zero."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest

from domain.commands import Command, parse
from domain.customers import (
    CUSTOMERS,
    ChurnCause,
    Customer,
    CustomerEnded,
    CustomerRegistered,
    CustomerUnknown,
    RelationshipEnded,
)
from domain.errors import DomainError, InvalidInput
from domain.events import Event
from domain.points import (
    POINTS,
    EarnPoints,
    ExpirePoints,
    PointsAlreadyBooked,
    PointsCommand,
    PointsEarned,
    PointsExpired,
    PointsInsufficient,
    PointsRedeemed,
    PointsStillGood,
    RedeemPoints,
    Transaction,
    require_member,
)
from tests.domain.spec import BY, across, given

JANUARY, FEBRUARY, DECEMBER = date(2026, 1, 31), date(2026, 2, 28), date(2026, 12, 31)


def earned(id: str, points: int, expires_on: date | None = None) -> PointsEarned:
    return PointsEarned(
        transaction_id=id, customer_id="c-1", points=points, reason="order", expires_on=expires_on
    )


def redeemed(id: str, points: int) -> PointsRedeemed:
    return PointsRedeemed(transaction_id=id, customer_id="c-1", points=points, reason="gift")


def expired(id: str, points: int, through: date) -> PointsExpired:
    return PointsExpired(transaction_id=id, customer_id="c-1", points=points, through=through)


def test_points_are_earned() -> None:
    given(POINTS).when(
        EarnPoints, transaction_id="t-1", customer_id="c-1", points=5, reason="order", expires_on="2026-12-31"
    ).then(earned("t-1", 5, DECEMBER))


@pytest.mark.parametrize("points", [0, -1, 1.5, 1_000_000_001])
def test_points_are_whole_and_more_than_none(points: float) -> None:
    for wish in (EarnPoints, RedeemPoints):
        given(POINTS).when(wish, transaction_id="t-1", customer_id="c-1", points=points, reason="?").refused(
            InvalidInput, field="points"
        )


def test_at_most_the_balance_is_redeemed() -> None:
    past = (earned("t-1", 5), earned("t-2", 3), redeemed("t-3", 6))
    asked = {"transaction_id": "t-4", "customer_id": "c-1", "reason": "gift"}
    account = given(POINTS).and_elsewhere(*past)
    account.when(RedeemPoints, **asked, points=2).then(redeemed("t-4", 2))
    refusal = account.when(RedeemPoints, **asked, points=3).refused(PointsInsufficient, field="points")
    assert refusal.message == "Customer c-1 has 2 points."


def test_another_ones_points_do_not_count() -> None:
    others = PointsEarned(transaction_id="t-1", customer_id="c-2", points=5, reason="order")
    given(POINTS).and_elsewhere(others).when(
        RedeemPoints, transaction_id="t-2", customer_id="c-1", points=1, reason="gift"
    ).refused(PointsInsufficient, field="points")


def test_what_expires_first_is_spent_first() -> None:
    past = (earned("t-1", 5), earned("t-2", 4, FEBRUARY), earned("t-3", 3, JANUARY), redeemed("t-4", 5))
    expire = {"transaction_id": "t-5", "customer_id": "c-1"}
    account = given(POINTS).and_elsewhere(*past)
    account.when(ExpirePoints, **expire, through="2026-02-28").then(expired("t-5", 2, FEBRUARY))
    account.when(ExpirePoints, **expire, through="2026-02-27").then()


def test_points_expire_once() -> None:
    past = (earned("t-1", 5, FEBRUARY), earned("t-2", 3), expired("t-3", 5, FEBRUARY))
    account = given(POINTS).and_elsewhere(*past)
    asked = {"transaction_id": "t-4", "customer_id": "c-1"}
    account.when(ExpirePoints, **asked, through="2026-02-28").then()
    account.when(RedeemPoints, **asked, points=4, reason="gift").refused(PointsInsufficient, field="points")


def test_points_that_are_still_good_do_not_expire() -> None:
    given(POINTS).when(ExpirePoints, transaction_id="t-1", customer_id="c-1", through="2026-03-03").refused(
        PointsStillGood, field="through"
    )


def test_a_transaction_is_booked_once() -> None:
    asked = {"transaction_id": "t-1", "customer_id": "c-1"}
    booked = given(POINTS, earned("t-1", 5))
    for wish, fields in (
        (EarnPoints, {"points": 5, "reason": "order"}),
        (RedeemPoints, {"points": 5, "reason": "gift"}),
        (ExpirePoints, {"through": "2026-02-28"}),
    ):
        booked.when(wish, **asked, **fields).refused(PointsAlreadyBooked, field="transaction_id")


def test_who_has_left_earns_and_redeems_nothing_but_the_points_expire() -> None:
    asked = BY | {"transaction_id": "t-1", "customer_id": "c-1"}
    earn = parse(EarnPoints, asked | {"points": 5, "reason": "order"})
    redeem = parse(RedeemPoints, asked | {"points": 5, "reason": "gift"})
    expire = parse(ExpirePoints, asked | {"through": "2026-02-28"})
    registered = CustomerRegistered(customer_id="c-1")
    left = CUSTOMERS.replay([registered, RelationshipEnded(customer_id="c-1", cause=ChurnCause.NATURAL)])
    commands: list[PointsCommand] = [earn, redeem, expire]
    for command in commands:
        require_member(CUSTOMERS.replay([registered]), command)
        with pytest.raises(CustomerUnknown):
            require_member(Customer(), command)
    require_member(left, expire)
    for command in commands[:2]:
        with pytest.raises(CustomerEnded):
            require_member(left, command)


# --- Whatever the sequence ------------------------------------------------------------------------


class PointsStory:
    """The model holds each point on its own: the day on which it expires; the dice choose."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.good: list[date] = []
        self.booked: set[str] = set()
        self.events: list[Event] = []

    def take(self, wish: type[Command], **fields: object) -> list[Event] | None:
        """The events that a command led to; None where it was refused."""
        id = f"t-{self.dice.randrange(60)}"
        command = parse(wish, BY | fields | {"transaction_id": id, "customer_id": "c-1"})
        state = Transaction(transaction_id=id if id in self.booked else None)
        try:
            happened = list(POINTS.decide(state, command, *across(POINTS, state, command, self.events)))
        except DomainError as refusal:
            too_many = isinstance(refusal, PointsInsufficient) and refusal.details["balance"] == len(
                self.good
            )
            assert too_many or id in self.booked
            return None
        assert id not in self.booked
        self.booked |= {id} if happened else set()
        self.events += happened
        return happened

    def earn(self) -> None:
        points = self.dice.randint(1, 9)
        day = self.dice.choice([JANUARY, FEBRUARY, DECEMBER, None])
        if self.take(EarnPoints, points=points, reason="order", expires_on=day and day.isoformat()):
            self.good = sorted([*self.good, *[day or date.max] * points])

    def redeem(self) -> None:
        points = max(1, self.dice.choice([len(self.good), len(self.good) + 1, self.dice.randint(1, 9)]))
        if self.take(RedeemPoints, points=points, reason="gift"):
            assert points <= len(self.good)
            self.good = self.good[points:]

    def expire(self) -> None:
        day = self.dice.choice([JANUARY, FEBRUARY])
        done = self.take(ExpirePoints, through=day.isoformat())
        if done is not None:
            due = sum(last <= day for last in self.good)
            assert sum(e.points for e in done if isinstance(e, PointsExpired)) == due
            self.good = self.good[due:]

    def check_balance(self) -> None:
        assert POINTS.boundary
        account = POINTS.boundary.replay(self.events)
        assert account.balance == len(self.good)
        assert all(lot.points > 0 for lot in account.lots)
        assert [lot.order for lot in account.lots] == sorted(set(self.good))


def test_points_keep_their_books() -> None:
    for seed in range(100):
        points = PointsStory(seed)
        for _ in range(40):
            points.dice.choices([points.earn, points.redeem, points.expire], weights=[5, 6, 1])[0]()
            points.check_balance()
