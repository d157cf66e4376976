"""Who borrows a customer's file, what for, and until when (借阅): reading beyond one's own needs a loan."""

from __future__ import annotations

from datetime import date

from domain.calendar import earliest_day
from domain.commands import Command, Id, Name, Text
from domain.course import Matter, Move, course
from domain.customers import require_served
from domain.errors import DomainError
from domain.events import Event, Personal, event


@event("FileLent")
class FileLent(Event):
    loan_id: str
    customer_id: str
    borrower: str
    purpose: str
    due_on: date


@event("FileReturned")
class FileReturned(Event):
    loan_id: str
    note: Personal[str | None] = None


class LendFile(Command):
    """Lend a file to who reads beyond their own customers (借阅), for a purpose and until a day."""

    loan_id: Id
    """Which loan; chosen by whoever lends."""
    customer_id: Id
    borrower: Name
    """Who may read it meanwhile."""
    purpose: Name
    """What for."""
    due_on: date
    """The last day of the loan."""


class ReturnFile(Command):
    """Take a lent file back."""

    loan_id: Id
    """Which loan."""
    note: Text | None = None


class LoanDueInThePast(DomainError):
    """A loan made on {today} cannot end on {due_on}."""

    field = "due_on"


def _require_future(state: Matter, command: LendFile) -> None:
    if command.due_on < (today := earliest_day(command.occurred_at)):
        raise LoanDueInThePast(today=today, due_on=command.due_on)


LOANS = course(
    "file_loan",
    "loan_id",
    Move(command=LendFile, event=FileLent, to="lent", check=_require_future),
    Move(command=ReturnFile, event=FileReturned, to="returned", after=("lent",)),
    guard=require_served,
)
