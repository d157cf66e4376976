"""What stands in the customer file besides the profile: roles, classes, entries, consents, terms."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Self, TypeVar

from domain.customers import (
    PROFILE,
    ChurnCause,
    CustomerRegistered,
    OwnerAssigned,
    ProfileChanged,
    RelationshipEnded,
)
from domain.events import Personal, Recorded
from domain.files import (
    AccountReviewed,
    Basis,
    CareGiven,
    ConsentGiven,
    ConsentWithdrawn,
    CustomerClassified,
    CustomerTold,
    EntryKind,
    FileEntryRecorded,
    FileEntryStruck,
    FileRole,
    FileRoleAssigned,
    Importance,
    ImportanceOverridden,
    Layer,
    MarketingClass,
    PriceAgreed,
    ProfileConfirmed,
    ShareOfCustomerStated,
    ValueStyle,
    WinBackOffered,
)
from projections.reckoning import DAYS, TODAY, day_of, service
from projections.view import CustomerId, View, on, report, view


def _creator(recorded: Recorded[Any]) -> list[tuple[str, FileRole]]:
    return [(recorded.event.customer_id, FileRole.CREATOR)]


@view("file_roles", key="customer_id role", indexes=["member holds"])
class FileRoleHeld(View):
    """Who does what with a customer's file: its creator, maintainer, operator, contributor, custodian.

    Whoever opened the file is its creator, until somebody is named, or owns the customer.
    """

    customer_id: CustomerId
    """Whose file."""
    role: FileRole
    """What the member does with it."""
    member: str | None
    """Who; null: nobody any more."""
    since_when: datetime
    """Since when."""
    named: bool = False
    """Somebody named them; otherwise they opened the file."""
    holds: bool = True
    """They have the role's rights in the file now."""

    @on(CustomerRegistered, keys=_creator)
    def opened(self, recorded: Recorded[CustomerRegistered]) -> Self:
        return self.but(member=recorded.actor, since_when=recorded.occurred_at)

    @on(OwnerAssigned, keys=_creator)
    def handed_over(self, recorded: Recorded[OwnerAssigned]) -> Self:
        return self.but(holds=self.holds and self.named)

    @on(FileRoleAssigned)
    def assigned(self, recorded: Recorded[FileRoleAssigned]) -> Self:
        member = recorded.event.member
        return self.but(member=member, since_when=recorded.occurred_at, named=True, holds=member is not None)


@view("classifications", key="customer_id")
class Classification(View):
    """What people judged a customer to be; what the log itself tells is in `customerClasses`."""

    customer_id: CustomerId
    """Who was judged."""
    value_style: ValueStyle | None = None
    """How the customer decides."""
    marketing_class: MarketingClass | None = None
    """What an offer must appeal to."""
    importance: Importance | None = None
    """The importance that somebody set against the tier; null: the tier decides."""
    importance_reason: Personal[str | None] = None
    """Why it was set."""

    @on(CustomerClassified)
    def classified(self, recorded: Recorded[CustomerClassified]) -> Self:
        e = recorded.event
        return self.but(
            value_style=e.value_style or self.value_style,
            marketing_class=e.marketing_class or self.marketing_class,
        )

    @on(ImportanceOverridden)
    def overridden(self, recorded: Recorded[ImportanceOverridden]) -> Self:
        e = recorded.event
        return self.but(importance=e.importance, importance_reason=e.reason)


@view("profile_changes", key="customer_id position", indexes=["operator"])
class ProfileChange(View):
    """One change of a profile, as the file's operator is notified of it (操作员)."""

    customer_id: CustomerId
    """Whose profile."""
    position: int
    """Of the event in the log."""
    fields: tuple[str, ...]
    """What changed."""
    actor: str
    """Who changed it."""
    occurred_at: datetime
    """When."""
    operator: str | None
    """Who is notified: the file's operator then."""

    @on(ProfileChanged)
    def changed(self, recorded: Recorded[ProfileChanged]) -> Self:
        e = recorded.event
        return self.but(
            fields=tuple(field for field in PROFILE if getattr(e, field) is not None),
            actor=recorded.actor,
            occurred_at=recorded.occurred_at,
            operator=e.operator,
        )


@report(
    "operator_notices",
    reads=["profile_changes"],
    query="""
    SELECT customer_id, fields, actor, occurred_at, operator
      FROM {profile_changes} c
     WHERE operator = coalesce(:member::text, operator)
     ORDER BY occurred_at DESC LIMIT 200
    """,
)
class OperatorNotice(View):
    """A profile changed whose operator must know (操作员): at most 200, latest first."""

    member: str | None = None
    """The operator; all, where it is left out."""

    customer_id: str
    """Whose profile."""
    fields: tuple[str, ...]
    """What changed."""
    actor: str
    """Who changed it."""
    occurred_at: datetime
    """When."""
    operator: str
    """Who must know."""


# --- Freshness ------------------------------------------------------------------------------------


