"""What is appended to a log, under which conditions, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is to be appended, encoded, with what rule 4 of the domain asks about it."""

    stream: str
    version: int
    name: str
    schema: int
    data: bytes
    personal: bytes | None = None
    """What is left out of `data` because it is personal."""
    tags: tuple[str, ...] = ()
    occurred_at: datetime
    customer_id: str | None = None
    command_id: str
    actor: str
    on_behalf_of: str | None = None
    causation_id: str | None = None
    correlation_id: str | None = None
    source: str | None = None


class NewCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is answered by the next `events` events of its unit."""

    command_id: str
    fingerprint: bytes
    stream: str
    version: int
    """The stream's version once the command is done."""
    events: int


class NoneSince(msgspec.Struct, frozen=True, kw_only=True):
    """The condition that no event with one of the names and all of the tags stands after a position.

    This is the "append condition" of dynamic consistency boundaries (dcb.events): by type, by tag, or both.
    """

    names: tuple[str, ...] | None = None
    """None: whatever its name."""
    tags: tuple[str, ...] = ()
    """Empty: whatever its tags."""
    after: int

    @property
    def relies_on(self) -> tuple[str, ...]:
        """What every event that matches writes one of."""
        return self.tags[:1] or (("*",) if self.names is None else self.names)


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What is appended all or not at all, if its conditions hold."""

    commands: Sequence[NewCommand]
    events: Sequence[NewEvent]
    expected: Mapping[str, int]
    """The version that each stream must have now; 0: it does not exist."""
    unless: Sequence[NoneSince] = ()

    @property
    def relies_on(self) -> set[str]:
        """The streams, tags and names of events that its conditions name."""
        named = set(self.expected)
        for condition in self.unless:
            named.update(condition.relies_on)
        return named

    @property
    def writes(self) -> set[str]:
        """The streams, tags and names of its events."""
        written = {"*"} if self.events else set()
        for e in self.events:
            written.add(e.stream)
            written.add(e.name)
            written.update(e.tags)
        return written


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """Where a unit stands in the log."""

    position: int
    """Of its last event; where it has none, the log's head at that time."""
    recorded_at: datetime
    events: int
    stream: str
    version: int
    repeated: bool = False
    """True where the command was done before and this is its first result."""


class Conflict(Exception):
    """A condition does not hold any more: somebody else was faster."""

    def __init__(self, subject: str, found: int) -> None:
        super().__init__(f"{subject} is at {found} already")
        self.subject, self.found = subject, found


class CommandIdReused(Exception):
    """The command id was used before, for another command."""

    def __init__(self, command_id: str) -> None:
        super().__init__(f"the command id {command_id!r} was used before, for another command")
        self.command_id = command_id


class UnknownTenant(Exception):
    """There is no such tenant."""


Outcome = Appended | Conflict | CommandIdReused
