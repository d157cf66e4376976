"""How the domain is specified: given what happened, when somebody wants something, then this happens."""

from __future__ import annotations

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


class Given:
    """An aggregate with a past."""

    def __init__(self, decider: Decider[Any], past: tuple[Event, ...]) -> None:
        self.decider, self.past = decider, past

    def when(self, wish: type[Command], **fields: Any) -> When:
        """A command from plain values, as clients send it."""
        return When(self, wish, fields)


class When:
    """A wish that meets the past."""

    def __init__(self, given: Given, wish: type[Command], fields: dict[str, Any]) -> None:
        self.given, self.wish, self.fields = given, wish, fields

    def decide(self) -> list[Event]:
        decider = self.given.decider
        return list(decider.decide(decider.replay(self.given.past), parse(self.wish, BY | self.fields)))

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
