"""The scalars that GraphQL itself lacks, or that need a clearer rule."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from domain.records import Record

Int64 = NewType("Int64", int)
"""An integer that JavaScript still reads exactly."""

LIMIT = 2**53 - 1


def _parse(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError(f"Int64 takes a whole number, not {value!r}")
    if abs(value) > LIMIT:
        raise GraphQLError(f"Int64 takes numbers from -{LIMIT} to {LIMIT}, not {value}")
    return value


def _parse_literal(node: ValueNode, _: Any = None) -> int:
    if not isinstance(node, IntValueNode):
        raise GraphQLError("Int64 takes a whole number", node)
    return _parse(int(node.value))


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
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise GraphQLError(f"DateTime takes a moment with its zone, such as 2026-03-01T09:00:00Z, not {value!r}")


MOMENT: ScalarDefinition = strawberry.scalar(
    name="DateTime",
    description="A moment, ISO 8601 with its zone: `2026-03-01T09:00:00+08:00`; answers are in UTC.",
    specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
    serialize=moment_text,
    parse_value=_parse_moment,
)
