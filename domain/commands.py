"""What a command is: a wish with its author, its moment and an idempotency key, checked before a decision."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import inspect

from domain.errors import InvalidInput
from domain.records import Record

C = TypeVar("C", bound="Command")

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=r"^[\w.:@/+~-]+\Z")]
"""An identifier that clients choose: letters and digits of any script, and `. : @ / + ~ _ -`."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""A short text: a person, a product, a label."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
"""A free text in any language."""
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
"""Where somebody is reached or known by: a number, a mailbox, a postal address, a name in a chat."""
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time with its zone; kept in UTC."""


class Named(Record):
    """What an id in a command names: something that must be there before the command is done."""

    field: str
    """The command's field; where it is left out, nothing is named."""
    noun: str
    """The name of its decider."""
    theirs: bool = False
    """It must be the customer's whom the command concerns."""
    live: bool = False
    """It is a customer who must not have left."""


class Command(Record, forbid_unknown_fields=True):
    """What somebody wants done."""

    names: ClassVar[tuple[Named, ...]] = ()
    """What its ids name besides its own aggregate."""

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
_STEP = re.compile(r"[A-Za-z_]\w*|\[")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>[^`]*)`")

_BOUND = re.compile(
    r"Expected `(?P<kind>[^`]*)`(?P<length> of length)? (?P<sign>[<>]=?) (?P<bound>[\d.e+-]+)$"
)
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}

PATTERNS: Mapping[str, str] = {
    r"regex '^[\\w.:@/+~-]+\\Z'": "may hold letters, digits and . : @ / + ~ _ - only, 1 to 120 of them",
    r"regex '^[A-Z]{3}\\Z'": "must be three capital letters, such as EUR",
}
"""How msgspec quotes a pattern, and what people read instead."""


def parse(cls: type[C], fields: Mapping[str, Any]) -> C:
    """A command of type `cls` from plain values. Raises `InvalidInput` that names the field and the rule."""
    if not _surely_storable(fields):
        _refuse_unstorable(dict(fields), "")
    try:
        return _in_utc(msgspec.convert(fields, cls, strict=True))
    except msgspec.ValidationError as refused:
        raise _explained(str(refused), cls) from None


def _in_utc(command: C) -> C:
    """The command with its moment in UTC, a year away from the ends of the calendar."""
    if not 1 < command.occurred_at.year < 9999:
        raise InvalidInput("occurred_at", "must lie in the years 2 to 9998")
    return msgspec.structs.replace(command, occurred_at=command.occurred_at.astimezone(UTC))


def _surely_storable(fields: Mapping[str, Any]) -> bool:
    """Whether one look at all texts together, in C, finds nothing that would have to be looked for."""
    try:
        return b"\\u0000" not in msgspec.json.encode(fields)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False


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


def _explained(refusal: str, cls: type[Command]) -> InvalidInput:
    place = _PLACE.search(refusal)
    path = place["path"] if place else ""
    rule = refusal[: place.start()] if place else refusal
    if missing := _MISSING.match(rule):
        return InvalidInput(f"{path}.{missing['name']}".lstrip("."), "is required")
    if unknown := _UNKNOWN.match(rule):
        return InvalidInput(f"{path}.{unknown['name']}".lstrip("."), "is not a field of this command")
    if words := next((words for pattern, words in PATTERNS.items() if rule.endswith(pattern)), None):
        return InvalidInput(path or "input", words)
    if bounded := _BOUND.match(rule):
        return InvalidInput(path or "input", _bound(**bounded.groupdict()))
    if rule.startswith("Invalid enum value") and (legal := _choices(cls, path)):
        rule = f"{rule}; must be one of {', '.join(legal)}"
    return InvalidInput(path or "input", rule[0].lower() + rule[1:])


def _bound(kind: str, length: str | None, sign: str, bound: str) -> str:
    """A bound as people read it."""
    if length is None:
        return f"must be {_BOUNDS[sign]} {bound}"
    if (sign, bound) == (">=", "1"):
        return "must not be empty"
    return f"must have {_BOUNDS[sign]} {bound} {'characters' if kind.startswith('str') else 'entries'}"


def _choices(cls: type[Command], path: str) -> list[str]:
    """The values of the enum at a path such as `rules[0].tier`; none where there is no enum."""
    kinds: Sequence[inspect.Type] = [inspect.type_info(cls)]
    for step in _STEP.findall(path):
        kinds = [part for kind in kinds for part in _alternatives(_within(kind, step))]
    return [member.value for kind in kinds if isinstance(kind, inspect.EnumType) for member in kind.cls]


def _within(kind: inspect.Type, step: str) -> inspect.Type | None:
    """The type of a record's field of that name, or of a sequence's items."""
    if isinstance(kind, inspect.StructType):
        return next((field.type for field in kind.fields if field.name == step), None)
    return kind.item_type if isinstance(kind, inspect.VarTupleType) else None


def _alternatives(kind: inspect.Type | None) -> Sequence[inspect.Type]:
    if kind is None:
        return ()
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)
