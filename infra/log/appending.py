"""Appending: units become the arrays of one statement, its answer their outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import msgspec

from infra.log.units import Appended, CommandIdReused, Conflict, Outcome, Unit

APPEND = f"SELECT * FROM kehu.append({', '.join(f'${n}' for n in range(1, 37))})"


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


def columns(units: Sequence[Unit]) -> Iterable[list[Any]]:
    """The arrays that `kehu.append` takes, in its order: conditions, events, tags, streams, commands."""
    conditions: list[tuple[Any, ...]] = []
    absences: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    tags: list[tuple[Any, ...]] = []
    streams: list[tuple[Any, ...]] = []
    commands: list[tuple[Any, ...]] = []
    for number, unit in enumerate(units, start=1):
        conditions += [(number, stream, version) for stream, version in unit.expected.items()]
        absences += [
            (number, None if c.names is None else json_of(c.names), json_of(c.tags), c.after)
            for c in unit.unless
        ]
        written: dict[str, int] = {}
        done = len(events)
        for e in unit.events:
            events.append(
                (
                    number, e.stream, e.version, e.name, e.schema, e.occurred_at, e.customer_id, e.command_id,
                    e.actor, e.on_behalf_of, e.causation_id, e.correlation_id, e.source, e.data,
                )
            )  # fmt: skip
            written[e.stream] = e.version
            tags += [(len(events), tag, e.name) for tag in e.tags]
        streams += [(number, stream, version) for stream, version in written.items()]
        for k in unit.commands:
            done += k.events
            commands.append((number, k.command_id, k.fingerprint, k.stream, k.version, done, k.events))
    for rows, width in (
        (conditions, 3), (absences, 4), (events, 14), (tags, 3), (streams, 3), (commands, 7),
    ):  # fmt: skip
        yield from (
            (list(column) for column in zip(*rows, strict=True)) if rows else ([] for _ in range(width))
        )


def json_of(texts: Sequence[str]) -> str:
    """A list of texts as PostgreSQL takes it."""
    return msgspec.json.encode(texts).decode()
