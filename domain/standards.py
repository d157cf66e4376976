"""How long what we promise may take, by kind of promise (标准): at most, and on average."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec

from domain.commands import Command, Id, Name
from domain.course import Matter, Move, course
from domain.errors import DomainError
from domain.events import PolicyEvent, event
from domain.records import Record

Hours = Annotated[int, msgspec.Meta(ge=1, le=8_760)]
"""Hours on the clock from the promise on, nights and holidays included: the customer waits through them.

A year at most."""


class KindStandard(Record, forbid_unknown_fields=True):
    """How long promises of one kind may take."""

    kind: Name
    """Which kind, such as `install`."""
    most_hours: Hours
    """Hours on the clock that it may take at most, up to a year."""
    average_hours: Hours | None = None
    """Hours that such promises should take on average; none, where it is left out."""

    @property
    def text(self) -> str:
        """The standard in words."""
        average = f", {self.average_hours} on average" if self.average_hours else ""
        return f"{self.kind}: {self.most_hours} hours at most{average}"


@event("PromiseStandardPublished")
class PromiseStandardPublished(PolicyEvent):
    """Hours on the clock: by kind, and at most for every kind that is not named."""

    standard_version: str
    effective_from: date
    other_hours: int = 24
    by_kind: tuple[KindStandard, ...] = (
        KindStandard(kind="install", most_hours=20 * 24, average_hours=15 * 24),
        KindStandard(kind="repair", most_hours=72),
    )

    def of(self, kind: str) -> KindStandard:
        """How long promises of this kind may take."""
        other = KindStandard(kind=kind, most_hours=self.other_hours)
        return next((named for named in self.by_kind if named.kind == kind), other)

    def due_at(self, kind: str, made_at: datetime) -> datetime:
        """By when such a promise must be kept."""
        return made_at + timedelta(hours=self.of(kind).most_hours)


DEFAULT_STANDARD = PromiseStandardPublished(standard_version="default", effective_from=date.min)
"""To install takes 15 days on average and 20 at most, to repair 72 hours, any other change 24: in force until
another is published."""


class PublishPromiseStandard(Command):
    """Set how long promises may take from a day on (标准), in hours on the clock; a day has 24.

    It takes the place of the one before it: a kind that it does not name is one of the others.
    """

    standard_version: Id
    """The version's name."""
    effective_from: date
    other_hours: Hours = DEFAULT_STANDARD.other_hours
    """Hours in which any other kind of promise must be kept; 24, where it is left out."""
    by_kind: tuple[KindStandard, ...] = DEFAULT_STANDARD.by_kind
    """Install: 480 hours at most, 360 on average; repair: 72 at most, where it is left out."""


class KindTwice(DomainError):
    """Give each kind of promise one standard at most."""

    field = "by_kind"


class AverageAboveTheMost(DomainError):
    """What takes {most_hours} hours at most cannot take {average_hours} on average."""


def _require_sensible(state: Matter, command: PublishPromiseStandard) -> None:
    if len({named.kind for named in command.by_kind}) < len(command.by_kind):
        raise KindTwice
    for place, named in enumerate(command.by_kind):
        most, average = named.most_hours, named.average_hours
        if average is not None and average > most:
            at = f"by_kind[{place}].average_hours"
            raise AverageAboveTheMost(at=at, most_hours=most, average_hours=average)


PROMISE_STANDARDS = course(
    "promise_standard",
    "standard_version",
    Move(
        command=PublishPromiseStandard,
        event=PromiseStandardPublished,
        to="published",
        check=_require_sensible,
    ),
)
