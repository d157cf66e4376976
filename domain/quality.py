"""How well a contact was handled, by a checklist (质检)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from domain.commands import Command, Id, Name, Named, Text
from domain.course import Move, course
from domain.events import Event, Personal, event
from domain.files import Percent
from domain.records import Record


class ChecklistItem(Record):
    """One line of a checklist."""

    item: Name
    """What was looked at."""
    percent: Percent
    """How well it was done, 0 to 100."""


@event("QualityScored")
class QualityScored(Event):
    score_id: str
    member: str
    interaction_id: str | None = None
    items: tuple[ChecklistItem, ...]
    note: Personal[str | None] = None


class ScoreQuality(Command):
    """Score how somebody handled a contact (质检), line by line of a checklist; the score is the mean."""

    names = (Named(field="interaction_id", noun="interaction"),)
    score_id: Id
    """Which score; chosen by whoever scores."""
    member: Name
    """Whose work it was."""
    interaction_id: Id | None = None
    """Which contact was listened to."""
    items: Annotated[tuple[ChecklistItem, ...], msgspec.Meta(min_length=1, max_length=100)]
    """The lines."""
    note: Text | None = None
    """What to do better."""


QUALITY = course("quality_score", "score_id", Move(command=ScoreQuality, event=QualityScored, to="scored"))
