"""By which numbers and addresses a customer is told from all others, and which evidence proved them."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import assert_never

from domain.commands import Address, Command, Id, Text
from domain.decider import carry
from domain.errors import DomainError, InvalidInput
from domain.events import Event, Personal, event
from domain.records import Record


class IdentifierKind(StrEnum):
    """What kind of number or address identifies the customer."""

    IDENTITY_CARD = "identity_card"
    PASSPORT = "passport"
    COMPANY_NUMBER = "company_number"
    PHONE = "phone"
    EMAIL = "email"
    ACCOUNT = "account"


def normalised(value: str) -> str:
    """The form in which values are compared: NFKC, case-folded, without blanks around it."""
    folded = unicodedata.normalize("NFKC", value).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


IDENTIFIED = "identifier:"
"""How the tag of every identifier begins."""


def identifier_tag(kind: IdentifierKind, value: str) -> str:
    """`identifier:` and 16 bytes of BLAKE2b in hex, of the kind and the normalised value.

    The value itself stays out of the tag; the hash has no key, so who guesses a value can test the guess, and
    tags go when a customer's personal data is erased.
    """
    known = f"{kind.value}:{normalised(value)}".encode()
    return f"{IDENTIFIED}{hashlib.blake2b(known, digest_size=16).hexdigest()}"


# --- Events: the stored names are a contract ------------------------------------------------------


class _AboutIdentifier(Event):
    """Holds the value as it was written when it was added."""

    customer_id: str
    kind: IdentifierKind
    value: Personal[str]


class _Claim(_AboutIdentifier):
    """Decides who holds the identifier."""

    @property
    def tags(self) -> tuple[str, ...]:
        return (identifier_tag(self.kind, self.value),)


@event("IdentifierAdded")
class IdentifierAdded(_AboutIdentifier):
    """Says that the identifier is the customer's; nothing has proved it yet."""


@event("IdentifierVerified")
class IdentifierVerified(_Claim):
    evidence: Personal[str]


@event("IdentifierRejected")
class IdentifierRejected(_Claim):
    reason: Personal[str]


IdentifierEvent = IdentifierAdded | IdentifierVerified | IdentifierRejected


# --- State ----------------------------------------------------------------------------------------


class Identifier(Record):
    """One identifier that a customer's file names."""

    tag: str
    value: str
    """As it was written when it was added."""
    verified: bool = False


Identifiers = tuple[Identifier, ...]


def verified_tags(identifiers: Identifiers) -> tuple[str, ...]:
    return tuple(identifier.tag for identifier in identifiers if identifier.verified)


def evolve(identifiers: Identifiers, happened: IdentifierEvent) -> Identifiers:
    tag = identifier_tag(happened.kind, happened.value)
    others = tuple(identifier for identifier in identifiers if identifier.tag != tag)
    match happened:
        case IdentifierAdded(value=value):
            return (*others, Identifier(tag=tag, value=value))
        case IdentifierVerified(value=value):
            return (*others, Identifier(tag=tag, value=value, verified=True))
        case IdentifierRejected():
            return others
        case _:
            assert_never(happened)


# --- Commands -------------------------------------------------------------------------------------


class AddIdentifier(Command):
    """Note a number or an address that identifies the customer; it counts once it is verified."""

    customer_id: Id
    kind: IdentifierKind
    value: Address


class VerifyIdentifier(Command):
    """Note which evidence proved that an identifier is the customer's; only one live customer can hold it.

    One person, one file (唯一识别码): compared by kind and value, however the value is written.
    """

    customer_id: Id
    kind: IdentifierKind
    value: Address
    evidence: Text
    """What proved it: a document that was seen, a code that was answered."""


class RejectIdentifier(Command):
    """Strike out an identifier that turned out not to be the customer's; another one may hold it then."""

    customer_id: Id
    kind: IdentifierKind
    value: Address
    reason: Text


IdentifierCommand = AddIdentifier | VerifyIdentifier | RejectIdentifier


# --- Rules ----------------------------------------------------------------------------------------


class IdentifierError(DomainError):
    """Customer {customer_id} does not allow this with an identifier."""

    field = "value"


class IdentifierExists(IdentifierError):
    """Customer {customer_id} has this {kind} identifier already."""


class IdentifierUnknown(IdentifierError):
    """Customer {customer_id} has no such {kind} identifier; add it first."""


class IdentifierTaken(IdentifierError):
    """Customer {holder} holds this identifier; only one live customer can."""


def require_new(identifiers: Identifiers, command: AddIdentifier) -> None:
    if not normalised(command.value):
        raise InvalidInput("value", "must not be blank")
    tag = identifier_tag(command.kind, command.value)
    if any(identifier.tag == tag for identifier in identifiers):
        raise IdentifierExists(customer_id=command.customer_id, kind=command.kind)


def require_known(identifiers: Identifiers, command: VerifyIdentifier | RejectIdentifier) -> Identifier:
    tag = identifier_tag(command.kind, command.value)
    for identifier in identifiers:
        if identifier.tag == tag:
            return identifier
    raise IdentifierUnknown(customer_id=command.customer_id, kind=command.kind)


def require_free(holder: str | None, customer_id: str, *, at: str = "value") -> None:
    """Nobody else who is live holds the identifier."""
    if holder not in (None, customer_id):
        raise IdentifierTaken(at=at, holder=holder)


# --- Decisions ------------------------------------------------------------------------------------


def decide(
    identifiers: Identifiers, command: IdentifierCommand, holders: Mapping[str, str | None]
) -> Sequence[IdentifierEvent]:
    """`holders` tells by tag which live customer an identifier is verified for."""
    match command:
        case AddIdentifier():
            require_new(identifiers, command)
            return [carry(IdentifierAdded, command)]
        case VerifyIdentifier():
            known = require_known(identifiers, command)
            require_free(holders[known.tag], command.customer_id)
            return [carry(IdentifierVerified, command, value=known.value)]
        case RejectIdentifier():
            known = require_known(identifiers, command)
            return [carry(IdentifierRejected, command, value=known.value)]
        case _:
            assert_never(command)
