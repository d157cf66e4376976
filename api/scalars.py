"""The scalars that GraphQL itself lacks."""

from __future__ import annotations

from typing import Any, NewType

import strawberry
from graphql import GraphQLError, IntValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

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
