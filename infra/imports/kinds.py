"""What can be imported: for each kind of row its fields, and the commands that a row stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from domain.commands import Command
from domain.complaints import ReceiveComplaint
from domain.customers import AddContactPoint, AssignOwner, ChangeProfile, RegisterCustomer
from domain.errors import InvalidInput
from domain.interactions import RecordInteraction
from domain.money import minor_units
from domain.orders import RecordPurchase
from domain.records import Record

_DAY = re.compile(r"[0-9]{4}(-?)[0-9]{2}\1[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,10})?")
_WHOLE = re.compile(r"[0-9]{1,15}")

Facts = dict[str, Any]
"""What a row says, under the names of the command's fields."""
Wish = tuple[str, type[Command], Facts]
"""A command's id, its type and its own fields."""


class Cells:
    """One row's values under the names of the kind's fields, read strictly."""

    def __init__(self, values: Mapping[str, str], zone: ZoneInfo) -> None:
        self._values, self._zone = values, zone

    def get(self, field: str) -> str | None:
        value = self._values.get(field)
        if value is not None and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise InvalidInput(field, "is not UTF-8 text") from None
        return value

    def required(self, field: str) -> str:
        if (value := self.get(field)) is None:
            raise InvalidInput(field, "is required")
        return value

    def given(self, **fields: str) -> Facts:
        """Those of the fields that have a value, each under the command's name for it."""
        return {name: value for name, field in fields.items() if (value := self.get(field)) is not None}

    def moment(self, field: str) -> datetime:
        """A date, which means the start of that day, or a date and time; in the import's zone, else UTC."""
        try:
            return _moment(self.required(field), self._zone)
        except (ValueError, OverflowError) as error:
            raise InvalidInput(field, str(error)) from None

    def day(self, field: str) -> date | None:
        value = self.get(field)
        if value is None:
            return None
        try:
            return _day(value)
        except ValueError as error:
            raise InvalidInput(field, str(error)) from None

    def amount(self, field: str, currency: str) -> int:
        """An amount such as 11.77, in minor units."""
        value = self.required(field)
        if not _AMOUNT.fullmatch(value):
            raise InvalidInput(field, f"{value!r} is not an amount such as 11.77")
        if value.startswith("-"):
            raise InvalidInput(field, f"{value!r} is negative; refunds are not purchases")
        return minor_units(value, currency, field)

    def whole(self, field: str, default: int | None = None) -> int | None:
        value = self.get(field)
        if value is None:
            return default
        if not _WHOLE.fullmatch(value):
            raise InvalidInput(field, f"{value!r} is not a whole number")
        return int(value)


@lru_cache(maxsize=4_096)
def _moment(text: str, zone: ZoneInfo) -> datetime:
    if _DAY.fullmatch(text):
        return datetime.combine(_day(text), time(), zone).astimezone(UTC)
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"{text!r} is not a date such as 1997-01-31, nor a date and time of ISO 8601")
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise ValueError(f"{text!r} is not a date such as 1997-01-31 or 19970131")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day of the calendar") from None


# --- Kinds ----------------------------------------------------------------------------------------


class Field(Record):
    """One value of a row."""

    name: str
    meaning: str
    required: bool = False


class Kind(Record):
    """One kind of row: what it may hold, how it is read, and the commands it stands for."""

    name: str
    doc: str
    fields: tuple[Field, ...]
    read: Callable[[Cells], Facts]
    wishes: Callable[[str, Facts], list[Wish]]
    """The commands of a row with this id."""
    registers: bool = False
    """Whether a customer who is not known yet is registered first."""
    aliases: Mapping[str, str] = MappingProxyType({})
    """Which of its fields a command's field comes from, where the names differ."""

    def field_of(self, name: str | None) -> str | None:
        """The row's field behind a command's field."""
        return self.aliases.get(name, name) if name else None


def registration(customer_id: str, facts: Facts) -> Wish:
    """The command that opens a customer's file, always under the same id."""
    return f"import/customer/{customer_id}", RegisterCustomer, {**facts, "customer_id": customer_id}


_ALIASES = {"command_id": "id", "customer_id": "customer", "occurred_at": "at", "actor": "employee"}
_ID = Field(name="id", meaning="the row's own id; without one, ids are derived from the rows' content")
_CUSTOMER = Field(name="customer", meaning="the customer's id", required=True)
_AT = Field(name="at", meaning="when it happened; a date means the start of that day", required=True)
_EMPLOYEE = Field(name="employee", meaning="who took it in; else the import's actor")
_ORDER = Field(name="order", meaning="the id of the order it is about")


def _purchase(cells: Cells) -> Facts:
    currency = cells.required("currency")
    return {
        "customer_id": cells.required("customer"),
        "occurred_at": cells.moment("at"),
        "total_minor": cells.amount("amount", currency),
        "currency": currency,
        "items": cells.whole("quantity", 1),
        "description": cells.get("description"),
    }


