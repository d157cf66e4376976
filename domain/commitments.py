"""What was promised to a customer and by when: the standard, our own promise, and whether it was kept."""

from __future__ import annotations

from datetime import datetime

from domain.commands import Command, Id, Moment, Name, Text
from domain.course import Matter, Move, course
from domain.customers import require_served
from domain.errors import DomainError
from domain.events import Event, Personal, event


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
    """Promise something by a moment (标准与承诺): the standard says the latest, we may be earlier."""

    commitment_id: Id
    """Which commitment; chosen by whoever makes it."""
    customer_id: Id
    kind: Name
    """What is promised, such as `install`, `repair` or `change`."""
    standard_due_at: Moment
    """By when the standard demands it: to install takes 20 days at most, to repair 72 hours, to change 24."""
    promised_at: Moment
    """By when we promise it: not later than the standard."""
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


def _require_within_the_standard(state: Matter, command: MakeCommitment) -> None:
    if command.promised_at > command.standard_due_at:
        raise PromisedBeyondTheStandard(standard=command.standard_due_at.isoformat())


COMMITMENTS = course(
    "commitment",
    "commitment_id",
    Move(command=MakeCommitment, event=CommitmentMade, to="made", check=_require_within_the_standard),
    Move(command=KeepCommitment, event=CommitmentKept, to="kept", after=("made",)),
    Move(command=MissCommitment, event=CommitmentMissed, to="missed", after=("made",)),
    guard=require_served,
)
