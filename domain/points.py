"""Which points a customer earned, redeemed and let expire; the balance never falls below zero (积分)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, assert_never, get_args

import msgspec

from domain.commands import Command, Id, Named, Text
from domain.customers import Customer, require_live, require_registered
from domain.decider import Boundary, Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.records import Record

Points = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
"""How many points change hands: more than none."""


def points_tag(customer_id: str) -> str:
    """All events of one customer's points bear it."""
    return f"points:{customer_id}"


# --- Events: the stored names are a contract ------------------------------------------------------


class _PointsMoved(Event):
    transaction_id: str
    customer_id: str
    points: int

    @property
    def tags(self) -> tuple[str, ...]:
        return (points_tag(self.customer_id),)


@event("PointsEarned")
class PointsEarned(_PointsMoved):
    reason: Personal[str]
    order_id: str | None = None
    expires_on: date | None = None


@event("PointsRedeemed")
class PointsRedeemed(_PointsMoved):
    reason: Personal[str]
    order_id: str | None = None


@event("PointsExpired")
class PointsExpired(_PointsMoved):
    through: date


PointsEvent = PointsEarned | PointsRedeemed | PointsExpired


# --- State: the transaction, and across all of a customer's transactions the account -------------


class Transaction(Record):
    """One movement of points, booked once."""

    transaction_id: str | None = None
    customer_id: str | None = None


class Lot(Record):
    """Points that are good through the same day; None: for ever."""

    expires_on: date | None
    points: int

    @property
    def order(self) -> date:
        return self.expires_on or date.max


class Account(Record):
    """A customer's points, those that expire first in front."""

    lots: tuple[Lot, ...] = ()

    @property
    def balance(self) -> int:
        return sum(lot.points for lot in self.lots)

    def due(self, through: date) -> int:
        """The points that expire on that day or before."""
        return sum(lot.points for lot in self.lots if lot.order <= through)


def evolve(state: Transaction, happened: PointsEvent) -> Transaction:
    return Transaction(transaction_id=happened.transaction_id, customer_id=happened.customer_id)


def evolve_account(account: Account, happened: PointsEvent) -> Account:
    match happened:
        case PointsEarned(points=points, expires_on=expires_on):
            return Account(lots=_with(account.lots, Lot(expires_on=expires_on, points=points)))
        case PointsRedeemed(points=points):
            return Account(lots=_without(account.lots, points))
        case PointsExpired(through=through):
            return Account(lots=tuple(lot for lot in account.lots if lot.order > through))
        case _:
            assert_never(happened)


def _with(lots: tuple[Lot, ...], new: Lot) -> tuple[Lot, ...]:
    same = sum(lot.points for lot in lots if lot.expires_on == new.expires_on)
    others = [lot for lot in lots if lot.expires_on != new.expires_on]
    merged = Lot(expires_on=new.expires_on, points=new.points + same)
    return tuple(sorted((*others, merged), key=lambda lot: lot.order))


def _without(lots: tuple[Lot, ...], points: int) -> tuple[Lot, ...]:
    """What is left when those that expire first are spent first."""
    left = []
    for lot in lots:
        spent = min(points, lot.points)
        points -= spent
        if lot.points > spent:
            left.append(Lot(expires_on=lot.expires_on, points=lot.points - spent))
    return tuple(left)


# --- Commands -------------------------------------------------------------------------------------


class EarnPoints(Command):
    """Credit points to the customer (积分会员)."""

    names = (Named(field="order_id", noun="order", theirs=True),)
    transaction_id: Id
    customer_id: Id
    points: Points
    reason: Text
    order_id: Id | None = None
    """The order that they were earned with."""
    expires_on: date | None = None


class RedeemPoints(Command):
    """Let the customer spend points, at most the balance; those that expire first are spent first."""

    names = (Named(field="order_id", noun="order", theirs=True),)
    transaction_id: Id
    customer_id: Id
    points: Points
    reason: Text
    order_id: Id | None = None
    """The order that they were spent on."""


class ExpirePoints(Command):
    """Strike out what is left of the points that were good through a day or shorter; nothing, if none is."""

    transaction_id: Id
    customer_id: Id
    through: date


PointsCommand = EarnPoints | RedeemPoints | ExpirePoints


# --- Rules ----------------------------------------------------------------------------------------


class PointsError(DomainError):
    """Transaction {transaction_id} of points does not allow this."""

    field = "transaction_id"


class PointsAlreadyBooked(PointsError):
    """Transaction {transaction_id} was booked before; choose another id for a new one."""


class PointsInsufficient(PointsError):
    """Customer {customer_id} has {balance} points."""

    field = "points"


class PointsStillGood(PointsError):
    """Points that are good through {through} have not expired yet."""

    field = "through"


def require_member(customer: Customer, command: PointsCommand) -> None:
    """The points of one who has left expire, but none are earned or redeemed."""
    if isinstance(command, ExpirePoints):
        require_registered(customer, command)
    else:
        require_live(customer, command)


def require_new(state: Transaction, command: PointsCommand) -> None:
    if state.transaction_id is not None:
        raise PointsAlreadyBooked(transaction_id=command.transaction_id)


def require_balance(account: Account, command: RedeemPoints) -> None:
    if command.points > account.balance:
        raise PointsInsufficient(customer_id=command.customer_id, balance=account.balance)


def require_past(command: ExpirePoints) -> None:
    if command.through > command.occurred_at.date():
        raise PointsStillGood(through=command.through)


# --- Decisions ------------------------------------------------------------------------------------


def decide(
    state: Transaction, command: PointsCommand, accounts: Mapping[str, Account]
) -> Sequence[PointsEvent]:
    require_new(state, command)
    match command:
        case EarnPoints():
            return [carry(PointsEarned, command)]
        case RedeemPoints(customer_id=customer_id):
            require_balance(accounts[points_tag(customer_id)], command)
            return [carry(PointsRedeemed, command)]
        case ExpirePoints(customer_id=customer_id, through=through):
            require_past(command)
            due = accounts[points_tag(customer_id)].due(through)
            return [carry(PointsExpired, command, points=due)] if due else []
        case _:
            assert_never(command)


def _accounts(state: Transaction, command: PointsCommand) -> Sequence[str]:
    """Earning depends on no balance, so nobody has to wait for it."""
    return () if isinstance(command, EarnPoints) else (points_tag(command.customer_id),)


POINTS = Decider(
    name="points",
    id_field="transaction_id",
    initial=Transaction(),
    evolve=evolve,
    decide=decide,
    commands=get_args(PointsCommand),
    begins=get_args(PointsCommand),
    guard=require_member,
    boundary=Boundary(initial=Account(), evolve=evolve_account, tags=_accounts),
)
