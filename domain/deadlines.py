"""How much time a complaint may take, by how severe it is and what its customer is worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import msgspec

from domain.commands import Command, Id
from domain.complaints import Severity
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import PolicyEvent, event
from domain.records import Record
from domain.tiers import Tier

WorkingMinutes = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
"""Minutes in which the business is open."""


class Deadline(Record, forbid_unknown_fields=True):
    """How long complaints may take: those of one severity, of customers of one tier, or of both."""

    minutes: WorkingMinutes
    """From receipt or reopening to decision: working minutes, unless they count around the clock."""
    severity: Severity | None = None
    """Complaints of this severity; of any, where it is left out."""
    tier: Tier | None = None
    """Of customers who were in this tier when it was received; of all, where it is left out."""
    around_the_clock: bool = False
    """The minutes count night and day, holidays included, not only while the business is open."""

    def covers(self, severity: Severity | None, tier: Tier | None) -> bool:
        """Whether it holds for all complaints of this severity and tier; None is one not known, or any."""
        return self.severity in (None, severity) and self.tier in (None, tier)

    @property
    def text(self) -> str:
        """The rule in words."""
        severity, tier = self.severity or "any severity", f" from {self.tier}" if self.tier else ""
        kind = "minutes night and day" if self.around_the_clock else "working minutes"
        return f"{severity}{tier}: {self.minutes:,} {kind}"


# --- Events: the stored names are a contract ------------------------------------------------------


@event("DeadlinesPublished", version=2)
class DeadlinesPublished(PolicyEvent):
    """Minutes from receipt: by the first rule that covers a complaint, else the default."""

    deadlines_version: str
    effective_from: date
    default_minutes: int
    rules: tuple[Deadline, ...] = ()

    @staticmethod
    def upcast_v1_v2(fields: dict[str, Any]) -> None:
        """Version 1 had rules for severities only."""
        fields["rules"] = fields.pop("by_severity", ())

    def deadline(self, severity: Severity | None, tier: Tier | None) -> Deadline:
        """What holds for a complaint of this severity, None if not assessed yet, and its customer's tier."""
        found = (rule for rule in self.rules if rule.covers(severity, tier))
        return next(found, Deadline(minutes=self.default_minutes))


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
    """Set how many minutes complaints may take from a day on (投诉时限), by severity and by tier.

    240 working minutes until some are set.
    """

    deadlines_version: Id
    effective_from: date
    default_minutes: WorkingMinutes
    """Working minutes for complaints that no rule covers."""
    rules: Annotated[tuple[Deadline, ...], msgspec.Meta(max_length=100)] = ()
    """The first that covers a complaint holds."""


# --- Rules ----------------------------------------------------------------------------------------


class DeadlinesAlreadyPublished(DomainError):
    """Deadlines {deadlines_version} exist; publish the new ones under another version."""

    field = "deadlines_version"


class DeadlineWithoutLimit(DomainError):
    """A deadline is for a severity, for a tier, or for both; for all complaints there is the default."""

    field = "rules"


class DeadlineNeverUsed(DomainError):
    """This deadline never holds: an earlier one covers the same complaints; leave it out, or put it first."""

    field = "rules"


# --- Decisions ------------------------------------------------------------------------------------


def decide(state: Deadlines, command: PublishDeadlines) -> Sequence[DeadlinesPublished]:
    if state.published or command.deadlines_version == DEFAULT_DEADLINES.deadlines_version:
        raise DeadlinesAlreadyPublished(deadlines_version=command.deadlines_version)
    for place, rule in enumerate(command.rules):
        if rule.severity is None and rule.tier is None:
            raise DeadlineWithoutLimit(at=f"rules[{place}]")
        if any(earlier.covers(rule.severity, rule.tier) for earlier in command.rules[:place]):
            raise DeadlineNeverUsed(at=f"rules[{place}]")
    return [carry(DeadlinesPublished, command)]


DEADLINES = Decider(
    name="deadlines",
    id_field="deadlines_version",
    initial=Deadlines(),
    evolve=evolve,
    decide=decide,
    commands=(PublishDeadlines,),
)
