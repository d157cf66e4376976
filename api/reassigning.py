"""An account manager leaves (业务员离职): all their customers get another one, in one mutation."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import strawberry
from strawberry.types import Info

from api.build import Argument, bare, field, input_type, object_type
from api.call import call
from api.commands import Error, Refusal
from api.errors import refused
from api.policy import Subject, require
from api.scalars import Int64
from api.views import optional
from domain.commands import parse
from domain.customers import AssignOwner
from domain.errors import DomainError, InvalidInput
from infra.log.units import Appended

AT_ONCE = 1_000
"""Customers that one transaction gives over."""
THEIRS = "SELECT customer_id FROM {customers} c WHERE live AND owner = :owner::text ORDER BY customer_id"


class Reassigned:
    """What the mutation answers."""

    def __init__(self, customers: int, position: int | None, errors: list[Refusal]) -> None:
        self.customers, self.position, self.errors = customers, position, errors


def reassign_field() -> tuple[Any, Any]:
    """The type and the root field of `reassignCustomers`."""
    said = strawberry.field
    payload = object_type(
        bare("ReassignCustomersPayload"),
        {
            "customers": (Int64, said(description="How many customers changed hands.")),
            "position": (Int64 | None, said(description="Of the last event that it led to.")),
            "errors": (list[Error], said(description="The rules it broke; empty where it was done.")),
        },
        "What `ReassignCustomers` led to.",
    )
    wish = input_type(
        "ReassignCustomersInput",
        {
            "owner": (str, said(description="Who leaves, as the customers' `owner` says.")),
            "to": (str, said(description="Who looks after the customers from now on.")),
            "idempotency_key": (
                str | None,
                optional("The same key again goes on where the first try stopped, and repeats nothing."),
            ),
        },
        "Give all customers of one account manager to another: each file and its history stay.",
    )
    doc = "Give all customers of one account manager to another; each customer's log says so (业务员离职)."
    return payload, field(payload, _reassign, {"input": Argument(wish, "From whom, and to whom.")}, doc)


async def _reassign(_: Any, info: Info, input: Any) -> Reassigned:
    context = call(info)
    require(context.caller, [Subject("command", "AssignOwner")])
    if context.caller.own_only:
        raise refused("FORBIDDEN", "whoever is bound to their own customers gives away none of them")
    key = input.idempotency_key or str(uuid.uuid4())
    log, reader = context.tenant.log, context.tenant.reader
    head = await log.head()
    standing = await reader.reached(["customers"], head)
    theirs = await reader.select(THEIRS, ["customers"], standing, head, {"owner": input.owner})
    now, who = datetime.now(UTC), {"actor": context.caller.actor, "correlation_id": key}
    try:
        if input.owner == input.to:
            raise InvalidInput("to", "is the one who leaves")
        wanted = [
            parse(
                AssignOwner,
                {**who, "command_id": f"{key}/{customer}", "occurred_at": now, "owner": input.to}
                | {"customer_id": customer},
            )
            for customer in (row["customer_id"] for row in theirs)
        ]
    except DomainError as error:
        return Reassigned(0, None, [Refusal(error, context.language)])
    done, errors = list[Appended](), list[Refusal]()
    for begin in range(0, len(wanted), AT_ONCE):
        for result in await context.tenant.engine.execute_many(wanted[begin : begin + AT_ONCE]):
            if isinstance(result, DomainError):
                errors.append(Refusal(result, context.language))
            elif result is not None:
                done.append(result)
    position = max((appended.position for appended in done), default=None)
    return Reassigned(len(done), position, errors)
