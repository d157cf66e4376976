"""How the domain is specified: given what happened, when somebody wants something, then this happens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.commands import Command, parse
from domain.decider import Decider
from domain.errors import DomainError
from domain.events import Event, decode, encode

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""A Monday morning: the moment of every command that does not say another."""
BY = {"command_id": "command-1", "actor": "Li Na", "occurred_at": NOW}
"""Who asks, and when."""


def across(
    decider: Decider[Any], state: Any, command: Command, events: Sequence[Event]
) -> list[dict[str, Any]]:
    """What a decider with a boundary gets besides: the state of each tag."""
    boundary = decider.boundary
    if boundary is None:
        return []
    tags = boundary.tags(state, command)
    return [{tag: boundary.replay(event for event in events if tag in event.tags) for tag in tags}]


class Given:
    """An aggregate with a past."""

    def __init__(self, decider: Decider[Any], past: tuple[Event, ...]) -> None:
        self.decider, self.past = decider, past
        self.elsewhere: tuple[Event, ...] = ()

    def and_elsewhere(self, *past: Event) -> Given:
        """Events of other streams, which only a boundary sees."""
        self.elsewhere = past
        return self

    def when(self, wish: type[Command], **fields: Any) -> When:
        """A command from plain values, as clients send it."""
        return When(self, wish, fields)


class When:
    """A wish that meets the past."""

    def __init__(self, given: Given, wish: type[Command], fields: dict[str, Any]) -> None:
        self.given, self.wish, self.fields = given, wish, fields

    def decide(self) -> list[Event]:
        decider, command = self.given.decider, parse(self.wish, BY | self.fields)
        state = decider.replay(self.given.past)
        everything = [*self.given.past, *self.given.elsewhere]
        return list(decider.decide(state, command, *across(decider, state, command, everything)))

    def then(self, *expected: Event) -> None:
        """Exactly these events follow, can be stored, and can be followed by others."""
        happened = self.decide()
        assert happened == list(expected)
        for event in happened:
            assert decode(event.TOPIC, event.class_version, encode(event)) == event
        self.given.decider.replay((*self.given.past, *happened))

    def refused(self, error: type[DomainError], field: str | None = None) -> DomainError:
        """The rule that forbids it, and the field that broke the rule."""
        with pytest.raises(error) as refusal:
            self.decide()
        assert type(refusal.value) is error
        assert refusal.value.at == field
        assert "{" not in refusal.value.message
        return refusal.value


def given(decider: Decider[Any], *past: Event) -> Given:
    return Given(decider, past)
