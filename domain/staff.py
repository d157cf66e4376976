"""Who works here or for us: department, post, skills, languages, and how much each can take on."""

from __future__ import annotations

from typing import Annotated

import msgspec

from domain.commands import Command, Id, Name, Text
from domain.course import Move, course
from domain.events import Event, Personal, event

Load = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
Words = Annotated[tuple[Name, ...], msgspec.Meta(max_length=50)]


class _Described(Event):
    member: str
    department: str
    post: str
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    capacity: int = 10
    outsourced: bool = False


@event("StaffJoined")
class StaffJoined(_Described):
    pass


@event("StaffChanged")
class StaffChanged(_Described):
    pass


@event("StaffLeft")
class StaffLeft(Event):
    member: str
    reason: Personal[str]


class _Describe(Command):
    member: Id
    """The name by which events call this member of staff: the actor."""
    department: Name
    """Where they work."""
    post: Name
    """As what."""
    skills: Words = ()
    """Which topics they master."""
    languages: Words = ()
    """Which languages they speak."""
    capacity: Load = 10
    """How many open contacts they can look after at once."""
    outsourced: bool = False
    """They work for a partner, not for us."""


class EnterStaff(_Describe):
    """Note a new member of staff, here or at a partner."""


class ChangeStaff(_Describe):
    """Describe a member of staff anew."""


class NoteStaffLeft(Command):
    """Note that somebody has left; their customers are given to others with `reassignCustomers`."""

    member: Id
    """Who left."""
    reason: Text


STAFF = course(
    "staff",
    "member",
    Move(command=EnterStaff, event=StaffJoined, to="here"),
    Move(command=ChangeStaff, event=StaffChanged, to="here", after=("here",)),
    Move(command=NoteStaffLeft, event=StaffLeft, to="gone", after=("here",)),
)
