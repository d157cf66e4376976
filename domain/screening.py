"""Which lists customers are screened against (政治公众人物、黑名单库); each tenant loads its own."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from domain.commands import Command, Id, Name
from domain.decider import Decider, carry
from domain.events import Event, Personal, event
from domain.records import Record


class ListKind(StrEnum):
    """What it means to be on a list: a politically exposed person, sanctioned, known for fraud."""

    EXPOSED = "exposed"
    SANCTION = "sanction"
    FRAUD = "fraud"


class ScreeningEntry(Record):
    """Somebody on a list: a name, an identifier's value, or both."""

    entry_id: Id
    """Which entry of its list."""
    name: Personal[Name | None] = None
    """As the list writes it; compared without regard to case and blanks around it."""
    value: Personal[Name | None] = None
    """An identity card's, passport's or company's number."""


@event("ScreeningListLoaded")
class ScreeningListLoaded(Event):
    """The whole list as it is from now on."""

    list_id: str
    kind: ListKind
    entries: tuple[ScreeningEntry, ...]


class LoadScreeningList(Command):
    """Load a list, or its next edition: it replaces the one before, and all are compared anew."""

    list_id: Id
    """Which list."""
    kind: ListKind
    """What it means to be on it."""
    entries: Annotated[tuple[ScreeningEntry, ...], msgspec.Meta(max_length=10_000)]
    """Who is on it."""


class ScreeningList(Record):
    """A list needs nothing from its past."""


def evolve(state: ScreeningList, happened: ScreeningListLoaded) -> ScreeningList:
    return state


def decide(state: ScreeningList, command: LoadScreeningList) -> Sequence[ScreeningListLoaded]:
    return [carry(ScreeningListLoaded, command)]


SCREENING_LISTS = Decider(
    name="screening_list",
    id_field="list_id",
    initial=ScreeningList(),
    evolve=evolve,
    decide=decide,
    commands=(LoadScreeningList,),
)
