"""Units and commands that the tests of the machinery append, each with an id of its own."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any, TypeVar

from domain.commands import Command, parse
from domain.customers import CustomerRegistered
from domain.events import encode
from infra.log.log import Log
from infra.log.units import Appended, NewCommand, NewEvent, NoneSince, Unit

C = TypeVar("C", bound=Command)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FACT = encode(CustomerRegistered(customer_id="li"))
_numbers = itertools.count(1)


def wish(cls: type[C], **fields: Any) -> C:
    """A command; what it does not say is filled in."""
    given = {"command_id": f"wish-{next(_numbers)}", "actor": "Li Na", "occurred_at": NOON}
    return parse(cls, given | fields)


def written(
    stream: str,
    version: int,
    *,
    command_id: str | None = None,
    events: int = 1,
    tags: tuple[str, ...] = (),
    unless: tuple[NoneSince, ...] = (),
    customer_id: str | None = None,
    fingerprint: bytes = b"f",
) -> Unit:
    """A unit of one command that finds a stream at a version and appends some events to it."""
    id = command_id or f"unit-{next(_numbers)}"
    command = NewCommand(
        command_id=id, fingerprint=fingerprint, stream=stream, version=version + events, events=events
    )
    new = [
        NewEvent(
            stream=stream,
            version=version + n,
            name="CustomerRegistered",
            schema=1,
            data=FACT,
            tags=tags,
            occurred_at=NOON,
            customer_id=customer_id,
            command_id=id,
            actor="Li Na",
        )
        for n in range(1, events + 1)
    ]
    return Unit(commands=[command], events=new, expected={stream: version}, unless=unless)


def together(*units: Unit) -> Unit:
    """One unit of several, on different streams."""
    expected = {stream: version for unit in units for stream, version in unit.expected.items()}
    return Unit(
        commands=[command for unit in units for command in unit.commands],
        events=[event for unit in units for event in unit.events],
        expected=expected,
        unless=[condition for unit in units for condition in unit.unless],
    )


async def appended(log: Log, *units: Unit) -> list[Appended]:
    """Append units that are all taken."""
    outcomes = await log.append(units)
    taken = [outcome for outcome in outcomes if isinstance(outcome, Appended)]
    assert len(taken) == len(units), outcomes
    return taken
