"""Matters that go through named steps: which command is allowed at which step, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain.commands import Command
from domain.decider import Boundary, Decider, carry
from domain.errors import DomainError
from domain.events import Event
from domain.money import require_currency
from domain.records import Record


class Matter(Record):
    """What the next decision about such a matter needs to know."""

    id: str | None = None
    customer_id: str | None = None
    step: str = ""


class Move(Record):
    """One command of a course, the event it becomes, and the step that the matter then is at."""

    command: type[Command]
    event: type[Event]
    to: str
    after: tuple[str, ...] = ()
    """The steps at which it is allowed; none: it begins the matter."""
    check: Callable[[Matter, Any], None] | None = None
    """A rule of its own, asked once the step allows the command; raises a `DomainError`."""
    adds: Callable[[Any, Mapping[str, Any]], Mapping[str, object]] | None = None
    """What its event says besides the command's fields, by the boundary's states; it too may refuse."""


class MatterUnknown(DomainError):
    """There is no {noun} {id}."""


class MatterAlreadyBegun(DomainError):
    """There is a {noun} {id} already; choose another id for a new one."""


class MatterNotAtThisStep(DomainError):
    """The {noun} {id} is {step}; this is allowed when it is {allowed}."""


def course(
    noun: str,
    id_field: str,
    *moves: Move,
    guard: Callable[[Any, Any], None] | None = None,
    boundary: Boundary[Any] | None = None,
) -> Decider[Matter]:
    """The decider of matters that go through these moves; their stream is `noun-id`."""
    by_command = {move.command: move for move in moves}
    by_event = {move.event: move for move in moves}
    words = noun.replace("_", " ")

    def evolve(state: Matter, happened: Event) -> Matter:
        customer_id = getattr(happened, "customer_id", None) or state.customer_id
        return Matter(
            id=getattr(happened, id_field), customer_id=customer_id, step=by_event[type(happened)].to
        )

    def decide(state: Matter, command: Command, across: Mapping[str, Any] = {}) -> Sequence[Event]:
        move, id = by_command[type(command)], getattr(command, id_field)
        if not move.after and state.id is not None:
            raise MatterAlreadyBegun(at=id_field, noun=words, id=id)
        if move.after and state.id is None:
            raise MatterUnknown(at=id_field, noun=words, id=id)
        if move.after and state.step not in move.after:
            allowed = " or ".join(move.after)
            raise MatterNotAtThisStep(at=id_field, noun=words, id=id, step=state.step, allowed=allowed)
        if (currency := getattr(command, "currency", None)) is not None:
            require_currency(currency)
        if move.check is not None:
            move.check(state, command)
        return [carry(move.event, command, **(move.adds(command, across) if move.adds else {}))]

    return Decider(
        name=noun,
        id_field=id_field,
        initial=Matter(),
        evolve=evolve,
        decide=decide,
        commands=tuple(by_command),
        begins=tuple(move.command for move in moves if not move.after),
        guard=guard,
        boundary=boundary,
    )
