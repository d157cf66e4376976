"""Who read what about a customer, when, and by which right (阅读记录)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Self

from domain.events import Recorded
from domain.reads import Ground, PersonalDataRead
from domain.roles import Role
from projections.view import CustomerId, View, on, ref, view


@view("personal_data_reads", key="customer_id position", indexes=["reader read_at", "loan_id"])
class CustomerRead(View):
    """That somebody has seen personal data of a customer: the first time on a business day."""

    customer_id: CustomerId
    """Whose data."""
    position: int
    """Of the event in the log."""
    reader: str
    """Who read it."""
    role: Role
    """The reader's role."""
    day: date
    """The business day."""
    what: str
    """The view or the report that was read; `events` is the log itself."""
    fields: tuple[str, ...]
    """Which personal fields of it; none: all."""
    ground: Ground
    """By which right."""
    loan_id: Annotated[str | None, ref("file_loans")] = None
    """By which loan."""
    read_at: datetime
    """When, for the first time on that day."""

    @on(PersonalDataRead)
    def read(self, recorded: Recorded[PersonalDataRead]) -> Self:
        e = recorded.event
        return self.but(
            reader=recorded.actor,
            role=e.role,
            day=e.day,
            what=e.what,
            fields=e.fields,
            ground=e.ground,
            loan_id=e.loan_id,
            read_at=recorded.occurred_at,
        )


def _about_many(recorded: Recorded[Any]) -> Iterable[tuple[Any, ...]]:
    return [(recorded.position,)] if recorded.event.customer_id is None else []


@view("bulk_reads", key="position", indexes=["reader read_at"])
class BulkRead(View):
    """That somebody has seen personal data of many customers at once: in a report, a group, an export."""

    position: int
    """Of the event in the log."""
    reader: str
    """Who read it."""
    role: Role
    """The reader's role."""
    day: date
    """The business day."""
    what: str
    """The view or the report that was read; `events` is the log itself."""
    fields: tuple[str, ...]
    """Which personal fields of it; none: all."""
    read_at: datetime
    """When, for the first time on that day."""

    @on(PersonalDataRead, keys=_about_many)
    def read(self, recorded: Recorded[PersonalDataRead]) -> Self:
        e = recorded.event
        return self.but(
            reader=recorded.actor,
            role=e.role,
            day=e.day,
            what=e.what,
            fields=e.fields,
            read_at=recorded.occurred_at,
        )
