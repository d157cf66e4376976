"""Who a customer is, how to reach them, who looks after them, and whether the relationship still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, assert_never, get_args

import msgspec

from domain import identifiers, restrictions
from domain.commands import Address, Command, Id, Name, Text
from domain.decider import Boundary, Decider, carry
from domain.erasure import CustomerErased, ErasePersonalData, PersonalDataErased
from domain.errors import DomainError
from domain.events import ERASED, Event, Personal, event
from domain.files import NOTES, FileNote, FileNoted, FileRole, FileRoleAssigned
from domain.identifiers import (
    AddIdentifier,
    IdentifierAdded,
    IdentifierCommand,
    IdentifierEvent,
    IdentifierRejected,
    Identifiers,
    IdentifierVerified,
    RejectIdentifier,
    VerifyIdentifier,
    identifier_tag,
    require_free,
    verified_tags,
)
from domain.money import require_currency
from domain.records import Record
from domain.restrictions import (
    ApproveOverride,
    LiftRestriction,
    OverrideApproved,
    RestrictCustomer,
    RestrictionCommand,
    RestrictionEvent,
    RestrictionLifted,
    RestrictionPlaced,
    Standing,
    require_unrestricted,
)


class Relation(StrEnum):
    """What the customer is to us (客户分类,关系): consumer, business, channel, internal."""

    CONSUMER = "consumer"
    BUSINESS = "business"
    CHANNEL = "channel"
    INTERNAL = "internal"


class ContactKind(StrEnum):
    """By which means somebody is reached."""

    PHONE = "phone"
    EMAIL = "email"
    POSTAL = "postal"
    CHAT = "chat"


class ChurnCause(StrEnum):
    """Why a customer leaves (流失类型): by the course of life, through us, for a rival, or in bad faith."""

    NATURAL = "natural"
    OWN_FAULT = "own_fault"
    COMPETITION = "competition"
    MALICIOUS = "malicious"


# --- Events: the stored names are a contract ------------------------------------------------------


@event("CustomerRegistered")
class CustomerRegistered(Event):
    customer_id: str
    name: Personal[str | None] = None
    relation: Relation = Relation.CONSUMER
    region: str | None = None
    language: str | None = None
    birthday: Personal[date | None] = None


@event("ProfileChanged", version=2)
class ProfileChanged(Event):
    """Holds what changed; None means unchanged. Since version 2: whom it notifies, the operator then."""

    customer_id: str
    name: Personal[str | None] = None
    relation: Relation | None = None
    region: str | None = None
    language: str | None = None
    birthday: Personal[date | None] = None
    operator: str | None = None

    @staticmethod
    def upcast_v1_v2(fields: dict[str, Any]) -> None:
        """Nobody was noted."""


@event("ContactPointAdded")
class ContactPointAdded(Event):
    customer_id: str
    kind: ContactKind
    value: Personal[str]
    label: str | None = None


@event("ContactPointRemoved")
class ContactPointRemoved(Event):
    customer_id: str
    kind: ContactKind
    value: Personal[str]


@event("OwnerAssigned")
class OwnerAssigned(Event):
    customer_id: str
    owner: str


class _Turn(Event):
    """The customer goes or comes; since version 2 it names the verified identifiers, by their tags."""

    customer_id: str
    identifiers: Personal[tuple[str, ...]] = ()

    @staticmethod
    def upcast_v1_v2(fields: dict[str, Any]) -> None:
        fields["identifiers"] = []

    @property
    def tags(self) -> tuple[str, ...]:
        return self.identifiers


@event("RelationshipEnded", version=2)
class RelationshipEnded(_Turn):
    cause: ChurnCause
    reason: Personal[str | None] = None


@event("CustomerWonBack", version=2)
class CustomerWonBack(_Turn):
    offer: Personal[str]


CustomerEvent = (
    CustomerRegistered
    | ProfileChanged
    | ContactPointAdded
    | ContactPointRemoved
    | OwnerAssigned
    | RelationshipEnded
    | CustomerWonBack
    | IdentifierEvent
    | RestrictionEvent
    | FileNoted
    | PersonalDataErased
)


# --- State ----------------------------------------------------------------------------------------


class Customer(Record):
    """What the next decision about a customer, or about anything of theirs, needs to know."""

    customer_id: str | None = None
    live: bool = False
    erased: bool = False
    name: str | None = None
    relation: Relation = Relation.CONSUMER
    region: str | None = None
    language: str | None = None
    birthday: date | None = None
    owner: str | None = None
    roles: Mapping[FileRole, str | None] = {}
    """Whom somebody named for a role in the file; None: nobody any more."""
    contact_points: frozenset[tuple[ContactKind, str]] = frozenset()
    identifiers: Identifiers = ()
    standing: Standing = Standing()


PROFILE = ("name", "relation", "region", "language", "birthday")
"""The fields that `ChangeProfile` changes."""
KEPT = ("relation", "region", "language", "owner", "roles")
"""What is not personal, and stays when the rest is erased."""


def evolve(state: Customer, happened: CustomerEvent) -> Customer:
    match happened:
        case CustomerRegistered():
            profile = {field: getattr(happened, field) for field in PROFILE}
            return Customer(customer_id=happened.customer_id, live=True, **profile)
        case ProfileChanged():
            changed = {field: new for field in PROFILE if (new := getattr(happened, field)) is not None}
            return msgspec.structs.replace(state, **changed)
        case ContactPointAdded(kind=kind, value=value):
            return msgspec.structs.replace(state, contact_points=state.contact_points | {(kind, value)})
        case ContactPointRemoved(kind=kind, value=value):
            return msgspec.structs.replace(state, contact_points=state.contact_points - {(kind, value)})
        case OwnerAssigned(owner=owner):
            return msgspec.structs.replace(state, owner=owner)
        case RelationshipEnded():
            return msgspec.structs.replace(state, live=False)
        case CustomerWonBack():
            return msgspec.structs.replace(state, live=True)
        case IdentifierAdded() | IdentifierVerified() | IdentifierRejected():
            return msgspec.structs.replace(state, identifiers=identifiers.evolve(state.identifiers, happened))
        case RestrictionPlaced() | RestrictionLifted() | OverrideApproved():
            return msgspec.structs.replace(state, standing=restrictions.evolve(state.standing, happened))
        case PersonalDataErased(customer_id=customer_id):
            kept = {field: getattr(state, field) for field in KEPT}
            reason = ERASED if state.standing.reason else None
            standing = msgspec.structs.replace(state.standing, reason=reason)
            return Customer(customer_id=customer_id, erased=True, standing=standing, **kept)
        case FileRoleAssigned(role=role, member=member):
            return msgspec.structs.replace(state, roles={**state.roles, role: member})
        case FileNoted():
            return state
        case _:
            assert_never(happened)


def opener_is_creator(file: Customer) -> bool:
    """Whether who opened the file is its creator (建档人): until somebody is named, or owns the customer."""
    return file.owner is None and FileRole.CREATOR not in file.roles


def holder_after(
    holder: str | None,
    happened: IdentifierVerified | IdentifierRejected | RelationshipEnded | CustomerWonBack,
) -> str | None:
    """Which live customer an identifier is verified for."""
    match happened:
        case IdentifierVerified(customer_id=customer_id) | CustomerWonBack(customer_id=customer_id):
            return customer_id
        case IdentifierRejected(customer_id=customer_id) | RelationshipEnded(customer_id=customer_id):
            return None if holder == customer_id else holder
        case _:
            assert_never(happened)


# --- Commands -------------------------------------------------------------------------------------


class RegisterCustomer(Command):
    """Open a customer's file."""

    customer_id: Id
    name: Name | None = None
    relation: Relation = Relation.CONSUMER
    region: Name | None = None
    language: Name | None = None
    birthday: date | None = None


