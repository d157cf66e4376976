"""What key accounts are told before all others (优先告知)."""

from __future__ import annotations

from datetime import date

from domain.commands import Command, Id, Name, Text
from domain.course import Move, course
from domain.events import Event, Personal, event


@event("AnnouncementPrepared")
class AnnouncementPrepared(Event):
    announcement_id: str
    title: str
    text: Personal[str]
    public_on: date


@event("AnnouncementMade")
class AnnouncementMade(Event):
    announcement_id: str


class PrepareAnnouncement(Command):
    """Prepare what will be made public on a day, so that key accounts can be told first (优先告知)."""

    announcement_id: Id
    """Which announcement; chosen by whoever prepares it."""
    title: Name
    """What it is called."""
    text: Text
    """What it says."""
    public_on: date
    """The day on which everybody hears it."""


class MakeAnnouncement(Command):
    """Make it public."""

    announcement_id: Id
    """Which announcement."""


ANNOUNCEMENTS = course(
    "announcement",
    "announcement_id",
    Move(command=PrepareAnnouncement, event=AnnouncementPrepared, to="prepared"),
    Move(command=MakeAnnouncement, event=AnnouncementMade, to="made", after=("prepared",)),
)
