"""What a unit will hold: commands decided on loaded states and boundaries, each seeing those before it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from copy import copy
from itertools import groupby
from typing import Any

import msgspec

from domain.commands import METADATA, Command
from domain.customers import CUSTOMERS
from domain.decider import Boundary, Decider
from domain.deciders import BY_NAME, decider_of
from domain.errors import DomainError
from domain.events import Event, split
from domain.merging import file_tag
from domain.naming import names_of, require_named
from infra.log.units import NewCommand, NewEvent, NoneSince, Unit


class Loaded(msgspec.Struct, frozen=True):
    """An aggregate's state at a version of its stream."""

    version: int
    state: Any


class Rows(msgspec.Struct, frozen=True):
    """Which commands belong together: those of a row are done all or not at all."""

    numbers: Sequence[int] = ()
    """Of each command in turn; none: each is a row of its own."""
    harmless: tuple[type[DomainError], ...] = ()
    """Refusals that keep no other command of the row from being done."""

    def of(self, place: int) -> int:
        return self.numbers[place] if self.numbers else place


EACH = Rows()
"""Each command for itself."""


class Across(msgspec.Struct):
    """What the events of a tag make of its boundary, in the log and then in the plan."""

    boundary: Boundary[Any]
    position: int
    """Of the last of them in the log."""
    state: Any

    def follow(self, event: Event) -> None:
        self.state = self.boundary.evolve(self.state, event)


class Withheld(DomainError):
    """not done, since another command of the same row was refused"""


