"""Who has borrowed which customer's file (借阅)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from domain.calendar import DayEnded
from domain.events import Recorded
from domain.loans import FileLent, FileReturned
from projections.view import CustomerId, View, on, view


@view("file_loans", key="loan_id", indexes=["borrower running"])
class FileLoan(View):
    """One loan of a customer's file (借阅): while it runs, the borrower may read the file."""

    loan_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Whose file."""
    borrower: str
    """Who reads it meanwhile."""
    purpose: str
    """What for."""
    due_on: date
    """The last day."""
    lent_by: str
    """Who lent it."""
    lent_at: datetime
    """When."""
    returned_at: datetime | None = None
    """When it came back."""
    running: bool = True
    """It was not returned, and its last day has not ended."""
    overdue: bool = False
    """Its last day ended before it was returned."""

    @on(FileLent)
    def lent(self, recorded: Recorded[FileLent]) -> Self:
        e = recorded.event
        return self.but(
            customer_id=e.customer_id,
            borrower=e.borrower,
            purpose=e.purpose,
            due_on=e.due_on,
            lent_by=recorded.actor,
            lent_at=recorded.occurred_at,
        )

    @on(FileReturned)
    def returned(self, recorded: Recorded[FileReturned]) -> Self:
        return self.but(returned_at=recorded.occurred_at, running=False)

    @on(DayEnded, rows={"running": True})
    def day_ended(self, recorded: Recorded[DayEnded]) -> Self:
        over = self.due_on <= recorded.event.day
        return self.but(running=not over, overdue=over)