class ChangeProfile(Command):
    """Correct or complete the basic data (基本信息); a field that is left out stays as it is.

    The file's operator is notified: `profileChanges` by `operator`, and `operatorNotices`.
    """

    customer_id: Id
    name: Name | None = None
    relation: Relation | None = None
    region: Name | None = None
    language: Name | None = None
    birthday: date | None = None


class AddContactPoint(Command):
    """Note one more way to reach the customer; a call is told by it (来电弹屏)."""

    customer_id: Id
    kind: ContactKind
    value: Address
    label: Name | None = None


class RemoveContactPoint(Command):
    """Strike out a way to reach the customer that no longer works."""

    customer_id: Id
    kind: ContactKind
    value: Address


class AssignOwner(Command):
    """Name the account manager who looks after the customer from now on (客户经理制)."""

    customer_id: Id
    owner: Name


class EndRelationship(Command):
    """Note that the customer has left, and why (流失类型)."""

    customer_id: Id
    cause: ChurnCause
    reason: Text | None = None


class WinBackCustomer(Command):
    """Note that a customer who had left is back (客户挽留), and what was offered for it."""

    customer_id: Id
    offer: Text


CustomerCommand = (
    RegisterCustomer
    | ChangeProfile
    | AddContactPoint
    | RemoveContactPoint
    | AssignOwner
    | EndRelationship
    | WinBackCustomer
    | IdentifierCommand
    | RestrictionCommand
    | FileNote
    | ErasePersonalData
)
COMMANDS = (
    RegisterCustomer,
    ChangeProfile,
    AddContactPoint,
    RemoveContactPoint,
    AssignOwner,
    EndRelationship,
    WinBackCustomer,
    ErasePersonalData,
    *get_args(IdentifierCommand),
    *get_args(RestrictionCommand),
    *NOTES,
)


# --- Rules ----------------------------------------------------------------------------------------


class CustomerError(DomainError):
    """Customer {customer_id} does not allow this."""

    field = "customer_id"


class CustomerUnknown(CustomerError):
    """There is no customer {customer_id}."""


class CustomerAlreadyRegistered(CustomerError):
    """Customer {customer_id} was registered before; choose another id for a new one."""


