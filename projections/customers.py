"""The customer file: who somebody is, how to reach them, and what stands between us, from every channel."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from domain.complaints import ComplaintClosed, ComplaintReceived, ComplaintReopened
from domain.customers import (
    ContactKind,
    ContactPointAdded,
    ContactPointRemoved,
    CustomerRegistered,
    CustomerWonBack,
    OwnerAssigned,
    ProfileChanged,
    Relation,
    RelationshipEnded,
)
from domain.events import Personal, Recorded
from domain.interactions import InteractionRecorded
from domain.orders import OrderPlaced
from projections.view import CustomerId, View, on, view


@view("customers", key="customer_id", indexes=["registered_at", "last_order_at", "owner", "name"])
class Customer(View):
    """A customer's file: the profile, the owner, and what happened between us, counted."""

    customer_id: str
    """The id that clients chose for the file."""
    name: Personal[str | None] = None
    """The person's or the firm's name."""
    relation: Relation
    """What the customer is to us."""
    region: str | None = None
    """Where the customer is at home."""
    language: str | None = None
    """Which one to speak and write with the customer."""
    birthday: Personal[date | None] = None
    """A person's day of birth."""
    owner: str | None = None
    """Who looks after the customer."""
    live: bool = True
    """False once the relationship has ended."""
    registered_at: datetime
    """When the file was opened."""
    contact_count: int = 0
    """Interactions, on all channels."""
    last_contact_at: datetime | None = None
    """When the latest interaction took place."""
    order_count: int = 0
    """Orders placed, cancelled ones included."""
    last_order_at: datetime | None = None
    """When the latest order was placed."""
    complaint_count: int = 0
    """Complaints received."""
    open_complaint_count: int = 0
    """Complaints that are not closed."""

    @on(CustomerRegistered)
    def registered(self, recorded: Recorded[CustomerRegistered]) -> Self:
        e = recorded.event
        return self.but(
            name=e.name,
            relation=e.relation,
            region=e.region,
            language=e.language,
            birthday=e.birthday,
            registered_at=recorded.occurred_at,
        )

    @on(ProfileChanged)
    def changed(self, recorded: Recorded[ProfileChanged]) -> Self:
        e = recorded.event
        return self.but(
            name=e.name or self.name,
            relation=e.relation or self.relation,
            region=e.region or self.region,
            language=e.language or self.language,
            birthday=e.birthday or self.birthday,
        )

    @on(OwnerAssigned)
    def assigned(self, recorded: Recorded[OwnerAssigned]) -> Self:
        return self.but(owner=recorded.event.owner)

    @on(RelationshipEnded)
    def ended(self, recorded: Recorded[RelationshipEnded]) -> Self:
        return self.but(live=False)

    @on(CustomerWonBack)
    def won_back(self, recorded: Recorded[CustomerWonBack]) -> Self:
        return self.but(live=True)

    @on(InteractionRecorded)
    def contacted(self, recorded: Recorded[InteractionRecorded]) -> Self:
        return self.but(
            contact_count=self.contact_count + 1, last_contact_at=_later(self.last_contact_at, recorded)
        )

    @on(OrderPlaced)
    def ordered(self, recorded: Recorded[OrderPlaced]) -> Self:
        return self.but(order_count=self.order_count + 1, last_order_at=_later(self.last_order_at, recorded))

    @on(ComplaintReceived)
    def complained(self, recorded: Recorded[ComplaintReceived]) -> Self:
        return self.but(
            complaint_count=self.complaint_count + 1, open_complaint_count=self.open_complaint_count + 1
        )

    @on(ComplaintClosed)
    def settled(self, recorded: Recorded[ComplaintClosed]) -> Self:
        return self.but(open_complaint_count=self.open_complaint_count - 1)

    @on(ComplaintReopened)
    def reopened(self, recorded: Recorded[ComplaintReopened]) -> Self:
        return self.but(open_complaint_count=self.open_complaint_count + 1)


def _later(
    known: datetime | None, recorded: Recorded[InteractionRecorded] | Recorded[OrderPlaced]
) -> datetime:
    return max(known, recorded.occurred_at) if known else recorded.occurred_at


@view("contact_points", key="customer_id kind value", indexes=["value"])
class ContactPoint(View):
    """One way to reach a customer."""

    customer_id: CustomerId
    """Whom it reaches."""
    kind: ContactKind
    """By which means."""
    value: Personal[str]
    """The number, address or handle."""
    label: str | None = None
    """What the customer calls it: home, work, …"""
    added_at: datetime
    """When it was noted."""

    @on(ContactPointAdded)
    def added(self, recorded: Recorded[ContactPointAdded]) -> Self:
        return self.but(label=recorded.event.label, added_at=recorded.occurred_at)

    @on(ContactPointRemoved)
    def removed(self, recorded: Recorded[ContactPointRemoved]) -> None:
        return None
