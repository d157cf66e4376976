"""The scalars that GraphQL itself lacks, or that need a clearer rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NewType, TypeVar

import strawberry
from graphql import GraphQLError, IntValueNode, StringValueNode, TokenKind, ValueNode, print_ast
from strawberry.types.scalar import ScalarDefinition

from domain.records import Record

T = TypeVar("T")
Int64 = NewType("Int64", int)
"""An integer that JavaScript still reads exactly."""

LIMIT = 2**53 - 1
DIGITS = 100
"""Longer numbers are not read at all."""


# --- What is wrong, and where ---------------------------------------------------------------------


def _at(node: ValueNode, parse: Callable[[Any], T], value: Any) -> T:
    """The value of a literal; an error tells, as it does for variables, which field it was for."""
    try:
        return parse(value)
    except GraphQLError as error:
        raise _wrong(node, error.message) from None


def _wrong(node: ValueNode, rule: str) -> GraphQLError:
    """The rule after the name of the argument or the input's field in which the literal stands."""
    token = node.loc.start_token.prev if node.loc else None
    while token is not None and token.kind is not TokenKind.COLON and token.kind is not TokenKind.NAME:
        token = token.prev
    name = token.prev if token is not None and token.kind is TokenKind.COLON else None
    return GraphQLError(f"{name.value}: {rule}" if name else rule, node)


def _written(node: ValueNode) -> str:
    return repr(node.value[:DIGITS]) if isinstance(node, StringValueNode) else print_ast(node)[:DIGITS]


def _text_of(node: ValueNode) -> Any:
    """A literal's text; what is none is refused by whoever reads it."""
    return node.value if isinstance(node, StringValueNode) else _Literal(_written(node))


def _literal(parse: Callable[[Any], T]) -> Callable[..., T]:
    """What reads the literals of a scalar that is written as a text."""
    return lambda node, variables=None: _at(node, parse, _text_of(node))


class _Literal(str):
    """What is written in a document in the place of a text."""

    def __repr__(self) -> str:
        return str(self)


# --- Scalars --------------------------------------------------------------------------------------


def _parse(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError(f"Int64 takes a whole number, not {value!r}")
    if abs(value) > LIMIT:
        raise GraphQLError(f"Int64 takes numbers from -{LIMIT} to {LIMIT}, not {value}")
    return value


def _parse_literal(node: ValueNode, _: Any = None) -> int:
    if not isinstance(node, IntValueNode) or len(node.value) > DIGITS:
        raise _wrong(node, f"Int64 takes a whole number from -{LIMIT} to {LIMIT}, not {_written(node)}")
    return _at(node, _parse, int(node.value))


INT64: ScalarDefinition = strawberry.scalar(
    name="Int64",
    description="A whole number between -(2^53 - 1) and 2^53 - 1: exact in JSON and in JavaScript.",
    serialize=int,
    parse_value=_parse,
    parse_literal=_parse_literal,
)


class Place(Record):
    """A place in what a subscription tells: after all of a position, or after one of its messages."""

    position: int
    key: str | None = None

    @property
    def text(self) -> str:
        return str(self.position) if self.key is None else f"{self.position}/{self.key}"


_PLACE = re.compile(r"(?P<position>\d{1,15})(/(?P<key>.{1,200}))?\Z", re.ASCII | re.DOTALL)


def parse_place(value: Any) -> Place:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    said = _PLACE.match(value) if isinstance(value, str) else None
    if said is None:
        raise GraphQLError(f"Place takes a position, or the `cursor` of a message, not {value!r}")
    return Place(position=int(said["position"]), key=said["key"])


def _parse_place_literal(node: ValueNode, _: Any = None) -> Place:
    if not isinstance(node, IntValueNode | StringValueNode):
        raise GraphQLError("Place takes a position, or the `cursor` of a message", node)
    return parse_place(node.value)


PLACE: ScalarDefinition = strawberry.scalar(
    name="Place",
    description="Where a subscriber goes on: after a position (`51207`), or after a message (its `cursor`).",
    serialize=lambda place: place.text,
    parse_value=parse_place,
    parse_literal=_parse_place_literal,
)


def moment_text(moment: datetime) -> str:
    """ISO 8601, with as few digits of a second as it takes, as PostgreSQL writes it."""
    text = moment.isoformat()
    return text if moment.microsecond % 10 else _TRAILING.sub(r"\1", text, count=1)


_TRAILING = re.compile(r"(\.\d*?)0+(?=\D|$)")
"""A fraction's last zeros."""


def _parse_moment(value: Any) -> datetime:
    """A moment in UTC; without its zone a text names no moment."""
    takes = f"DateTime takes a moment with its zone, such as 2026-03-01T09:00:00Z, not {value!r:.100}"
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise GraphQLError(f"{takes}: the zone is missing")
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        _require_day(str(value)[:10], takes)
    raise GraphQLError(takes)


def _parse_day(value: Any) -> date:
    takes = f"Date takes a day such as 2026-03-01, not {value!r:.100}"
    if not isinstance(value, str) or isinstance(value, _Literal) or not _DAY.match(value):
        raise GraphQLError(takes)
    _require_day(value, takes)
    return date.fromisoformat(value)


def _require_day(text: str, takes: str) -> None:
    """Raises where a text is written like a day that is in no calendar."""
    if _DAY.match(text):
        try:
            date.fromisoformat(text)
        except ValueError:
            raise GraphQLError(f"{takes}: there is no such day") from None


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


MOMENT: ScalarDefinition = strawberry.scalar(
    name="DateTime",
    description="A moment, ISO 8601 with its zone: `2026-03-01T09:00:00+08:00`; answers are in UTC.",
    specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
    serialize=moment_text,
    parse_value=_parse_moment,
    parse_literal=_literal(_parse_moment),
)

DATE: ScalarDefinition = strawberry.scalar(
    name="Date",
    description="A day, ISO 8601: `2026-03-01`.",
    specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
    serialize=date.isoformat,
    parse_value=_parse_day,
    parse_literal=_literal(_parse_day),
)
