"""What is stored is a contract: every event's bytes, its personal fields, and how old versions are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from eventsourcing.utils import TopicError, resolve_topic

import domain.events
import domain.policies
from domain.commands import Address, Text
from domain.customers import ChurnCause, RelationshipEnded
from domain.deciders import DECIDERS
from domain.events import (
    ERASED,
    Event,
    UnknownEvent,
    catalogue,
    decode,
    encode,
    erased,
    event,
    join,
    personal_fields,
    scrubbed,
    split,
)

GOLDEN = [
    json.loads(line)
    for line in Path(__file__).with_name("stored_events.jsonl").read_text("utf-8").splitlines()
]
EVENTS = {name: cls for name, cls in catalogue.items() if cls.__module__.startswith("domain.")}


def stored(line: dict[str, Any]) -> Event:
    return decode(line["name"], line["version"], line["bytes"].encode())


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_has_golden_bytes_of_each_version(name: str) -> None:
    versions = [line["version"] for line in GOLDEN if line["name"] == name]
    assert versions == list(range(1, EVENTS[name].class_version + 1)), f"add {name} to stored_events.jsonl"


@pytest.mark.parametrize("line", GOLDEN, ids=lambda line: f"{line['name']}-{line['version']}")
def test_stored_bytes_give_the_event_and_the_event_gives_the_bytes(line: dict[str, Any]) -> None:
    event = stored(line)
    assert type(event) is catalogue[line["name"]]
    if line["version"] == event.class_version:
        assert encode(event).decode() == line["bytes"]
        assert list(json.loads(line["bytes"])) == list(event.__struct_fields__)
        assert None not in json.loads(line["bytes"]).values(), "the example must fill every field"


@pytest.mark.parametrize("line", GOLDEN, ids=lambda line: f"{line['name']}-{line['version']}")
def test_what_is_personal_can_be_taken_out_of_the_bytes_and_put_back(line: dict[str, Any]) -> None:
    event = stored(line)
    kept, personal = split(event)
    told = {name for name in personal_fields(type(event)) if getattr(event, name)}
    assert not told & json.loads(kept).keys()
    if personal is None:
        assert told == set()
        assert kept == encode(event)
        return
    assert json.loads(personal).keys() == told
    assert decode(event.TOPIC, event.class_version, join(kept, personal)) == event
    bare = decode(event.TOPIC, event.class_version, join(kept, erased(event.TOPIC, sorted(told))))
    assert bare == scrubbed(event)
    assert {getattr(bare, name) for name in told} <= {ERASED, None, ()}
    assert encode(bare) != encode(event)


@pytest.mark.parametrize("name", EVENTS)
def test_a_stored_name_is_no_module_path_and_leads_back_to_the_event(name: str) -> None:
    assert name.isalnum()
    assert resolve_topic(name) is EVENTS[name]


def test_an_unknown_event_or_version_is_never_skipped_silently() -> None:
    for name, version in (("NeverDeclared", 1), ("OrderPlaced", 2)):
        with pytest.raises(UnknownEvent, match=f"event '{name}' version {version} is not known"):
            decode(name, version, b"{}")


def test_a_name_is_declared_once() -> None:
    with pytest.raises(TopicError):

        @event("OrderPlaced")
        class OrderPlacedAgain(Event):
            order_id: str

    assert catalogue["OrderPlaced"].__name__ == "OrderPlaced"


# --- Personal fields ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", EVENTS.values(), ids=lambda cls: cls.__name__)
def test_names_birthdays_identifiers_and_free_words_are_declared_personal(cls: type[Event]) -> None:
    telling = {"name", "birthday", "value", "identifiers", *free_texts()}
    assert telling & set(cls.__struct_fields__) == personal_fields(cls)


def free_texts() -> set[str]:
    """The fields in which commands take free words or addresses."""
    return {
        field
        for decider in DECIDERS
        for command in decider.commands
        for field, hint in get_type_hints(command, include_extras=True).items()
        if {Text, Address} & {hint, *get_args(hint)}
    }


def test_free_texts_are_found() -> None:
    assert {"text", "reason", "note", "value"} <= free_texts()


# --- Old versions ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parcel_sent() -> Iterator[type[Event]]:
    """Version 1 had the weight in grams and no carrier, version 2 in kilograms; gone after these tests."""

    @event("ParcelSent", version=3)
    class ParcelSent(Event):
        parcel_id: str
        kilograms: float
        carrier: str

        @staticmethod
        def upcast_v1_v2(fields: dict[str, Any]) -> None:
            fields["kilograms"] = fields.pop("grams") / 1000

        @staticmethod
        def upcast_v2_v3(fields: dict[str, Any]) -> None:
            fields["carrier"] = "post"

    yield ParcelSent
    domain.events._catalogue.pop("ParcelSent")


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, b'{"parcel_id":"x","grams":1500}'),
        (2, b'{"parcel_id":"x","kilograms":1.5}'),
        (3, b'{"parcel_id":"x","kilograms":1.5,"carrier":"post"}'),
    ],
)
def test_old_versions_are_lifted_when_they_are_read(
    parcel_sent: type[Event], version: int, data: bytes
) -> None:
    lifted = decode("ParcelSent", version, data)
    assert type(lifted) is parcel_sent
    assert encode(lifted) == b'{"parcel_id":"x","kilograms":1.5,"carrier":"post"}'


def test_who_left_before_identifiers_were_known_held_none() -> None:
    ended = decode("RelationshipEnded", 1, b'{"customer_id":"c-1","cause":"natural"}')
    assert ended == RelationshipEnded(customer_id="c-1", cause=ChurnCause.NATURAL)
    assert ended.tags == ()


@pytest.mark.usefixtures("parcel_sent")
def test_a_version_that_does_not_fit_its_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="grams"):
        decode("ParcelSent", 3, b'{"parcel_id":"x","grams":1500,"kilograms":1.5,"carrier":"post"}')