@view("profile_facts", key="customer_id field", indexes=["confirmed_at"], forgets=True)
class ProfileFact(View):
    """One field of a profile, and when it was last said or confirmed (动态管理)."""

    customer_id: CustomerId
    """Whose profile."""
    field: str
    """Which field."""
    confirmed_at: datetime
    """When it was last said or confirmed to hold."""

    @on(CustomerRegistered, ProfileChanged, keys=lambda recorded: _told(recorded.event))
    def told(self, recorded: Recorded[Any]) -> Self:
        return self.but(confirmed_at=recorded.occurred_at)

    @on(ProfileConfirmed, keys=lambda r: [(r.event.customer_id, field) for field in r.event.fields])
    def confirmed(self, recorded: Recorded[ProfileConfirmed]) -> Self:
        return self.but(confirmed_at=recorded.occurred_at)


def _told(event: CustomerRegistered | ProfileChanged) -> list[tuple[str, str]]:
    """The fields of the profile that the event gives a value."""
    named = ("name", "region", "language", "birthday")
    return [(event.customer_id, field) for field in named if getattr(event, field) is not None]


@report(
    "stale_facts",
    reads=["profile_facts", "customers", "service_policies", *DAYS],
    query=f"""
    SELECT customer_id, field, confirmed_at, {TODAY} - {day_of("confirmed_at")} AS days
      FROM {{profile_facts}} f JOIN {{customers}} c USING (customer_id)
     WHERE c.live AND {day_of("confirmed_at")} <= {TODAY} - {service("stale_days")}
     ORDER BY confirmed_at, customer_id, field LIMIT 500
    """,
)
class StaleFact(View):
    """A stale field (动态管理) of one who has not left: not confirmed for the service policy's `staleDays`.

    At most 500, the longest first.
    """

    on: date | None = None
    """As of this day; the last business day, where it is left out."""

    customer_id: str
    """Whose profile."""
    field: str
    """Which field."""
    confirmed_at: datetime
    """When it was last said or confirmed."""
    days: int
    """How many days ago."""


# --- Layers: one view each, so that each has its own read right -----------------------------------


class _Entry(View):
    customer_id: CustomerId
    """Whose file."""
    entry_id: str
    """Which entry."""
    kind: EntryKind
    """What it is about: a need, a decision maker, a rival, a supplier, a plan."""
    text: Personal[str]
    """What there is to know."""
    noted_at: datetime
    """When it was noted."""
    noted_by: str
    """Who noted it."""


E = TypeVar("E", bound=_Entry)


def _entry(row: E, recorded: Recorded[Any], layer: Layer) -> E | None:
    """The row after an event about an entry, which belongs to its own layer alone."""
    match recorded.event:
        case FileEntryRecorded(layer=where, kind=kind, text=text) if where is layer:
            return row.but(kind=kind, text=text, noted_at=recorded.occurred_at, noted_by=recorded.actor)
        case FileEntryStruck(layer=where) if where is layer:
            return None
    return row


def _in(layer: Layer) -> Any:
    """The keys of the entries that an event is about, if they lie in that layer."""
    return lambda r: [(r.event.customer_id, r.event.entry_id)] if r.event.layer is layer else []


@view("basic_entries", key="customer_id entry_id")
class BasicEntry(_Entry):
    """An entry in the file's basic layer, which whoever serves the customer reads."""

    @on(FileEntryRecorded, FileEntryStruck, keys=_in(Layer.BASIC))
    def noted(self, recorded: Recorded[Any]) -> Self | None:
        return _entry(self, recorded, Layer.BASIC)


@view("important_entries", key="customer_id entry_id")
class ImportantEntry(_Entry):
    """An entry in the important layer: needs, the customer's own rivals and suppliers; not for analysts."""

    @on(FileEntryRecorded, FileEntryStruck, keys=_in(Layer.IMPORTANT))
    def noted(self, recorded: Recorded[Any]) -> Self | None:
        return _entry(self, recorded, Layer.IMPORTANT)


@view("core_entries", key="customer_id entry_id")
class CoreEntry(_Entry):
    """An entry in the file's core layer, of the key-customer card (核心客户资料卡); for managers."""

    @on(FileEntryRecorded, FileEntryStruck, keys=_in(Layer.CORE))
    def noted(self, recorded: Recorded[Any]) -> Self | None:
        return _entry(self, recorded, Layer.CORE)


@view("process_entries", key="customer_id entry_id")
class ProcessEntry(_Entry):
    """An entry in the layer about how the customer is managed, its process (过程管理信息); for managers."""

    @on(FileEntryRecorded, FileEntryStruck, keys=_in(Layer.PROCESS))
    def noted(self, recorded: Recorded[Any]) -> Self | None:
        return _entry(self, recorded, Layer.PROCESS)


# --- Consents, rulings, terms, shares -------------------------------------------------------------


