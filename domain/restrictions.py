"""When a customer is not served (黑名单), and which exceptions a supervisor granted (停机例外开通)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import assert_never

import msgspec

from domain.calendar import earliest_day
from domain.commands import Command, Id, Name, Text
from domain.decider import carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.records import Record

# --- Events: the stored names are a contract ------------------------------------------------------


@event("RestrictionPlaced")
class RestrictionPlaced(Event):
    customer_id: str
    reason: Personal[str]


@event("RestrictionLifted")
class RestrictionLifted(Event):
    customer_id: str
    reason: Personal[str]


@event("OverrideApproved")
class OverrideApproved(Event):
    """A supervisor lets a restricted customer be served through a day, on the strength of a credit record."""

    customer_id: str
    asked_by: str
    credit_record: str
    good_through: date


RestrictionEvent = RestrictionPlaced | RestrictionLifted | OverrideApproved


# --- State ----------------------------------------------------------------------------------------


class Standing(Record):
    """Whether a customer is restricted, why, and through which day an exception holds."""

    reason: str | None = None
    good_through: date | None = None

    def refuses(self, at: datetime) -> bool:
        """Whether commands are refused at that moment."""
        excepted = self.good_through is not None and earliest_day(at) <= self.good_through
        return self.reason is not None and not excepted


def evolve(state: Standing, happened: RestrictionEvent) -> Standing:
    match happened:
        case RestrictionPlaced(reason=reason):
            return Standing(reason=reason)
        case RestrictionLifted():
            return Standing()
        case OverrideApproved(good_through=day):
            return msgspec.structs.replace(state, good_through=day)
        case _:
            assert_never(happened)


# --- Commands -------------------------------------------------------------------------------------


class RestrictCustomer(Command):
    """Put a customer on the blacklist (黑名单): commands for them are refused now, with this reason."""

    customer_id: Id
    reason: Text


class LiftRestriction(Command):
    """Take a customer off the blacklist."""

    customer_id: Id
    reason: Text


class ApproveOverride(Command):
    """Let a restricted customer be served through a day (停机例外开通); the actor approves, a supervisor."""

    customer_id: Id
    asked_by: Name
    """Who asked for the exception: somebody else than the one who approves it."""
    credit_record: Name
    """What speaks for the customer: the record that was looked at."""
    good_through: date
    """The last day on which the customer is served."""


RestrictionCommand = RestrictCustomer | LiftRestriction | ApproveOverride


# --- Rules ----------------------------------------------------------------------------------------


class RestrictionError(DomainError):
    """Customer {customer_id} does not allow this."""

    field = "customer_id"


class CustomerRestricted(RestrictionError):
    """Customer {customer_id} is on the blacklist: {reason}"""


class CustomerNotRestricted(RestrictionError):
    """Customer {customer_id} is not on the blacklist."""


class OwnRequestApproved(RestrictionError):
    """{actor} cannot approve their own request: a supervisor must."""

    field = "asked_by"


# --- Decisions ------------------------------------------------------------------------------------


def require_unrestricted(state: Standing, command: Command, customer_id: str | None) -> None:
    if state.refuses(command.occurred_at):
        raise CustomerRestricted(customer_id=customer_id, reason=state.reason)


def decide(state: Standing, command: RestrictionCommand) -> Sequence[RestrictionEvent]:
    match command:
        case RestrictCustomer():
            return [carry(RestrictionPlaced, command)] if state.reason is None else []
        case LiftRestriction():
            require_restricted(state, command)
            return [carry(RestrictionLifted, command)]
        case ApproveOverride(actor=actor, asked_by=asked_by):
            require_restricted(state, command)
            if actor == asked_by:
                raise OwnRequestApproved(actor=actor)
            return [carry(OverrideApproved, command)]
        case _:
            assert_never(command)


def require_restricted(state: Standing, command: RestrictionCommand) -> None:
    if state.reason is None:
        raise CustomerNotRestricted(customer_id=command.customer_id)
