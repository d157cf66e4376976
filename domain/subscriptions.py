"""Which contracts run until a day (到期提醒), are renewed or ended."""

from __future__ import annotations

from datetime import date

from domain.commands import Command, Id, Name, Text
from domain.course import Move, course
from domain.customers import require_served
from domain.events import Event, Personal, event


@event("SubscriptionStarted")
class SubscriptionStarted(Event):
    subscription_id: str
    customer_id: str
    product: str
    ends_on: date


@event("SubscriptionRenewed")
class SubscriptionRenewed(Event):
    subscription_id: str
    ends_on: date


@event("SubscriptionCancelled")
class SubscriptionCancelled(Event):
    subscription_id: str
    reason: Personal[str]


class StartSubscription(Command):
    """Note a subscription: a contract that runs until a day (到期提醒)."""

    subscription_id: Id
    """Which subscription; chosen by whoever starts it."""
    customer_id: Id
    product: Name
    """For what."""
    ends_on: date
    """The last day, unless it is renewed."""


class RenewSubscription(Command):
    """Let it run on until another day."""

    subscription_id: Id
    """Which subscription."""
    ends_on: date
    """The new last day."""


class CancelSubscription(Command):
    """End it before its last day, or keep it from being renewed."""

    subscription_id: Id
    """Which subscription."""
    reason: Text


SUBSCRIPTIONS = course(
    "subscription",
    "subscription_id",
    Move(command=StartSubscription, event=SubscriptionStarted, to="running"),
    Move(command=RenewSubscription, event=SubscriptionRenewed, to="running", after=("running",)),
    Move(command=CancelSubscription, event=SubscriptionCancelled, to="cancelled", after=("running",)),
    guard=require_served,
)
