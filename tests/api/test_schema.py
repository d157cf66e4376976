"""The schema is written down, complete in its descriptions, and means what it says about null."""

from __future__ import annotations

from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    validate_schema,
)
from graphql import (
    build_schema as parse_schema,
)

from api.schema import build_schema, printed
from tests.api.conftest import BUILT_IN, REPORTS

WRITTEN = Path(__file__).parents[2] / "schema.graphql"
SCHEMA = build_schema({view.name: view for view in BUILT_IN}, REPORTS)


def test_the_written_schema_is_the_one_that_is_served() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == printed(SCHEMA), (
        "schema.graphql is out of date: run `make schema`"
    )


def test_the_written_schema_is_valid() -> None:
    assert validate_schema(parse_schema(WRITTEN.read_text(encoding="utf-8"))) == []


def test_everything_is_described() -> None:
    core: GraphQLSchema = SCHEMA._schema
    missing = [
        place
        for kind in core.type_map.values()
        if not kind.name.startswith("__") and not isinstance(kind, GraphQLEnumType)
        for place, described in _places(kind)
        if not described
    ]
    assert missing == []


def _places(kind: object) -> list[tuple[str, str | None]]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        fields = [(f"{kind.name}.{name}", field.description) for name, field in kind.fields.items()]
        arguments = [
            (f"{kind.name}.{name}({key})", argument.description)
            for name, field in kind.fields.items()
            for key, argument in field.args.items()
        ]
        return [(kind.name, kind.description), *fields, *arguments]
    if isinstance(kind, GraphQLInputObjectType):
        inputs = [(f"{kind.name}.{name}", field.description) for name, field in kind.fields.items()]
        return [(kind.name, kind.description), *inputs]
    return [(str(kind), getattr(kind, "description", None))]


def test_what_every_row_has_is_never_null() -> None:
    order, entry = (SCHEMA._schema.type_map[name] for name in ("Order", "TimelineEntry"))
    assert isinstance(order, GraphQLObjectType)
    assert isinstance(entry, GraphQLObjectType)
    assert {name for name, field in order.fields.items() if not str(field.type).endswith("!")} == {
        "description", "fulfilledAt", "cancelledBecause", "category", "customer",
    }  # fmt: skip
    assert str(entry.fields["occurredAt"].type) == "DateTime!"