@view("consents", key="customer_id purpose")
class Consent(View):
    """Whether a customer allows the use of their data for a purpose: consent (隐私)."""

    customer_id: CustomerId
    """Whose data."""
    purpose: str
    """What for."""
    given: bool
    """It is allowed now."""
    changed_at: datetime
    """When the customer last said so."""

    @on(ConsentGiven)
    def allowed(self, recorded: Recorded[ConsentGiven]) -> Self:
        return self.but(given=True, changed_at=recorded.occurred_at)

    @on(ConsentWithdrawn)
    def withdrawn(self, recorded: Recorded[ConsentWithdrawn]) -> Self:
        return self.but(given=False, changed_at=recorded.occurred_at)


@view("price_agreements", key="customer_id product effective_from")
class PriceAgreement(View):
    """A price that was agreed with one customer from a day on; the latest day that has come holds."""

    customer_id: CustomerId
    """With whom."""
    product: str
    """What for."""
    effective_from: date
    """The first day on which it holds."""
    price_minor: int
    """The price of one, in minor units."""
    currency: str
    """ISO 4217."""
    agreed_by: str
    """Who agreed for us."""

    @on(PriceAgreed)
    def agreed(self, recorded: Recorded[PriceAgreed]) -> Self:
        e = recorded.event
        return self.but(price_minor=e.price_minor, currency=e.currency, agreed_by=recorded.actor)


@view("customer_shares", key="customer_id category")
class CustomerShare(View):
    """How much of what a customer spends in a category goes to us (顾客份额), and says who."""

    customer_id: CustomerId
    """Whose spending."""
    category: str
    """On what."""
    percent: int
    """0 to 100."""
    basis: Basis
    """Whether the customer said so or we estimated it."""
    told_by: str
    """The source."""
    stated_at: datetime
    """When."""

    @on(ShareOfCustomerStated)
    def stated(self, recorded: Recorded[ShareOfCustomerStated]) -> Self:
        e = recorded.event
        return self.but(percent=e.percent, basis=e.basis, told_by=e.told_by, stated_at=recorded.occurred_at)


# --- Care, reviews, offers ------------------------------------------------------------------------


@view("cares", key="customer_id position", indexes=["occurred_at"])
class Care(View):
    """One gesture of care (客户关怀)."""

    customer_id: CustomerId
    """For whom."""
    position: int
    """Of the event in the log."""
    occasion: str
    """What for."""
    gesture: str
    """What was given or said."""
    cost_minor: int
    """What it cost, in minor units."""
    currency: str | None
    """ISO 4217."""
    occurred_at: datetime
    """When."""

    @on(CareGiven)
    def given(self, recorded: Recorded[CareGiven]) -> Self:
        e = recorded.event
        return self.but(
            occasion=e.occasion,
            gesture=e.gesture,
            cost_minor=e.cost_minor,
            currency=e.currency,
            occurred_at=recorded.occurred_at,
        )


@view("account_reviews", key="customer_id position", indexes=["occurred_at"])
class AccountReview(View):
    """One review of a key account (每周梳理)."""

    customer_id: CustomerId
    """Which account."""
    position: int
    """Of the event in the log."""
    text: Personal[str]
    """What it found."""
    escalated_to: str | None
    """Who took over what was beyond one's authority."""
    reviewed_by: str
    """Who reviewed."""
    occurred_at: datetime
    """When."""

    @on(AccountReviewed)
    def reviewed(self, recorded: Recorded[AccountReviewed]) -> Self:
        e = recorded.event
        return self.but(
            text=e.text,
            escalated_to=e.escalated_to,
            reviewed_by=recorded.actor,
            occurred_at=recorded.occurred_at,
        )


@view("tellings", key="customer_id announcement_id")
class Telling(View):
    """A customer was told an announcement before everybody else."""

    customer_id: CustomerId
    """Who was told."""
    announcement_id: str
    """What."""
    told_at: datetime
    """When."""
    told_by: str
    """By whom."""

    @on(CustomerTold)
    def told(self, recorded: Recorded[CustomerTold]) -> Self:
        return self.but(told_at=recorded.occurred_at, told_by=recorded.actor)


@view("departures", key="customer_id position")
class Departure(View):
    """One time that a customer left, and why (流失类型); whether they came back, `winBacks` tells."""

    customer_id: CustomerId
    """Who."""
    position: int
    """Of the event in the log."""
    cause: ChurnCause
    """Why."""
    reason: Personal[str | None] = None
    """Why, in words."""
    left_at: datetime
    """When."""

    @on(RelationshipEnded)
    def left(self, recorded: Recorded[RelationshipEnded]) -> Self:
        e = recorded.event
        return self.but(cause=e.cause, reason=e.reason, left_at=recorded.occurred_at)


@view("win_back_offers", key="customer_id position")
class WinBackOffer(View):
    """What somebody who had left was offered to come back."""

    customer_id: CustomerId
    """Who."""
    position: int
    """Of the event in the log."""
    offer: Personal[str]
    """What was offered."""
    offered_at: datetime
    """When."""

    @on(WinBackOffered)
    def offered(self, recorded: Recorded[WinBackOffered]) -> Self:
        return self.but(offer=recorded.event.offer, offered_at=recorded.occurred_at)
