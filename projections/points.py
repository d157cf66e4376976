"""How many points each customer has, and the ledger that says why."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from domain.events import Personal, Recorded
from domain.points import PointsEarned, PointsExpired, PointsRedeemed
from projections.view import CustomerId, View, on, ref, view


class PointsMovement(StrEnum):
    """What happened to the points."""

    EARNED = "earned"
    REDEEMED = "redeemed"
    EXPIRED = "expired"


@view("points_accounts", key="customer_id", indexes=["balance"])
class PointsAccount(View):
    """One customer's points (积分会员): those earned, less those redeemed and expired."""

    customer_id: CustomerId
    """Whose points they are."""
    balance: int = 0
    """Points that can be redeemed; never below zero."""
    earned: int = 0
    """Points earned since the beginning."""
    redeemed: int = 0
    """Points spent since the beginning."""
    expired: int = 0
    """Points that were struck out unspent."""

    @on(PointsEarned)
    def credited(self, recorded: Recorded[PointsEarned]) -> Self:
        points = recorded.event.points
        return self.but(balance=self.balance + points, earned=self.earned + points)

    @on(PointsRedeemed)
    def spent(self, recorded: Recorded[PointsRedeemed]) -> Self:
        points = recorded.event.points
        return self.but(balance=self.balance - points, redeemed=self.redeemed + points)

    @on(PointsExpired)
    def struck_out(self, recorded: Recorded[PointsExpired]) -> Self:
        points = recorded.event.points
        return self.but(balance=self.balance - points, expired=self.expired + points)


@view("points_transactions", key="transaction_id", indexes=["customer_id occurred_at"])
class PointsTransaction(View):
    """One line of the ledger: points earned, redeemed or expired."""

    transaction_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Whose points they are."""
    occurred_at: datetime
    """When it happened."""
    movement: PointsMovement
    """What happened to the points."""
    points: int
    """How many; always more than none."""
    reason: Personal[str | None] = None
    """Why they were earned or redeemed."""
    order_id: Annotated[str | None, ref("orders")] = None
    """The order that they were earned with or spent on."""
    expires_on: date | None = None
    """The last day on which earned points are good; never, where it is left out."""
    through: date | None = None
    """The last day on which the expired points were good."""

    @on(PointsEarned)
    def earned(self, recorded: Recorded[PointsEarned]) -> Self:
        e = recorded.event
        booked = self._booked(recorded, PointsMovement.EARNED)
        return booked.but(reason=e.reason, order_id=e.order_id, expires_on=e.expires_on)

    @on(PointsRedeemed)
    def redeemed(self, recorded: Recorded[PointsRedeemed]) -> Self:
        e = recorded.event
        return self._booked(recorded, PointsMovement.REDEEMED).but(reason=e.reason, order_id=e.order_id)

    @on(PointsExpired)
    def expired(self, recorded: Recorded[PointsExpired]) -> Self:
        return self._booked(recorded, PointsMovement.EXPIRED).but(through=recorded.event.through)

    def _booked(
        self,
        recorded: Recorded[PointsEarned] | Recorded[PointsRedeemed] | Recorded[PointsExpired],
        movement: PointsMovement,
    ) -> Self:
        return self.but(
            customer_id=recorded.event.customer_id,
            occurred_at=recorded.occurred_at,
            movement=movement,
            points=recorded.event.points,
        )
