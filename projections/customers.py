"""The customer file: who somebody is, how to reach them, and what stands between us, from every channel."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from domain.complaints import ComplaintClosed, ComplaintReceived, ComplaintReopened
from domain.contacts import normalised_contact
from domain.customers import (
    ChurnCause,
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
from domain.erasure import PersonalDataErased
from domain.events import Personal, Recorded
from domain.interactions import InteractionRecorded
from domain.orders import OrderPlaced
from domain.restrictions import OverrideApproved, RestrictionLifted, RestrictionPlaced
from projections.view import CustomerId, View, on, view


@view("customers", key="customer_id", indexes=["registered_at", "last_order_at", "owner", "name"])
class Customer(View):
    """A customer's file: the profile, the owner, and what happened between us, counted."""

    customer_id: str
    """The id that clients chose for the file."""
    name: Personal[str | None] = None
    """The person's or the firm's name."""
    relation: Relation
    """What the customer is to us (客户分类)."""
    region: str | None = None
    """Where the customer is at home."""
    language: str | None = None
    """Which one to speak and write with the customer."""
    birthday: Personal[date | None] = None
    """A person's day of birth."""
    owner: str | None = None
    """The account manager: who looks after the customer (客户经理制)."""
    live: bool = True
    """False once the relationship has ended."""
    ended_at: datetime | None = None
    """When the relationship ended, where it has."""
    erased_at: datetime | None = None
    """When what is personal in the file was erased (删除个人信息), where it was."""
    churn_cause: ChurnCause | None = None
    """Why the customer left, where they have (流失类型)."""
    restricted: bool = False
    """On the blacklist (黑名单): commands for the customer are refused."""
    restriction_reason: Personal[str | None] = None
    """Why."""
    served_through: date | None = None
    """The last day on which a supervisor lets the customer be served all the same (停机例外开通)."""
    override_asked_by: str | None = None
    """Who asked for that exception."""
    override_approved_by: str | None = None
    """The supervisor who approved it."""
    credit_record: str | None = None
    """What spoke for the customer."""
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
        return self.but(live=False, ended_at=recorded.occurred_at, churn_cause=recorded.event.cause)

    @on(PersonalDataErased)
    def erased(self, recorded: Recorded[PersonalDataErased]) -> Self:
        return self.but(live=False, erased_at=recorded.occurred_at)

    @on(CustomerWonBack)
    def won_back(self, recorded: Recorded[CustomerWonBack]) -> Self:
        return self.but(live=True, ended_at=None, churn_cause=None)

    @on(RestrictionPlaced)
    def restrict(self, recorded: Recorded[RestrictionPlaced]) -> Self:
        return self.but(restricted=True, restriction_reason=recorded.event.reason)

    @on(RestrictionLifted)
    def relieved(self, recorded: Recorded[RestrictionLifted]) -> Self:
        return self.but(
            restricted=False,
            restriction_reason=None,
            served_through=None,
            override_asked_by=None,
            override_approved_by=None,
            credit_record=None,
        )

    @on(OverrideApproved)
    def excepted(self, recorded: Recorded[OverrideApproved]) -> Self:
        e = recorded.event
        return self.but(
            served_through=e.good_through,
            override_asked_by=e.asked_by,
            override_approved_by=recorded.actor,
            credit_record=e.credit_record,
        )

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


@view("contact_points", key="customer_id kind value", indexes=["value", "normalised"])
class ContactPoint(View):
    """One way to reach a customer; by `normalised` a caller's number finds them (screen-pop, 来电弹屏)."""

    customer_id: CustomerId
    """Whom it reaches."""
    kind: ContactKind
    """By which means."""
    value: Personal[str]
    """The number, address or handle."""
    label: str | None = None
    """What the customer calls it: home, work, …"""
    normalised: Personal[str]
    """The form in which it is found: a phone number as E.164, an address in lower case."""
    added_at: datetime
    """When it was noted."""

    @on(ContactPointAdded)
    def added(self, recorded: Recorded[ContactPointAdded]) -> Self:
        e = recorded.event
        return self.but(
            label=e.label, normalised=normalised_contact(e.kind, e.value), added_at=recorded.occurred_at
        )

    @on(ContactPointRemoved)
    def removed(self, recorded: Recorded[ContactPointRemoved]) -> None:
        return None
