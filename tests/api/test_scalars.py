"""A value that a scalar cannot take is refused with the field's name and the rule."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_variable_values, parse, validate

from api.schema import build_schema
from tests.api.conftest import BUILT_IN

SCHEMA = build_schema(
    {view.name: view for view in BUILT_IN if view.name in {"customers", "orders"}}, {}
)._schema
ORDER = {"orderId": "1", "customerId": "1", "totalMinor": 5, "currency": "EUR", "items": 1}
PLACE = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { position } }"
AT = "query ($at: AsOf) @asOf(at: $at) { orders { totalCount } }"


def in_variables(query: str, **given: Any) -> list[str]:
    [operation] = parse(query).definitions
    assert isinstance(operation, OperationDefinitionNode)
    found = get_variable_values(SCHEMA, operation.variable_definitions or (), given)
    return [error.message for error in found] if isinstance(found, list) else []


MOMENT = "DateTime takes a moment with its zone, such as 2026-03-01T09:00:00Z, not "
DAY = "Date takes a day such as 2026-03-01, not "
NO_DAY = ": there is no such day"
WHOLE = "Int64 takes a whole number from -9007199254740991 to 9007199254740991, not "
NUMBER = "Int64 takes numbers from -9007199254740991 to 9007199254740991, not "
WRONG: list[tuple[str, Any, str]] = [
    ("totalMinor", 2**53, f"{NUMBER}9007199254740992"),
    ("totalMinor", 1.5, "Int64 takes a whole number, not 1.5"),
    ("totalMinor", "5", "Int64 takes a whole number, not '5'"),
    ("totalMinor", True, "Int64 takes a whole number, not True"),
    ("occurredAt", "2026-02-30T00:00:00Z", f"{MOMENT}'2026-02-30T00:00:00Z'{NO_DAY}"),
    ("occurredAt", "2026-02-03T00:00:00", f"{MOMENT}'2026-02-03T00:00:00': the zone is missing"),
    ("occurredAt", "2026-02-03T25:00:00Z", f"{MOMENT}'2026-02-03T25:00:00Z'"),
    ("occurredAt", 5, f"{MOMENT}5"),
]


@pytest.mark.parametrize(("name", "value", "rule"), WRONG)
def test_a_wrong_value_in_an_input_is_named(name: str, value: Any, rule: str) -> None:
    assert in_variables(PLACE, input=ORDER) == []
    wrong = in_variables(PLACE, input=ORDER | {name: value})
    assert wrong == [f"Variable '$input' has invalid value at .{name}: {rule}"]


@pytest.mark.parametrize("day", ["2026-02-30", "20260203", "2026-W01-1", "2026-2-3", "٢٠٢٦-01-01", "", 5])
def test_a_day_is_one_of_the_calendar_written_in_one_way(day: Any) -> None:
    assert in_variables(AT, at={"day": "2026-02-03"}) == []
    reason = NO_DAY if day == "2026-02-30" else ""
    assert in_variables(AT, at={"day": day}) == [
        f"Variable '$at' has invalid value at .day: {DAY}{day!r}{reason}"
    ]


@pytest.mark.parametrize(
    ("filter", "rule"),
    [
        ("totalMinor: {gt: 9007199254740993}", f"gt: {NUMBER}9007199254740993"),
        ("totalMinor: {in: [1, 1.5]}", f"in: {WHOLE}1.5"),
        (f"totalMinor: {{gt: {'1' * 5000}}}", f"gt: {WHOLE}{'1' * 100}"),
        ('placedAt: {lt: "2026-02-30T00:00:00Z"}', f"lt: {MOMENT}'2026-02-30T00:00:00Z'{NO_DAY}"),
        ("placedAt: {lt: 5}", f"lt: {MOMENT}5"),
    ],
)  # fmt: skip
def test_a_wrong_value_in_the_document_is_named_as_well(filter: str, rule: str) -> None:
    document = parse(f"{{ orders(filter: {{{filter}}}) {{ totalCount }} }}")
    assert [error.message for error in validate(SCHEMA, document)] == [rule]
