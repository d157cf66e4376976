"""An account manager leaves (业务员离职): another one gets all their customers and roles in files at once."""

from __future__ import annotations

import uuid
from collections import Counter
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
from domain.commands import Command, parse
from domain.customers import AssignOwner
from domain.errors import DomainError, InvalidInput
from domain.files import AssignFileRole

AT_ONCE = 1_000
"""Customers and roles that one transaction gives over."""
THEIRS = "SELECT customer_id FROM {customers} c WHERE live AND owner = :owner::text ORDER BY customer_id"
HELD = """
    SELECT customer_id, role FROM {file_roles} r JOIN {customers} c USING (customer_id)
     WHERE c.live AND r.holds AND r.member = :owner::text ORDER BY customer_id, role
"""


class Reassigned:
    """What the mutation answers."""

    def __init__(self, customers: int, roles: int, position: int | None, errors: list[Refusal]) -> None:
        self.customers, self.roles, self.position, self.errors = customers, roles, position, errors


def reassign_field() -> tuple[Any, Any]:
    """The type and the root field of `reassignCustomers`."""
    said = strawberry.field
    payload = object_type(
        bare("ReassignCustomersPayload"),
        {
            "customers": (Int64, said(description="How many customers changed hands.")),
            "roles": (Int64, said(description="How many roles in customers' files changed hands.")),
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
        "Give all customers of one account manager, and their roles in files, to another: each file and its"
        " history stay.",
    )
    doc = (
        "Give all customers of one account manager, and their roles in files, to another; each customer's log"
        " says so (业务员离职)."
    )
    return payload, field(payload, _reassign, {"input": Argument(wish, "From whom, and to whom.")}, doc)


async def _reassign(_: Any, info: Info, input: Any) -> Reassigned:
    context = call(info)
    require(context.caller, [Subject("command", "AssignOwner"), Subject("command", "AssignFileRole")])
    if context.caller.own_only:
        raise refused("FORBIDDEN", "whoever is bound to their own customers gives away none of them")
    key = input.idempotency_key or str(uuid.uuid4())
    log, reader = context.tenant.log, context.tenant.reader
    head = await log.head()
    reads = ["customers", "file_roles"]
    standing = await reader.reached(reads, head)
    theirs = await reader.select(THEIRS, reads[:1], standing, head, {"owner": input.owner})
    held = await reader.select(HELD, reads, standing, head, {"owner": input.owner})
    said = {"actor": context.caller.actor, "correlation_id": key, "occurred_at": datetime.now(UTC)}
    try:
        if input.owner == input.to:
            raise InvalidInput("to", "is the one who leaves")
        wanted: list[Command] = [
            parse(
                AssignOwner, {**said, **row, "command_id": f"{key}/{row['customer_id']}", "owner": input.to}
            )
            for row in theirs
        ]
        wanted += [
            parse(
                AssignFileRole,
                {**said, **row, "command_id": f"{key}/{row['customer_id']}/{row['role']}"}
                | {"member": input.to},
            )
            for row in held
        ]
    except DomainError as error:
        return Reassigned(0, 0, None, [Refusal(error, context.language)])
    done, position, errors = Counter[type[Command]](), None, list[Refusal]()
    for begin in range(0, len(wanted), AT_ONCE):
        some = wanted[begin : begin + AT_ONCE]
        for command, result in zip(some, await context.tenant.engine.execute_many(some), strict=True):
            if isinstance(result, DomainError):
                errors.append(Refusal(result, context.language))
            elif result is not None:
                done[type(command)] += 1
                position = result.position
    return Reassigned(done[AssignOwner], done[AssignFileRole], position, errors)
