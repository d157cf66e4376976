"""What was promised to a customer and by when: the standard, our own promise, and whether it was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.commands import Command, Id, Moment, Name, Text
from domain.course import Matter, Move, course
from domain.customers import require_served
from domain.decider import Boundary
from domain.errors import DomainError
from domain.events import POLICY_TAG, Event, Personal, event
from domain.policies import Policies, evolve


@event("CommitmentMade")
class CommitmentMade(Event):
    commitment_id: str
    customer_id: str
    kind: str
    standard_due_at: datetime
    promised_at: datetime
    note: Personal[str | None] = None


@event("CommitmentKept")
class CommitmentKept(Event):
    commitment_id: str


@event("CommitmentMissed")
class CommitmentMissed(Event):
    commitment_id: str
    reason: Personal[str]


class MakeCommitment(Command):
    """Promise something by a moment (标准与承诺): the standard says the latest, we may be earlier.

    Which standard holds, says the day on which the promise is made.
    """

    commitment_id: Id
    """Which commitment; chosen by whoever makes it."""
    customer_id: Id
    kind: Name
    """What is promised, such as `install`, `repair` or `change`."""
    promised_at: Moment
    """By when we promise it: not before the promise is made, and not later than the standard."""
    note: Text | None = None
    """What exactly was promised."""


class KeepCommitment(Command):
    """Note that the promised thing was done."""

    commitment_id: Id
    """Which commitment."""


class MissCommitment(Command):
    """Note that it will not be done, and why; that it is overdue, the log knows by itself."""

    commitment_id: Id
    """Which commitment."""
    reason: Text


class PromisedBeyondTheStandard(DomainError):
    """A promise must not be later than the standard allows: {standard}."""

    field = "promised_at"


class PromisedForThePast(DomainError):
    """A promise must not be due before it is made: {made_at}."""

    field = "promised_at"


def _still_to_come(state: Matter, command: MakeCommitment) -> None:
    if command.promised_at < command.occurred_at:
        raise PromisedForThePast(made_at=command.occurred_at.isoformat())


def _judged(state: Matter, command: Command) -> Sequence[str]:
    """Only who makes a promise is held to the standard."""
    return (POLICY_TAG,) if isinstance(command, MakeCommitment) else ()


def _by_the_standard(command: MakeCommitment, across: Mapping[str, Policies]) -> Mapping[str, object]:
    """What the standard in force on that day demands. Raises `PromisedBeyondTheStandard`."""
    policies, made_at = across[POLICY_TAG], command.occurred_at
    due_at = policies.promise_standard(policies.business_day(made_at)).due_at(command.kind, made_at)
    if command.promised_at > due_at:
        raise PromisedBeyondTheStandard(standard=due_at.isoformat())
    return {"standard_due_at": due_at}


COMMITMENTS = course(
    "commitment",
    "commitment_id",
    Move(
        command=MakeCommitment,
        event=CommitmentMade,
        to="made",
        check=_still_to_come,
        adds=_by_the_standard,
    ),
    Move(command=KeepCommitment, event=CommitmentKept, to="kept", after=("made",)),
    Move(command=MissCommitment, event=CommitmentMissed, to="missed", after=("made",)),
    guard=require_served,
    boundary=Boundary(initial=Policies(), evolve=evolve, tags=_judged, foreign=True),
)
