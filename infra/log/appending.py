"""Appending: units become the rows of one statement, its answer their outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import asyncpg
import msgspec

from domain.erasure import PersonalDataErased
from infra.log.units import Appended, CommandIdReused, Conflict, NewEvent, Outcome, Unit

APPEND = "SELECT * FROM kehu.append($1, $2, $3, $4, $5, $6, $7)"
APPEND_ERASING = "SELECT * FROM kehu.append_erasing($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"

Row = tuple[Any, ...]
Stored = Callable[[NewEvent], bytes]
"""What makes the bytes that are stored of an event."""
PLAIN: Stored = attrgetter("data")


def refusal(unit: Unit, row: asyncpg.Record) -> Outcome:
    if row["why"] == "repeated":
        command = unit.commands[-1]
        return first_result(command.command_id, command.fingerprint, row)
    found = row["version"] if row["found"] is None else row["found"]
    return Conflict(row["subject"], found)


def first_result(command_id: str, fingerprint: bytes, row: asyncpg.Record) -> Outcome:
    if row["fingerprint"] != fingerprint:
        return CommandIdReused(command_id)
    return Appended(
        position=row["found"],
        recorded_at=row["at"],
        events=row["events"],
        stream=row["subject"],
        version=row["version"],
        repeated=True,
    )


def rows(units: Sequence[Unit], stored: Stored) -> tuple[list[Row], ...]:
    """What `kehu.append` takes: conditions on streams, conditions of absence, and what is written."""
    expected: list[Row] = []
    absences: list[Row] = []
    for number, unit in enumerate(units, start=1):
        expected += [(number, stream, version) for stream, version in unit.expected.items()]
        absences += [
            (number, None if c.names is None else json_of(c.names), json_of(c.tags), c.after)
            for c in unit.unless
        ]
    return expected, absences, *written(units, stored)


def written(units: Sequence[Unit], stored: Stored = PLAIN) -> tuple[list[Row], list[Row], list[Row]]:
    """The events, tags and commands of units as rows."""
    events: list[Row] = []
    tags: list[Row] = []
    commands: list[Row] = []
    for number, unit in enumerate(units, start=1):
        done = len(events)
        latest = {e.stream: e.version for e in unit.events}
        for e in unit.events:
            events.append(
                (
                    number, e.stream, e.version, e.version == latest[e.stream], e.name, e.schema,
                    e.occurred_at, e.customer_id, e.command_id, e.actor, e.on_behalf_of,
                    e.causation_id, e.correlation_id, e.source, stored(e),
                )
            )  # fmt: skip
            tags += [(len(events), tag, e.name) for tag in e.tags]
        for k in unit.commands:
            done += k.events
            commands.append((number, k.command_id, k.fingerprint, k.stream, k.version, done, k.events))
    return events, tags, commands


def erased_by(units: Sequence[Unit]) -> list[str]:
    """The customers whose personal data these units erase."""
    events = [e for unit in units for e in unit.events]
    return [e.customer_id for e in events if e.name == PersonalDataErased.TOPIC and e.customer_id]


def json_of(texts: Sequence[str]) -> str:
    """A list of texts as PostgreSQL takes it."""
    return msgspec.json.encode(texts).decode()
