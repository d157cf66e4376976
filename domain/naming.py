"""What a command names besides its own aggregate: it is there, and the same customer's where it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from domain.commands import Command, Named
from domain.customers import CUSTOMERS, CustomerEnded, CustomerUnknown
from domain.erasure import CustomerErased
from domain.errors import DomainError


class NamedUnknown(DomainError):
    """There is no {noun} {id} that could be named here."""


class NamedOfAnother(DomainError):
    """The {noun} {id} is not customer {customer_id}'s."""


def names_of(command: Command) -> Iterator[tuple[Named, str]]:
    """What the command names, with its id."""
    for named in command.names:
        if (id := getattr(command, named.field)) is not None:
            yield named, id


def require_named(
    named: Named, id: str, state: Any, customer_id: str | None, front: Callable[[Any], Any]
) -> None:
    """What an id names must be there: `state`, or None where it is not.

    `front` tells, of a file, the one that stands in front of it since files were merged.
    """
    if named.noun == CUSTOMERS.name:
        if state is None:
            raise CustomerUnknown(at=named.field, customer_id=id)
        if state.erased:
            raise CustomerErased(at=named.field, customer_id=id)
        if named.live and not state.live:
            raise CustomerEnded(at=named.field, customer_id=id)
        return
    noun = named.noun.replace("_", " ")
    if state is None:
        raise NamedUnknown(at=named.field, noun=noun, id=id)
    if named.theirs and front(state.customer_id) != front(customer_id):
        raise NamedOfAnother(at=named.field, noun=noun, id=id, customer_id=customer_id)