PURCHASES = Kind(
    name="purchases",
    doc="What was bought and paid on the spot; customers who are not known yet are registered.",
    fields=(
        _ID,
        _CUSTOMER,
        _AT,
        Field(name="amount", meaning="in the currency's usual unit, e.g. 11.77; 0 is legal", required=True),
        Field(name="currency", meaning="ISO 4217, e.g. USD", required=True),
        Field(name="quantity", meaning="pieces; 1 where it is left out"),
        Field(name="description", meaning="what was bought, on one line"),
    ),
    read=_purchase,
    wishes=lambda id, facts: [(f"import/purchases/{id}", RecordPurchase, {**facts, "order_id": id})],
    registers=True,
    aliases={**_ALIASES, "order_id": "id", "total_minor": "amount", "items": "quantity"},
)


def _customer(cells: Cells) -> Facts:
    cells.required("id")
    profile = ("name", "relation", "region", "language", "owner", "phone", "email")
    birthday = cells.day("birthday")
    return {
        "occurred_at": cells.moment("at"),
        **cells.given(**{name: name for name in profile}),
        **({"birthday": birthday} if birthday else {}),
    }


def _customer_wishes(id: str, facts: Facts) -> list[Wish]:
    """Register, or complete the file of one who is registered already."""
    when = {"occurred_at": facts["occurred_at"], "customer_id": id}
    profile = {name: value for name, value in facts.items() if name not in ("owner", "phone", "email")}
    wishes: list[Wish] = [registration(id, profile)]
    if len(profile) > 1:
        wishes.append((f"import/customers/{id}", ChangeProfile, {**profile, "customer_id": id}))
    if owner := facts.get("owner"):
        wishes.append((f"import/customers/{id}/owner", AssignOwner, {**when, "owner": owner}))
    for kind in ("phone", "email"):
        if value := facts.get(kind):
            point = {**when, "kind": kind, "value": value}
            wishes.append((f"import/customers/{id}/{kind}", AddContactPoint, point))
    return wishes


CUSTOMERS = Kind(
    name="customers",
    doc="Customers' files; one who is registered already gets what the row says.",
    fields=(
        Field(name="id", meaning="the customer's id", required=True),
        Field(name="at", meaning="when the customer came; a date means the start of that day", required=True),
        Field(name="name", meaning="of the person or the firm"),
        Field(name="relation", meaning="consumer, business, channel or internal; consumer if left out"),
        Field(name="region", meaning="where the customer is"),
        Field(name="language", meaning="what to speak, e.g. zh"),
        Field(name="birthday", meaning="a date"),
        Field(name="owner", meaning="who looks after the customer"),
        Field(name="phone", meaning="a phone number"),
        Field(name="email", meaning="a mail address"),
    ),
    read=_customer,
    wishes=_customer_wishes,
    aliases={"command_id": "id", "customer_id": "id", "occurred_at": "at"},
)


def _interaction(cells: Cells) -> Facts:
    return {
        "customer_id": cells.required("customer"),
        "occurred_at": cells.moment("at"),
        "channel": cells.required("channel"),
        "direction": cells.get("direction") or "inbound",
        "stage": cells.get("stage") or "after",
        "topic": cells.required("topic"),
        "duration_seconds": cells.whole("duration"),
        **cells.given(
            service_stage="service_stage", mood="mood", text="text", order_id="order", actor="employee"
        ),
    }


INTERACTIONS = Kind(
    name="interactions",
    doc="Contacts with customers, on any channel.",
    fields=(
        _ID,
        _CUSTOMER,
        _AT,
        Field(name="channel", meaning="phone, sms, email, web, chat, shop or visit", required=True),
        Field(name="topic", meaning="what it was about, on one line", required=True),
        Field(name="text", meaning="what was said"),
        Field(name="direction", meaning="inbound or outbound; inbound if left out"),
        Field(name="stage", meaning="before, during or after the sale; after if left out"),
        Field(name="service_stage", meaning="receive, understand, help or retain"),
        Field(name="mood", meaning="impatient, angry, tired, pleased or hesitant"),
        Field(name="duration", meaning="in seconds"),
        _ORDER,
        _EMPLOYEE,
    ),
    read=_interaction,
    wishes=lambda id, facts: [
        (f"import/interactions/{id}", RecordInteraction, {**facts, "interaction_id": id})
    ],
    aliases={**_ALIASES, "interaction_id": "id", "duration_seconds": "duration", "order_id": "order"},
)


def _complaint(cells: Cells) -> Facts:
    return {
        "customer_id": cells.required("customer"),
        "occurred_at": cells.moment("at"),
        "category": cells.required("category"),
        "text": cells.required("text"),
        **cells.given(channel="channel", order_id="order", actor="employee"),
    }


COMPLAINTS = Kind(
    name="complaints",
    doc="Complaints as they were received.",
    fields=(
        _ID,
        _CUSTOMER,
        _AT,
        Field(
            name="category",
            meaning="product, service_attitude, delivery, price, promise or other",
            required=True,
        ),
        Field(name="text", meaning="the customer's own words", required=True),
        Field(name="channel", meaning="phone, sms, email, web, chat, shop or visit"),
        _ORDER,
        _EMPLOYEE,
    ),
    read=_complaint,
    wishes=lambda id, facts: [(f"import/complaints/{id}", ReceiveComplaint, {**facts, "complaint_id": id})],
    aliases={**_ALIASES, "complaint_id": "id", "order_id": "order"},
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (PURCHASES, CUSTOMERS, INTERACTIONS, COMPLAINTS)}
