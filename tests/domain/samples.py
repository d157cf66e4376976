"""A valid command of any type, made from its declaration."""

from __future__ import annotations

import types
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from domain.commands import METADATA, Command, parse
from tests.domain.spec import BY, NOW

C = TypeVar("C", bound=Command)


def sample(command: type[C], **fields: Any) -> C:
    """Every field filled: texts with their name, days and moments a little ahead, the first of each enum."""
    return parse(command, {**BY, **filled(command), **fields})


def filled(record: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(record, include_extras=True)
    return {name: _value(hints[name], name) for name in record.__struct_fields__ if name not in METADATA}


def _value(hint: Any, name: str) -> Any:
    least = None
    while get_origin(hint) is Annotated:
        bare, *marks = get_args(hint)
        least = next((m.ge for m in marks if getattr(m, "ge", None) is not None), least)
        hint = bare
    if get_origin(hint) in (Union, types.UnionType):
        return _value(next(part for part in get_args(hint) if part is not type(None)), name)
    if get_origin(hint) is tuple:
        return [_value(get_args(hint)[0], name)]
    if issubclass(hint, Enum):
        return next(iter(hint)).value
    if hint is bool:
        return True
    if hint in (int, float):
        return hint(max(2, least or 0))
    if hint is datetime:
        return NOW + timedelta(days=1)
    if hint is date:
        return (NOW + timedelta(days=1)).date().isoformat()
    if issubclass(hint, msgspec.Struct):
        return filled(hint)
    return "CNY" if name == "currency" else name
