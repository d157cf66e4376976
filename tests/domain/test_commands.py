"""Bad input gets a named error that says which field and which rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from domain.commands import Command, parse
from domain.complaints import ReceiveComplaint
from domain.deciders import DECIDERS, decider_of
from domain.errors import DomainError, InvalidInput
from domain.orders import ORDERS, PlaceOrder
from domain.tiers import PublishTierPolicy

ORDER: dict[str, Any] = {
    "command_id": "command-1",
    "actor": "Li Na",
    "occurred_at": "2026-03-02T09:30:00Z",
    "order_id": "o-1",
    "customer_id": "c-1",
    "total_minor": 1000,
    "currency": "USD",
    "items": 2,
}


def refusal(fields: dict[str, Any], wish: type[Command] = PlaceOrder) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        parse(wish, fields)
    return refused.value


def test_a_command_is_made_from_plain_values() -> None:
    order = parse(PlaceOrder, ORDER)
    assert order.total_minor == 1000
    assert order.occurred_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_moments_are_kept_in_utc() -> None:
    east = timezone(timedelta(hours=8))
    order = parse(PlaceOrder, ORDER | {"occurred_at": datetime(2026, 3, 2, 7, tzinfo=east)})
    assert order.occurred_at == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert order.occurred_at.tzinfo is UTC


@pytest.mark.parametrize("missing", ORDER)
def test_a_missing_field_is_named(missing: str) -> None:
    refused = refusal({name: value for name, value in ORDER.items() if name != missing})
    assert (refused.at, refused.details["rule"]) == (missing, "is required")


def test_an_unknown_field_is_named() -> None:
    refused = refusal(ORDER | {"colour": "red"})
    assert (refused.at, refused.details["rule"]) == ("colour", "is not a field of this command")
    assert refused.code == "InvalidInput"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("order_id", "", "must not be empty"),
        ("items", -1, "must be at least 0"),
        ("order_id", "x" * 121, "must have at most 120 characters"),
        ("order_id", "two words", "may hold letters, digits and . : @ / + ~ _ - only, 1 to 120 of them"),
        ("order_id", "new\n", "may hold letters, digits and . : @ / + ~ _ - only, 1 to 120 of them"),
        ("actor", "x" * 201, "must have at most 200 characters"),
        ("description", "a\x00b", "must not contain the character NUL"),
        ("description", "a\ud83d", "must not contain half of a surrogate pair"),
        ("description", 7, "expected `str | null`, got `int`"),
        ("total_minor", "1000", "expected `int`, got `str`"),
        ("total_minor", 10.0, "expected `int`, got `float`"),
        ("total_minor", True, "expected `int`, got `bool`"),
        ("total_minor", 2**53, "must be at most 9007199254740991"),
        ("total_minor", 10**30, "must be at most 9007199254740991"),
        ("currency", "usd", "must be three capital letters, such as EUR"),
        ("occurred_at", "2026-03-02T09:30:00", "with a timezone component"),
        ("occurred_at", datetime(2026, 3, 2, 9, 30), "with a timezone component"),
        ("occurred_at", "yesterday", "invalid RFC3339 encoded datetime"),
        ("occurred_at", "0001-01-01T00:00:00+14:00", "must lie in the years 2 to 9998"),
        ("occurred_at", "9999-12-31T23:00:00-14:00", "must lie in the years 2 to 9998"),
    ],
)
def test_the_field_and_the_rule_it_broke_are_named(field: str, value: object, rule: str) -> None:
    refused = refusal(ORDER | {field: value})
    assert refused.at == field
    assert rule in str(refused.details["rule"])
    assert refused.message == f"{field}: {refused.details['rule']}"


@pytest.mark.parametrize("name", ["a\x00", "\ud83d"])
def test_a_fields_name_is_checked_too(name: str) -> None:
    assert refusal(ORDER | {name: 1}).at == "input"


def test_a_wrong_choice_is_named() -> None:
    kept = {name: ORDER[name] for name in ("command_id", "actor", "occurred_at", "customer_id")}
    complaint = kept | {"complaint_id": "k-1", "category": "weather", "text": "It rains."}
    refused = refusal(complaint, ReceiveComplaint)
    legal = "product, service_attitude, delivery, price, promise, other"
    assert refused.at == "category"
    assert refused.details["rule"] == f"invalid enum value 'weather'; must be one of {legal}"


def test_a_wrong_choice_deep_inside_is_named() -> None:
    policy = {name: ORDER[name] for name in ("command_id", "actor", "occurred_at", "currency")}
    days = {"policy_version": "1", "effective_from": "2026-01-01", "window_days": 365}
    refused = refusal(policy | days | {"rules": [{"tier": "gold"}, {"tier": "tin"}]}, PublishTierPolicy)
    assert refused.at == "rules[1].tier"
    assert "must be one of platinum, gold, iron, lead" in refused.message


@pytest.mark.parametrize("text", ["等了两个星期 😡", "x" * 100_000, "' OR 1=1 --", "a\r\n\tb", "é" * 10_000])
def test_any_text_passes_unchanged(text: str) -> None:
    kept = {name: ORDER[name] for name in ("command_id", "actor", "occurred_at", "customer_id")}
    complaint = parse(ReceiveComplaint, kept | {"complaint_id": "投诉/1", "category": "other", "text": text})
    assert complaint.text == text


def test_every_command_has_one_decider_and_says_what_it_does() -> None:
    commands = [command for decider in DECIDERS for command in decider.commands]
    assert len(commands) == len(set(commands))
    assert all(command.__doc__ and command.__doc__ != Command.__doc__ for command in commands)
    assert decider_of(PlaceOrder) is ORDERS
    with pytest.raises(LookupError, match="no aggregate decides Command"):
        decider_of(Command)


def test_the_ids_that_name_streams_are_fields_of_their_commands() -> None:
    for decider in DECIDERS:
        assert all(decider.id_field in (None, *cls.__struct_fields__) for cls in decider.commands)
    assert len({decider.name for decider in DECIDERS}) == len(DECIDERS)


def errors(base: type[DomainError] = DomainError) -> list[type[DomainError]]:
    below = [cls for cls in base.__subclasses__() if cls.__module__.startswith("domain.")]
    return below + [error for cls in below for error in errors(cls)]


@pytest.mark.parametrize("error", errors(), ids=lambda error: error.__name__)
def test_every_rule_has_a_message(error: type[DomainError]) -> None:
    assert error.__doc__
    assert error.__doc__ not in {base.__doc__ for base in error.__bases__}
