"""Replays a customer's events: what each was, who caused it, and what it changed in the state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from domain.deciders import DECIDERS
from domain.events import Event, Recorded
from domain.records import Record

_BY_NAME = {decider.name: decider for decider in DECIDERS}


class Change(Record):
    """One field of a state, before and after an event; None where there is no value."""

    field: str
    old: Any
    new: Any


class Replayed(Record):
    """One event in a customer's story."""

    position: int
    occurred_at: datetime
    recorded_at: datetime
    event: str
    stream: str
    version: int
    actor: str
    on_behalf_of: str | None
    source: str | None
    command_id: str
    data: dict[str, Any]
    """The event's own fields."""
    changes: tuple[Change, ...]
    """In the state of its stream."""


def replay(events: Sequence[Recorded[Event]]) -> Iterator[Replayed]:
    """A customer's events in order, each with what it changed."""
    states: dict[str, Any] = {}
    for recorded in events:
        decider = _BY_NAME[recorded.stream.partition("-")[0]]
        before = states.get(recorded.stream, decider.initial)
        after = states[recorded.stream] = decider.evolve(before, recorded.event)
        yield Replayed(
            position=recorded.position,
            occurred_at=recorded.occurred_at,
            recorded_at=recorded.recorded_at,
            event=recorded.name,
            stream=recorded.stream,
            version=recorded.version,
            actor=recorded.actor,
            on_behalf_of=recorded.on_behalf_of,
            source=recorded.source,
            command_id=recorded.command_id,
            data=msgspec.to_builtins(recorded.event),
            changes=tuple(_changes(before, after)),
        )


def _changes(before: Any, after: Any) -> Iterator[Change]:
    for field in after.__struct_fields__:
        old, new = _plain(getattr(before, field)), _plain(getattr(after, field))
        if old != new:
            yield Change(field=field, old=old, new=new)


def _plain(value: Any) -> Any:
    """A value as JSON would have it; sets in order."""
    plain = msgspec.to_builtins(value)
    return sorted(plain) if isinstance(value, frozenset) else plain
