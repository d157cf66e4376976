"""How a cell's text is read as a value of a command's field: strictly, or with the rule that it breaks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import inspect

from domain.records import Record

_DAY = re.compile(r"[0-9]{4}(-?)[0-9]{2}\1[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,10})?")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_BETWEEN = re.compile(r"[;；]")
TRUTH = {
    "true": True,
    "yes": True,
    "1": True,
    "是": True,
    "false": False,
    "no": False,
    "0": False,
    "否": False,
}
"""What a yes and a no may look like."""


class Dates(Record):
    """How a file writes its dates and times."""

    zone: ZoneInfo
    """Of those that name none."""
    formats: tuple[str, ...] = ()
    """As of `strptime`, tried in this order, and ISO 8601 after them."""


Read = Callable[[str, Dates], Any]
"""Reads a cell's text. Raises `ValueError` with the rule that it breaks."""


def moment(text: str, dates: Dates) -> datetime:
    """A date, which means the start of that day, or a date and time; in the import's zone, else UTC."""
    try:
        return _moment(text, dates)
    except OverflowError as error:
        raise ValueError(str(error)) from None


@lru_cache(maxsize=4_096)
def _moment(text: str, dates: Dates) -> datetime:
    found = _formatted(text, dates.formats)
    if found is None:
        if _DAY.fullmatch(text):
            found = datetime.combine(_iso_day(text), time())
        elif _MOMENT.fullmatch(text):
            found = datetime.fromisoformat(text)
        else:
            kinds = " or ".join([*map(repr, dates.formats), "1997-01-31"])
            raise ValueError(f"{text!r} is not a date such as {kinds}, nor a date and time of ISO 8601")
    return (found if found.tzinfo else found.replace(tzinfo=dates.zone)).astimezone(UTC)


def day(text: str, dates: Dates) -> date:
    """A date; of one with a time, the day that is written."""
    found = _formatted(text, dates.formats)
    if found is not None:
        return found.date()
    return _iso_day(text[:10] if _MOMENT.fullmatch(text) else text)


def _formatted(text: str, formats: Sequence[str]) -> datetime | None:
    for form in formats:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def _iso_day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise ValueError(f"{text!r} is not a date such as 1997-01-31 or 19970131")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day of the calendar") from None


def amount(text: str) -> str:
    """An amount such as 11.77."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{text!r} is not an amount such as 11.77")
    if text.startswith("-"):
        raise ValueError(f"{text!r} is negative; what was paid back is a refund of its own")
    return text


def whole(text: str, _: Dates) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def number(text: str, _: Dates) -> float:
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text):
        raise ValueError(f"{text!r} is not a number such as 1.5")
    return float(text)


def truth(text: str, _: Dates) -> bool:
    if text.lower() not in TRUTH:
        raise ValueError(f"{text!r} is neither of true and false, yes and no, 1 and 0, 是 and 否")
    return TRUTH[text.lower()]


def plain(text: str, _: Dates) -> str:
    return text


def _listed(item: Read) -> Read:
    """Values between semicolons, or a JSON list of texts."""

    def read(text: str, dates: Dates) -> Any:
        if text.startswith("["):
            return _json_list(text)
        return [item(part.strip(), dates) for part in _BETWEEN.split(text) if part.strip()]

    return read


def _paired(kind: inspect.StructType) -> Read:
    """`name=value` between semicolons, for the first two fields of a record; or a JSON list of them."""
    name, value = kind.fields[0], kind.fields[1]
    read_value = reader(value.type)

    def read(text: str, dates: Dates) -> Any:
        if text.startswith("["):
            return _json_list(text)
        return [entry(part.strip(), dates) for part in _BETWEEN.split(text) if part.strip()]

    def entry(text: str, dates: Dates) -> dict[str, Any]:
        key, equals, rest = text.partition("=")
        if not equals:
            raise ValueError(
                f"{text!r} is not like {name.name}={value.name}; several stand between semicolons"
            )
        return {name.name: key.strip(), value.name: read_value(rest.strip(), dates)}

    return read


def _json_list(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None


def bare(kind: inspect.Type) -> inspect.Type:
    """A type without the alternative that there is no value."""
    if isinstance(kind, inspect.UnionType):
        return next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    return kind


def pairs(kind: inspect.Type) -> bool:
    """Whether a field holds names with values, each of which may have a column of its own."""
    kind = bare(kind)
    return isinstance(kind, inspect.VarTupleType) and isinstance(kind.item_type, inspect.StructType)


def reader(kind: inspect.Type) -> Read:
    """What reads cells into a field of this type."""
    match bare(kind):
        case inspect.IntType():
            return whole
        case inspect.FloatType():
            return number
        case inspect.BoolType():
            return truth
        case inspect.DateType():
            return day
        case inspect.DateTimeType():
            return moment
        case inspect.VarTupleType(item_type=inspect.StructType() as record):
            return _paired(record)
        case inspect.VarTupleType(item_type=item):
            return _listed(reader(item))
        case inspect.StrType() | inspect.EnumType():
            return plain
        case other:
            raise TypeError(f"no cell can be read as {other}")


def words(kind: inspect.Type) -> str:
    """What a field of this type holds, for people."""
    match bare(kind):
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.BoolType():
            return "yes or no"
        case inspect.DateType():
            return "a date"
        case inspect.DateTimeType():
            return "a date, or a date and time"
        case inspect.EnumType(cls=choices):
            return _either([str(choice.value) for choice in choices])
        case inspect.VarTupleType(item_type=inspect.StructType(fields=(name, value, *_))):
            return f"{name.name}={value.name}; … or a column for each, such as FIELD.NAME"
        case inspect.VarTupleType():
            return "one or several, between semicolons"
        case inspect.StrType(max_length=int(length)) if length <= 120:
            return "an id"
        case inspect.StrType(max_length=int(length)) if length <= 500:
            return f"at most {length} characters"
        case _:
            return "a text"


def _either(choices: Sequence[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
