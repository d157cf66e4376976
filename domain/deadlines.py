"""How much working time a complaint may take, by how severe it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import msgspec

from domain.commands import Command, Id
from domain.complaints import Severity
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import PolicyEvent, event
from domain.records import Record

WorkingMinutes = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
"""Minutes in which the business is open."""


class SeverityDeadline(Record, forbid_unknown_fields=True):
    """How long complaints of one severity may take."""

    severity: Severity
    minutes: WorkingMinutes


# --- Events: the stored names are a contract ------------------------------------------------------


@event("DeadlinesPublished")
class DeadlinesPublished(PolicyEvent):
    """Working minutes from receipt: by severity, and for every severity that is not named."""

    deadlines_version: str
    effective_from: date
    default_minutes: int
    by_severity: tuple[SeverityDeadline, ...] = ()

    def minutes(self, severity: Severity | None) -> int:
        """The working minutes for a complaint of this severity; None is one not assessed yet."""
        return next(
            (named.minutes for named in self.by_severity if named.severity is severity), self.default_minutes
        )


DEFAULT_DEADLINES = DeadlinesPublished(
    deadlines_version="default", effective_from=date.min, default_minutes=240
)
"""Half a working day for every complaint: in force until others are published."""


# --- State ----------------------------------------------------------------------------------------


class Deadlines(Record):
    """Whether this version exists."""

    published: bool = False


def evolve(state: Deadlines, happened: DeadlinesPublished) -> Deadlines:
    return Deadlines(published=True)


# --- Commands -------------------------------------------------------------------------------------


class PublishDeadlines(Command):
    """Set how many working minutes complaints may take from a day on (投诉时限); 240 until some are set."""

    deadlines_version: Id
    effective_from: date
    default_minutes: WorkingMinutes
    by_severity: tuple[SeverityDeadline, ...] = ()


# --- Rules ----------------------------------------------------------------------------------------


class DeadlinesAlreadyPublished(DomainError):
    """Deadlines {deadlines_version} exist; publish the new ones under another version."""

    field = "deadlines_version"


class SeverityTwice(DomainError):
    """Give each severity one deadline at most."""

    field = "by_severity"


# --- Decisions ------------------------------------------------------------------------------------


def decide(state: Deadlines, command: PublishDeadlines) -> Sequence[DeadlinesPublished]:
    if state.published or command.deadlines_version == DEFAULT_DEADLINES.deadlines_version:
        raise DeadlinesAlreadyPublished(deadlines_version=command.deadlines_version)
    if len({named.severity for named in command.by_severity}) < len(command.by_severity):
        raise SeverityTwice
    return [carry(DeadlinesPublished, command)]


DEADLINES = Decider(
    name="deadlines",
    id_field="deadlines_version",
    initial=Deadlines(),
    evolve=evolve,
    decide=decide,
    commands=(PublishDeadlines,),
)
