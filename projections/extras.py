"""Fields that the tenant added to the customer file (附加信息), and their values."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from domain.events import Personal, Recorded
from domain.extras import ExtraFieldDefined, ExtraFieldSet, ExtraKind
from projections.view import CustomerId, View, on, view


@view("extra_fields", key="field")
class ExtraField(View):
    """A field that the tenant added to the customer file (附加信息)."""

    field: str
    """Its name."""
    kind: ExtraKind
    """What it holds."""
    label: str
    """What people call it."""

    @on(ExtraFieldDefined)
    def defined(self, recorded: Recorded[ExtraFieldDefined]) -> Self:
        return self.but(kind=recorded.event.kind, label=recorded.event.label)


@view("customer_extras", key="customer_id field")
class CustomerExtra(View):
    """A customer's value in an extra field (附加信息)."""

    customer_id: CustomerId
    """Whose file."""
    field: str
    """Which field."""
    value: Personal[str | None] = None
    """The value, as text."""
    set_at: datetime
    """When it was set."""

    @on(ExtraFieldSet)
    def valued(self, recorded: Recorded[ExtraFieldSet]) -> Self:
        return self.but(value=recorded.event.value, set_at=recorded.occurred_at)
