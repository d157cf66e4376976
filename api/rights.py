"""Whether a customer is the caller's own, or the caller has a role in their file, or borrows it.

Whose a customer is and who has which role is asked of the log itself, where the views would be late; what is
lent, of the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from api.call import Call
from api.errors import refused
from api.policy import (
    FILE_RIGHTS,
    LENT,
    LOG,
    OWNER_OF,
    Right,
    Subject,
    borrowed,
    require,
    right,
)
from domain.commands import Command
from domain.customers import CUSTOMERS, opener_is_creator
from domain.decider import Decider
from domain.events import Event, Recorded
from domain.files import FileRole
from infra.views.conditions import All, Test
from infra.views.reader import EVERYTHING
from projections.view import Declaration

NOT_THEIRS = "this is not about a customer of yours"


class Ties(NamedTuple):
    """What a customer is to the caller now."""

    owned: bool
    """The customer is the caller's own."""
    roles: frozenset[FileRole]
    """Those that the caller has in the customer's file."""


async def require_theirs(context: Call, decider: Decider[Any], command: Command) -> None:
    """Raises FORBIDDEN where the caller may not do this, or not to these customers.

    Who is bound to their own customers hears the same of others' and of those that are not there; who has a
    role in a customer's file hears which one it takes.
    """
    subject = Subject("command", type(command).__name__)
    require(context.caller, [subject])
    has = right(context.caller, subject)
    if has is not Right.OWN and not context.caller.own_only:
        return
    state = await context.tenant.engine.state(decider, decider.stream_of(command))
    named, held = getattr(command, "customer_id", None), getattr(state, "customer_id", None)
    concerned = {named, held} - {None}
    if has is Right.ALL and not concerned - ({named} if decider is CUSTOMERS and held is None else set()):
        return  # it opens a file, or is about nobody
    if not concerned:
        raise refused("FORBIDDEN", NOT_THEIRS)
    for customer in concerned:
        _require_granted(await ties(context, str(customer)), subject.name)


def _require_granted(tied: Ties, command: str) -> None:
    """Raises FORBIDDEN where neither owning the customer nor a role in their file gives the command."""
    if tied.owned or any(command in FILE_RIGHTS[role] for role in tied.roles):
        return
    if not tied.roles:
        raise refused("FORBIDDEN", NOT_THEIRS)
    has = " and ".join(sorted(tied.roles))
    takes = ["owner of the customer", *(role for role in FileRole if command in FILE_RIGHTS[role])]
    raise refused(
        "FORBIDDEN", f"your role in this file is {has}: {command} takes the {' or the '.join(takes)}"
    )


async def within_reach(context: Call, view: Declaration, customer: str | None) -> bool:
    """Whether a row about this customer may be shown to the caller."""
    has = right(context.caller, Subject("view", view.name))
    if has is Right.NONE:
        return False
    bound = has is Right.OWN or (context.caller.own_only and _about_customers(view))
    return not bound or (customer is not None and await in_reach(context, customer))


async def require_events_of(context: Call, customer: str | None) -> None:
    """Raises FORBIDDEN where the caller may not read the log, or not what is about this customer."""
    require(context.caller, [LOG])
    if right(context.caller, LOG) is not Right.OWN and not context.caller.own_only:
        return
    if customer is None or not await in_reach(context, customer):
        raise refused("FORBIDDEN", "name a customer of yours: you may read what is about them")


async def readable(context: Call, events: Sequence[Recorded[Event]]) -> Sequence[Recorded[Event]]:
    """Those of the events behind a row that the caller may read: about nobody, or about a customer in reach.

    Raises FORBIDDEN where they may not read the log at all.
    """
    require(context.caller, [LOG])
    if right(context.caller, LOG) is not Right.OWN and not context.caller.own_only:
        return events
    return [e for e in events if e.customer_id is None or await in_reach(context, e.customer_id)]


async def ties(context: Call, customer: str) -> Ties:
    """Whether the caller owns the customer, and which roles they have in the file."""
    tenant, actor, stream = context.tenant, context.caller.actor, CUSTOMERS.stream(customer)
    file = await tenant.engine.state(CUSTOMERS, stream)
    roles = {role for role, member in file.roles.items() if member == actor}
    if file.customer_id and opener_is_creator(file):
        [opened] = await tenant.log.read_stream(stream, until=1)
        roles |= {FileRole.CREATOR} if opened.actor == actor else set()
    return Ties(owned=file.owner == actor, roles=frozenset(roles))


async def in_reach(context: Call, customer: str) -> bool:
    """Whether the caller may read what is about the customer: owns them, has a role in their file, or has
    borrowed it."""
    if any(await ties(context, customer)):
        return True
    reader, standing = context.reader, await context.reader.standing()
    loans, at = reader.table(LENT, standing), standing.positions[LENT]
    theirs = Test(column="customer_id", op="eq", value=customer)
    where = All(parts=(borrowed(context.caller.actor), theirs))
    return await reader.count(loans, at, where, sight=EVERYTHING) > 0


def _about_customers(view: Declaration) -> bool:
    return view.name == OWNER_OF or any(field.ref for field in view.fields)
