"""How an aggregate is described: where it begins, how events change it, what commands may do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from domain.commands import Command
from domain.events import Event

S = TypeVar("S")
E = TypeVar("E", bound=Event)


def carry(cls: type[E], command: Command, **more: object) -> E:
    """An event that takes over those fields of the command that bear the same name, and has these more."""
    return cls(**{name: getattr(command, name) for name in cls.__struct_fields__ if name not in more}, **more)


class Fold(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """Where a state begins, and how events change it."""

    initial: S
    evolve: Callable[[S, Any], S]

    def replay(self, events: Iterable[Event], state: S | None = None) -> S:
        """The state that these events make, from the beginning or from `state`."""
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current


class Boundary(Fold[S], Generic[S], frozen=True, kw_only=True):
    """What the events of one tag make, whichever streams they stand in: a balance, an identifier's holder."""

    tags: Callable[[Any, Any], Sequence[str]]
    """Those that a decision depends on, by the aggregate's state and the command.

    A tag that only the state tells was told before by the command that put it there.
    """
    foreign: bool = False
    """Only others change what it is made of: those who decide on it need not wait for one another."""


class Decider(Fold[S], Generic[S], frozen=True, kw_only=True):
    """One aggregate's behaviour as plain functions; the machinery loads, decides and appends.

    `decide` gets the state that the stream's events make, and answers with the events that shall
    follow; it raises a `DomainError` and changes nothing otherwise. Its state has a `customer_id`
    where it belongs to a customer; `guard`, if given, then also sees that customer's state, and the
    decision holds only if that customer did not change meanwhile. With a `boundary`, `decide` gets the
    states of the tags that it names as a third argument, by tag, and the decision holds only if no event
    with one of them was appended meanwhile.
    """

    name: str
    """The stream's category: an aggregate's stream is `name-id`."""
    id_field: str | None
    """The field of its commands that holds the id; None where there is only one, whose stream is `name`."""
    decide: Callable[..., Sequence[Event]]
    commands: tuple[type[Command], ...]
    begins: tuple[type[Command], ...] = ()
    """Those of the commands that begin an aggregate: nothing is read for them, their stream should be new."""
    guard: Callable[[Any, Any], None] | None = None
    boundary: Boundary[Any] | None = None

    def stream(self, id: str) -> str:
        return f"{self.name}-{id}"

    def stream_of(self, command: Command) -> str:
        return self.name if self.id_field is None else self.stream(getattr(command, self.id_field))

    def tags(self, state: S, command: Command) -> Sequence[str]:
        """The tags that the decision on a command depends on."""
        return () if self.boundary is None else self.boundary.tags(state, command)

    def contended(self, command: Command) -> Sequence[str]:
        """Those of the tags that such decisions change: of two at once, one would have to begin anew."""
        return () if self.boundary is None or self.boundary.foreign else self.tags(self.initial, command)
