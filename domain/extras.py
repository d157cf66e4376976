"""Which fields of its own a tenant adds to the customer file (附加信息), each with a type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from domain.commands import Command, Id, Name
from domain.customers import require_served
from domain.decider import Boundary, Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.records import Record


class ExtraKind(StrEnum):
    """What an extra field holds."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    FLAG = "flag"


def extra_tag(field: str) -> str:
    """The definition of an extra field bears it."""
    return f"extra:{field}"


# --- Events: the stored names are a contract ------------------------------------------------------


@event("ExtraFieldDefined")
class ExtraFieldDefined(Event):
    field: str
    kind: ExtraKind
    label: str

    @property
    def tags(self) -> tuple[str, ...]:
        return (extra_tag(self.field),)


@event("ExtraFieldSet")
class ExtraFieldSet(Event):
    customer_id: str
    field: str
    value: Personal[str | None]


# --- Fields are defined ---------------------------------------------------------------------------


class DefineExtraField(Command):
    """Add a field of a type of its own to every customer's file (附加信息)."""

    field: Id
    """Its name."""
    kind: ExtraKind
    """What it holds."""
    label: Name
    """What people call it."""


class ExtraFieldExists(DomainError):
    """The extra field {name} was defined before; its type never changes."""

    field = "field"


class Defined(Record):
    """The type of an extra field, once it is defined."""

    kind: ExtraKind | None = None


def evolve(state: Defined, happened: ExtraFieldDefined) -> Defined:
    return Defined(kind=happened.kind)


def decide(state: Defined, command: DefineExtraField) -> Sequence[ExtraFieldDefined]:
    if state.kind is not None:
        raise ExtraFieldExists(name=command.field)
    return [carry(ExtraFieldDefined, command)]


EXTRA_FIELDS = Decider(
    name="extra_field",
    id_field="field",
    initial=Defined(),
    evolve=evolve,
    decide=decide,
    commands=(DefineExtraField,),
)


# --- Values are set -------------------------------------------------------------------------------


class SetExtraField(Command):
    """Set a customer's value in an extra field (附加信息), or, without a value, clear it."""

    customer_id: Id
    field: Id
    """Which field."""
    value: Name | None
    """As text: a number as 12.5, a date as 2026-03-31, a flag as true or false. Null clears it."""


class ExtraFieldUnknown(DomainError):
    """There is no extra field {name}; define it first."""

    field = "field"


class ExtraValueInvalid(DomainError):
    """The extra field {name} holds a {kind}: {value!r} is none."""

    field = "value"


class Extras(Record):
    """A customer's extra values need nothing from their past."""

    customer_id: str | None = None


def evolve_extras(state: Extras, happened: ExtraFieldSet) -> Extras:
    return Extras(customer_id=happened.customer_id)


def decide_extras(
    state: Extras, command: SetExtraField, defined: Mapping[str, Defined]
) -> Sequence[ExtraFieldSet]:
    kind = defined[extra_tag(command.field)].kind
    if kind is None:
        raise ExtraFieldUnknown(name=command.field)
    if command.value is not None and not fits(command.value, kind):
        raise ExtraValueInvalid(name=command.field, kind=kind.value, value=command.value)
    return [carry(ExtraFieldSet, command)]


def fits(value: str, kind: ExtraKind) -> bool:
    """Whether the text is a value of that kind."""
    match kind:
        case ExtraKind.TEXT:
            return True
        case ExtraKind.FLAG:
            return value in ("true", "false")
        case ExtraKind.NUMBER:
            try:
                return Decimal(value).is_finite()
            except InvalidOperation:
                return False
        case ExtraKind.DATE:
            try:
                return date.fromisoformat(value).isoformat() == value
            except ValueError:
                return False


EXTRAS = Decider(
    name="extras",
    id_field="customer_id",
    initial=Extras(),
    evolve=evolve_extras,
    decide=decide_extras,
    commands=(SetExtraField,),
    guard=require_served,
    boundary=Boundary(
        initial=Defined(),
        evolve=evolve,
        tags=lambda state, command: (extra_tag(command.field),),
        foreign=True,
    ),
)
