"""Who read what about a customer, when, and by which right (阅读记录)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Self

from domain.events import Recorded
from domain.reads import Ground, PersonalDataRead
from domain.roles import Role
from projections.view import CustomerId, View, on, ref, view


class _Read(View):
    """That somebody has seen personal data."""

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

    def told(self, recorded: Recorded[PersonalDataRead], **more: Any) -> Self:
        """What the event says of every read, and more."""
        e = recorded.event
        return self.but(
            reader=recorded.actor,
            role=e.role,
            day=e.day,
            what=e.what,
            fields=e.fields,
            read_at=recorded.occurred_at,
            **more,
        )


@view("personal_data_reads", key="customer_id position", indexes=["reader read_at", "loan_id"])
class CustomerRead(_Read):
    """That somebody has seen personal data of a customer: the first time on a business day."""

    customer_id: CustomerId
    """Whose data."""
    ground: Ground
    """By which right."""
    loan_id: Annotated[str | None, ref("file_loans")] = None
    """By which loan."""

    @on(PersonalDataRead)
    def read(self, recorded: Recorded[PersonalDataRead]) -> Self:
        return self.told(recorded, ground=recorded.event.ground, loan_id=recorded.event.loan_id)


def _about_many(recorded: Recorded[Any]) -> Iterable[tuple[Any, ...]]:
    return [(recorded.position,)] if recorded.event.customer_id is None else []


@view("bulk_reads", key="position", indexes=["reader read_at"])
class BulkRead(_Read):
    """That somebody has seen personal data of many customers at once: in a report, a group, an export."""

    @on(PersonalDataRead, keys=_about_many)
    def read(self, recorded: Recorded[PersonalDataRead]) -> Self:
        return self.told(recorded)
