"""How a root cause is done away with (PDCA): planned, done, checked, then kept or dropped."""

from __future__ import annotations

from datetime import date

from domain.commands import Command, Id, Name, Text
from domain.complaints import Category
from domain.course import Move, course
from domain.events import Event, Personal, event


@event("MeasurePlanned")
class MeasurePlanned(Event):
    measure_id: str
    root_cause: str
    category: Category
    title: str
    member: str
    due_on: date


@event("MeasureDone")
class MeasureDone(Event):
    measure_id: str


@event("MeasureChecked")
class MeasureChecked(Event):
    measure_id: str
    note: Personal[str]


@event("MeasureKept")
class MeasureKept(Event):
    measure_id: str


@event("MeasureDropped")
class MeasureDropped(Event):
    measure_id: str
    reason: Personal[str]


class PlanMeasure(Command):
    """Plan what is done about a root cause of complaints (PDCA、改进措施)."""

    measure_id: Id
    """Which measure; chosen by whoever plans it."""
    root_cause: Name
    """As complaints name it when they are closed."""
    category: Category
    """The complaints whose rate it shall lower."""
    title: Name
    """What is done."""
    member: Name
    """Who does it."""
    due_on: date
    """By when."""


class FinishMeasure(Command):
    """Note that it was done; from now on its effect can be seen in `measureEffects`."""

    measure_id: Id
    """Which measure."""


class CheckMeasure(Command):
    """Judge its effect."""

    measure_id: Id
    """Which measure."""
    note: Text
    """What the complaint rate before and after says."""


class KeepMeasure(Command):
    """Make it the new standard."""

    measure_id: Id
    """Which measure."""


class DropMeasure(Command):
    """Give it up."""

    measure_id: Id
    """Which measure."""
    reason: Text


MEASURES = course(
    "measure",
    "measure_id",
    Move(command=PlanMeasure, event=MeasurePlanned, to="planned"),
    Move(command=FinishMeasure, event=MeasureDone, to="done", after=("planned",)),
    Move(command=CheckMeasure, event=MeasureChecked, to="checked", after=("done",)),
    Move(command=KeepMeasure, event=MeasureKept, to="kept", after=("checked",)),
    Move(command=DropMeasure, event=MeasureDropped, to="dropped", after=("planned", "done", "checked")),
)
