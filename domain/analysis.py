"""By which figures all customers together are judged: how far ABC classes reach, and how many are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from domain.commands import Command, Id
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import PolicyEvent, event
from domain.records import Record

Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]
Years = Annotated[int, msgspec.Meta(ge=1, le=100)]
ActiveDays = Annotated[int, msgspec.Meta(ge=1, le=36_525)]


class ValueClass(StrEnum):
    """The classes of ABC analysis: few customers of much value, more of some, many of little."""

    A = "a"
    B = "b"
    C = "c"


# --- Events: the stored names are a contract ------------------------------------------------------


@event("AnalysisPolicyPublished")
class AnalysisPolicyPublished(PolicyEvent):
    """Class A reaches to `a_percent` of all value and B to `b_percent`; of the customers won in a month
    `kept_percent` should still order `kept_years` later; who ordered within `active_days` counts as kept."""

    analysis_version: str
    effective_from: date
    a_percent: int = 80
    b_percent: int = 95
    kept_percent: int = 50
    kept_years: int = 5
    active_days: int = 365


DEFAULT_ANALYSIS = AnalysisPolicyPublished(analysis_version="default", effective_from=date.min)
"""A to 80 %, B to 95 %, half of the customers kept after five years: in force until another is published."""


# --- State ----------------------------------------------------------------------------------------


class AnalysisPolicy(Record):
    """Whether this version exists."""

    published: bool = False


def evolve(state: AnalysisPolicy, happened: AnalysisPolicyPublished) -> AnalysisPolicy:
    return AnalysisPolicy(published=True)


# --- Commands -------------------------------------------------------------------------------------


class PublishAnalysisPolicy(Command):
    """Set the figures by which all customers together are judged from a day on."""

    analysis_version: Id
    effective_from: date
    a_percent: Percent = DEFAULT_ANALYSIS.a_percent
    """Class A reaches to this share of all value; 80, where it is left out."""
    b_percent: Percent = DEFAULT_ANALYSIS.b_percent
    """Class B reaches to this share of all value; 95, where it is left out."""
    kept_percent: Percent = DEFAULT_ANALYSIS.kept_percent
    """How many of a month's new customers should be left after `keptYears`; 50, where it is left out."""
    kept_years: Years = DEFAULT_ANALYSIS.kept_years
    """After how many years so many should be left; 5, where it is left out."""
    active_days: ActiveDays = DEFAULT_ANALYSIS.active_days
    """Who ordered within so many days counts as kept; 365, where it is left out."""


# --- Rules ----------------------------------------------------------------------------------------


class AnalysisPolicyAlreadyPublished(DomainError):
    """Analysis policy {analysis_version} exists; publish the new one under another version."""

    field = "analysis_version"


class ClassesOverlap(DomainError):
    """Class B must reach further than class A: {b_percent} is not more than {a_percent}."""

    field = "b_percent"


# --- Decisions ------------------------------------------------------------------------------------


def decide(state: AnalysisPolicy, command: PublishAnalysisPolicy) -> Sequence[AnalysisPolicyPublished]:
    if state.published or command.analysis_version == DEFAULT_ANALYSIS.analysis_version:
        raise AnalysisPolicyAlreadyPublished(analysis_version=command.analysis_version)
    if command.b_percent <= command.a_percent:
        raise ClassesOverlap(a_percent=command.a_percent, b_percent=command.b_percent)
    return [carry(AnalysisPolicyPublished, command)]


ANALYSES = Decider(
    name="analysis_policy",
    id_field="analysis_version",
    initial=AnalysisPolicy(),
    evolve=evolve,
    decide=decide,
    commands=(PublishAnalysisPolicy,),
)