class CustomerEnded(CustomerError):
    """The relationship with customer {customer_id} has ended; win the customer back first."""


class CustomerNotEnded(CustomerError):
    """Customer {customer_id} has not left; only one who has can be won back."""


class ContactPointExists(CustomerError):
    """Customer {customer_id} has this {kind} contact point already."""

    field = "value"


class ContactPointUnknown(CustomerError):
    """Customer {customer_id} has no such {kind} contact point."""

    field = "value"


def require_registered(customer: Customer, command: Command) -> None:
    if customer.customer_id is None:
        raise CustomerUnknown(customer_id=getattr(command, "customer_id", None))


def require_kept(customer: Customer, command: Command) -> None:
    require_registered(customer, command)
    if customer.erased:
        raise CustomerErased(customer_id=customer.customer_id)


def require_live(customer: Customer, command: Command) -> None:
    require_kept(customer, command)
    if not customer.live:
        raise CustomerEnded(customer_id=customer.customer_id)


def require_served(customer: Customer, command: Command) -> None:
    """The guard of a customer's matters: who has left or is on the blacklist begins nothing new.

    What is open is settled. A command that names the customer begins something.
    """
    if hasattr(command, "customer_id"):
        require_live(customer, command)
        require_unrestricted(customer.standing, command, customer.customer_id)


# --- Decisions ------------------------------------------------------------------------------------


def decide(
    state: Customer, command: CustomerCommand, holders: Mapping[str, str | None]
) -> Sequence[CustomerEvent]:
    match command:
        case RegisterCustomer():
            if state.customer_id is not None:
                raise CustomerAlreadyRegistered(customer_id=command.customer_id)
            return [carry(CustomerRegistered, command)]
        case ChangeProfile():
            require_live(state, command)
            changed = _changed(state, command)
            return [changed] if changed else []
        case AddContactPoint():
            require_live(state, command)
            if (command.kind, command.value) in state.contact_points:
                raise ContactPointExists(customer_id=command.customer_id, kind=command.kind)
            return [carry(ContactPointAdded, command)]
        case RemoveContactPoint():
            require_live(state, command)
            if (command.kind, command.value) not in state.contact_points:
                raise ContactPointUnknown(customer_id=command.customer_id, kind=command.kind)
            return [carry(ContactPointRemoved, command)]
        case AssignOwner():
            require_live(state, command)
            return [carry(OwnerAssigned, command)] if command.owner != state.owner else []
        case EndRelationship():
            require_live(state, command)
            return [carry(RelationshipEnded, command, identifiers=verified_tags(state.identifiers))]
        case WinBackCustomer():
            require_kept(state, command)
            if state.live:
                raise CustomerNotEnded(customer_id=command.customer_id)
            for holder in holders.values():
                require_free(holder, command.customer_id, at="customer_id")
            return [carry(CustomerWonBack, command, identifiers=verified_tags(state.identifiers))]
        case AddIdentifier() | VerifyIdentifier():
            require_live(state, command)
            return identifiers.decide(state.identifiers, command, holders)
        case RejectIdentifier():
            require_kept(state, command)
            return identifiers.decide(state.identifiers, command, holders)
        case RestrictCustomer() | LiftRestriction() | ApproveOverride():
            require_kept(state, command)
            return restrictions.decide(state.standing, command)
        case ErasePersonalData():
            require_registered(state, command)
            return [] if state.erased else [carry(PersonalDataErased, command)]
        case FileNote():
            return [_noted(state, command)]
        case _:
            assert_never(command)


def _changed(state: Customer, command: ChangeProfile) -> ProfileChanged | None:
    """What the command says that the file does not say yet."""
    wanted = {field: getattr(command, field) for field in PROFILE}
    changes = {field: new for field, new in wanted.items() if new not in (None, getattr(state, field))}
    if not changes:
        return None
    operator = state.roles.get(FileRole.OPERATOR)
    return ProfileChanged(customer_id=command.customer_id, operator=operator, **changes)


def _noted(state: Customer, command: FileNote) -> FileNoted:
    require_kept(state, command)
    if command.ended and state.live:
        raise CustomerNotEnded(customer_id=command.customer_id)
    if not command.ended:
        require_live(state, command)
    if (currency := getattr(command, "currency", None)) is not None:
        require_currency(currency)
    return carry(NOTES[type(command)], command)


def _claimed(state: Customer, command: CustomerCommand) -> Sequence[str]:
    """The identifiers that the customer will hold."""
    match command:
        case VerifyIdentifier(kind=kind, value=value):
            return (identifier_tag(kind, value),)
        case WinBackCustomer():
            return verified_tags(state.identifiers)
        case _:
            return ()


CUSTOMERS = Decider(
    name="customer",
    id_field="customer_id",
    initial=Customer(),
    evolve=evolve,
    decide=decide,
    commands=COMMANDS,
    begins=(RegisterCustomer,),
    boundary=Boundary(initial=None, evolve=holder_after, tags=_claimed),
)