class Plan:
    """What a unit will hold: decisions on loaded states, each seeing those before it."""

    def __init__(self, cache: OrderedDict[str, Loaded]) -> None:
        self._cache = cache
        self.base: dict[str, Loaded] = {}
        self.now: dict[str, Loaded] = {}
        self.aside: dict[str, Loaded] = {}
        """What commands only name: it must be there, at whatever version."""
        self.fronts: dict[str, str] = {}
        """Behind which file another one stands, as far as that was looked up."""
        self.merges: dict[str, int] = {}
        """Of each file for which that was looked up, the position of the last merge that it takes part in."""
        self.across: dict[str, Across] = {}
        self.events: list[NewEvent] = []
        self.commands: list[NewCommand] = []
        self._before: list[tuple[dict[str, Any], str, Any]] = []
        """What the decisions have replaced: where, under which name, and what was there."""

    def has(self, stream: str) -> bool:
        if stream not in self.now and stream in self._cache:
            self.bring(stream, self._cache[stream])
        return stream in self.now

    def bring(self, stream: str, loaded: Loaded) -> None:
        self.base[stream] = self.now[stream] = loaded

    def lay_aside(self, stream: str) -> bool:
        """Whether what is named is known, or becomes so from the cache."""
        if stream not in self.now and stream not in self.aside and stream in self._cache:
            self.aside[stream] = self._cache[stream]
        return stream in self.now or stream in self.aside

    def presume_new(self, decider: Decider[Any], command: Command) -> None:
        """Take the stream of a command that begins it to be new, where nothing is known of it."""
        stream = decider.stream_of(command)
        if not self.has(stream):
            self.bring(stream, Loaded(0, decider.initial))

    def owner(self, decider: Decider[Any], command: Command) -> str | None:
        """The customer whom a command concerns, as far as it or the aggregate's state tells."""
        state = self.now[decider.stream_of(command)].state
        return getattr(command, "customer_id", None) or getattr(state, "customer_id", None)

    def named(self, noun: str, id: str) -> Any:
        """The state of what is named; None where it is not there."""
        stream = BY_NAME[noun].stream(id)
        loaded = self.now.get(stream) or self.aside[stream]
        return loaded.state if loaded.version else None

    @property
    def missing(self) -> dict[str, Loaded]:
        """What is named and was not there."""
        return {stream: loaded for stream, loaded in self.aside.items() if not loaded.version}

    def apart(self, decider: Decider[Any], command: Command) -> set[str]:
        """The customers who would have to be the same: the command's, and whose is what it names."""
        found = set()
        for named, id in names_of(command):
            state = self.named(named.noun, id) if named.theirs else None
            if state is not None and state.customer_id != (owner := self.owner(decider, command)):
                found |= {state.customer_id, owner}
        return found - {None}

    def front(self, file: str | None) -> str | None:
        """The file that stands in front of all that this one was merged with."""
        for _ in self.fronts:  # read one after the other: what changes meanwhile may make them a circle
            file = self.fronts.get(file, file) if file else None
        return file

    def tags(self, decider: Decider[Any], command: Command) -> Sequence[str]:
        """The tags that the decision depends on, as far as they are told now."""
        return decider.tags(self.now[decider.stream_of(command)].state, command)

    def decide(self, decider: Decider[Any], command: Command) -> Any:
        """Decide one command and note its events; the state after it. Raises `DomainError`."""
        stream = decider.stream_of(command)
        loaded = self.now[stream]
        if decider.guard is not None and (owner := self.owner(decider, command)):
            decider.guard(self.now[CUSTOMERS.stream(owner)].state, command)
        if command.names:
            self._require_named(decider, command)
        happened = self._decision(decider, loaded.state, command)
        state = decider.replay(happened, loaded.state)
        for version, event in enumerate(happened, start=loaded.version + 1):
            new = _new_event(stream, version, event, command, state)
            self.events.append(new)
            for tag in new.tags:
                if tag in self.across:
                    across = self.across[tag]
                    self._before.append((self.across, tag, copy(across)))
                    across.follow(event)
        version = loaded.version + len(happened)
        self._before.append((self.now, stream, loaded))
        self.now[stream] = Loaded(version, state)
        self.commands.append(
            NewCommand(
                command_id=command.command_id,
                fingerprint=fingerprint(command),
                stream=stream,
                version=version,
                events=len(happened),
            )
        )
        return state

    def _require_named(self, decider: Decider[Any], command: Command) -> None:
        owner = self.owner(decider, command)
        for named, id in names_of(command):
            require_named(named, id, self.named(named.noun, id), owner, self.front)

    def _decision(self, decider: Decider[Any], state: Any, command: Command) -> Sequence[Event]:
        if decider.boundary is None:
            return decider.decide(state, command)
        return decider.decide(
            state, command, {tag: self.across[tag].state for tag in decider.tags(state, command)}
        )

    def decide_all(self, commands: Mapping[int, Command], rows: Rows) -> dict[int, DomainError | None]:
        """Decide commands in order, of one id until one is not refused; by place its refusal, or None."""
        decided: dict[int, DomainError | None] = {}
        done: set[str] = set()
        for _, row in groupby(commands.items(), key=lambda item: rows.of(item[0])):
            fresh = {place: command for place, command in row if command.command_id not in done}
            found = self._decide_row(fresh, rows)
            decided.update(found)
            done.update(fresh[place].command_id for place, refusal in found.items() if refusal is None)
        return decided

    def _decide_row(self, commands: Mapping[int, Command], rows: Rows) -> dict[int, DomainError | None]:
        """Decide the commands of one row: all of them, or none where one is refused for good."""
        decided: dict[int, DomainError | None] = {}
        events, done, before = len(self.events), len(self.commands), len(self._before)
        for place, command in commands.items():
            decided[place] = None
            try:
                self.decide(decider_of(type(command)), command)
            except DomainError as refusal:
                decided[place] = refusal
                if not isinstance(refusal, rows.harmless):
                    del self.events[events:], self.commands[done:]
                    self._restore(before)
                    return {other: decided.get(other) or Withheld() for other in commands}
        return decided

    def _restore(self, mark: int) -> None:
        """Put back what was replaced since."""
        while len(self._before) > mark:
            where, name, value = self._before.pop()
            where[name] = value

    def unit(self) -> Unit:
        expected = {stream: loaded.version for stream, loaded in self.base.items()}
        unless = [NoneSince(tags=(tag,), after=seen.position) for tag, seen in self.across.items()]
        unless += [NoneSince(tags=(file_tag(file),), after=last) for file, last in self.merges.items()]
        return Unit(commands=self.commands, events=self.events, expected=expected, unless=unless)


def _new_event(stream: str, version: int, event: Event, command: Command, state: Any) -> NewEvent:
    kept, personal = split(event)
    return NewEvent(
        stream=stream,
        version=version,
        name=event.TOPIC,
        schema=event.class_version,
        data=kept,
        personal=personal,
        tags=event.tags,
        occurred_at=command.occurred_at,
        customer_id=getattr(state, "customer_id", None),
        command_id=command.command_id,
        actor=command.actor,
        on_behalf_of=command.on_behalf_of,
        causation_id=command.causation_id,
        correlation_id=command.correlation_id,
        source=command.source,
    )


def fingerprint(command: Command) -> bytes:
    """16 bytes that tell two commands of one id apart: the kind and its own fields, not when or by whom."""
    fields = [getattr(command, name) for name in command.__struct_fields__ if name not in METADATA]
    return hashlib.blake2b(msgspec.json.encode((type(command).__name__, fields)), digest_size=16).digest()
