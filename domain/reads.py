"""Who saw which customer's personal data on which business day, and by which right (阅读记录)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from domain.commands import Command, Id, Name
from domain.decider import Decider, carry
from domain.events import Event, event
from domain.records import Record
from domain.roles import Role


class Ground(StrEnum):
    """By which right somebody reads what is about a customer."""

    OWN = "own"
    """The customer is theirs."""
    LENT = "lent"
    """The customer's file is lent to them."""
    FILE = "file"
    """They have a role in the customer's file."""
    ROLE = "role"
    """Their role reads all customers."""


@event("PersonalDataRead")
class PersonalDataRead(Event):
    """Its actor is the reader. It belongs to no customer's story: reading changes nothing about them."""

    read_id: str
    customer_id: str | None
    day: date
    what: str
    fields: tuple[str, ...]
    role: Role
    ground: Ground
    loan_id: str | None = None


class LogRead(Command):
    """Log that the actor has read personal data; Kehu itself says so, nobody asks for it."""

    read_id: Id
    """Which read: the same for all of one reader, customer, business day, thing, fields and right."""
    customer_id: Id | None = None
    """Whose data; none, where many customers were read at once."""
    day: date
    """The business day."""
    what: Name
    """The view, the report, or the part of the log that was read."""
    fields: tuple[Name, ...] = ()
    """Which personal fields of it; none: all."""
    role: Role
    """The reader's role."""
    ground: Ground
    """By which right."""
    loan_id: Id | None = None
    """By which loan."""


KEY = "read/"
"""How the command ids of reads begin."""


def read_by(actor: str, moment: datetime, day: date, **said: Any) -> LogRead:
    """The command for a read: whoever sends it, and however often, it is one event.

    `said` are the command's other fields.
    """
    told = sorted({"actor": actor, "day": day, **said}.items())
    read_id = hashlib.blake2b(msgspec.json.encode(told), digest_size=16).hexdigest()
    return LogRead(
        command_id=f"{KEY}{read_id}", actor=actor, occurred_at=moment, read_id=read_id, day=day, **said
    )


class Read(Record):
    """A read needs nothing from its past, and has no future."""


def evolve(state: Read, happened: PersonalDataRead) -> Read:
    return state


def decide(state: Read, command: LogRead) -> Sequence[PersonalDataRead]:
    return [carry(PersonalDataRead, command)]


READS = Decider(
    name="read",
    id_field="read_id",
    initial=Read(),
    evolve=evolve,
    decide=decide,
    commands=(LogRead,),
    begins=(LogRead,),
)
