"""The schema is written down, described and labelled in full, and means what it says about null."""

from __future__ import annotations

import inspect
import re
import string
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

import api
from api import chinese
from api.labels import labelled
from api.schema import build_schema, printed
from domain.deciders import DECIDERS
from domain.errors import DomainError
from tests.api.conftest import BUILT_IN, REPORTS

WRITTEN = Path(__file__).parents[2] / "schema.graphql"
SCHEMA = build_schema({view.name: view for view in BUILT_IN}, REPORTS)
ENUMS = labelled(SCHEMA._schema.type_map)
FORGOTTEN = "api/chinese.py: tell what people read for it in Chinese"


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


# --- In Chinese -----------------------------------------------------------------------------------


def errors(of: type[DomainError] = DomainError) -> set[type[DomainError]]:
    """Every rule of the domain that can be broken."""
    met = {error for cls in of.__subclasses__() for error in (cls, *errors(cls))}
    return {error for error in met if error.__module__.startswith("domain.")}


def values_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_enum_value_has_a_chinese_label() -> None:
    told = {name: set(words) for name, words in chinese.ENUMS.items()}
    assert {kind.name: set(kind.values) for kind in ENUMS} == told, FORGOTTEN


def test_the_labels_of_one_enum_differ() -> None:
    for words in chinese.ENUMS.values():
        assert len(set(words.values())) == len(words)


def test_every_rule_has_chinese_words_with_the_same_values() -> None:
    broken = {error.__name__ for error in errors()} | {"IdempotencyKeyReused"}
    assert broken == set(chinese.RULES), FORGOTTEN
    for error in errors():
        assert values_of(inspect.cleandoc(error.__doc__ or "")) == values_of(chinese.RULES[error.__name__])


def test_every_code_has_chinese_words() -> None:
    """Codes are written where requests are refused, and in the tables of errors and of status."""
    written = "\n".join(file.read_text(encoding="utf-8") for file in Path(api.__path__[0]).glob("*.py"))
    found = re.findall(r'(?:refused\(\s*|Unfit\(\s*\d+,\s*|: \(|\bcode": )"([A-Z][A-Z_]+)"', written)
    found += re.findall(r'return "([A-Z]+_[A-Z_]+)"', written)
    assert {"FORBIDDEN", "NOT_REACHED", "RATE_LIMITED", "METHOD_NOT_ALLOWED"} <= {*found}
    assert {*found} - {*chinese.CODES} == set(), FORGOTTEN


def test_matters_and_their_steps_have_chinese_words() -> None:
    courses = [decider for decider in DECIDERS if decider.decide.__module__ == "domain.course"]
    assert courses
    nouns = {decider.name.replace("_", " ") for decider in courses}
    assert nouns - {*chinese.WORDS} == set(), FORGOTTEN
    for decider in courses:
        moves = inspect.getclosurevars(decider.decide).nonlocals["by_command"].values()
        assert {step for move in moves for step in (move.to, *move.after)} <= {*chinese.WORDS}
