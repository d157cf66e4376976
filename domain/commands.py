"""What a command is: a wish with its author, its moment and an idempotency key, checked before a decision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from domain.errors import InvalidInput
from domain.records import Record

C = TypeVar("C", bound="Command")

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=r"^[\w.:@/+~-]+\Z")]
"""An identifier that clients choose: letters and digits of any script, and `. : @ / + ~ _ -`."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""A short text on one line: a person, a product, a label."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
"""A free text in any language."""
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time with its zone; kept in UTC."""


class Command(Record, forbid_unknown_fields=True):
    """What somebody wants done."""

    command_id: Id
    """The idempotency key: the same id again gives the first result again."""
    actor: Name
    """Who asks."""
    occurred_at: Moment
    """When it happened, as the caller says."""
    on_behalf_of: Name | None = None
    causation_id: Id | None = None
    correlation_id: Id | None = None
    source: Name | None = None


METADATA = Command.__struct_fields__
"""The fields that every command has, and that its events are stamped with."""

_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>[^`]*)`")


def parse(cls: type[C], fields: Mapping[str, Any]) -> C:
    """A command of type `cls` from plain values. Raises `InvalidInput` that names the field and the rule."""
    _refuse_unstorable(dict(fields), "")
    try:
        return _in_utc(msgspec.convert(fields, cls, strict=True))
    except msgspec.ValidationError as refused:
        raise _explained(str(refused)) from None


def _in_utc(command: C) -> C:
    """The command with its moment in UTC, a year away from the ends of the calendar."""
    if not 1 < command.occurred_at.year < 9999:
        raise InvalidInput("occurred_at", "must lie in the years 2 to 9998")
    return msgspec.structs.replace(command, occurred_at=command.occurred_at.astimezone(UTC))


def _refuse_unstorable(value: Any, path: str) -> None:
    """PostgreSQL's text holds neither NUL nor half of a surrogate pair."""
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidInput(path, "must not contain the character NUL (U+0000)")
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise InvalidInput(path, "must not contain half of a surrogate pair")
    elif isinstance(value, dict):
        for name, part in value.items():
            _refuse_unstorable(name, path or "input")
            _refuse_unstorable(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            _refuse_unstorable(part, f"{path}[{index}]")


def _explained(refusal: str) -> InvalidInput:
    place = _PLACE.search(refusal)
    path = place["path"] if place else ""
    rule = refusal[: place.start()] if place else refusal
    if missing := _MISSING.match(rule):
        return InvalidInput(f"{path}.{missing['name']}".lstrip("."), "is required")
    if unknown := _UNKNOWN.match(rule):
        return InvalidInput(f"{path}.{unknown['name']}".lstrip("."), "is not a field of this command")
    return InvalidInput(path or "input", rule[0].lower() + rule[1:])
