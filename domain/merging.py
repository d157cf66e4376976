"""Which files turned out to be one person's: a merge adds an alias and can be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

import msgspec

from domain.commands import Command, Id, Named, Text
from domain.customers import require_served
from domain.decider import Boundary, Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.records import Record


def file_tag(customer_id: str) -> str:
    """All merges that a file takes part in bear it."""
    return f"file:{customer_id}"


# --- Events: the stored names are a contract ------------------------------------------------------


class _Merge(Event):
    merge_id: str
    customer_id: str
    merged_id: str
    reason: Personal[str]

    @property
    def tags(self) -> tuple[str, ...]:
        return (file_tag(self.customer_id), file_tag(self.merged_id))


@event("CustomersMerged")
class CustomersMerged(_Merge):
    """The file `merged_id` is an alias of `customer_id` from now on; both streams live on."""


@event("MergeReversed")
class MergeReversed(_Merge):
    """It was a mistake: each file stands for itself again."""


MergeEvent = CustomersMerged | MergeReversed


# --- State: the merge, and across all merges which file is an alias of which ----------------------


class Merge(Record):
    """What taking a merge back needs to know."""

    merge_id: str | None = None
    customer_id: str | None = None
    merged_id: str = ""
    reversed: bool = False


def evolve(state: Merge, happened: MergeEvent) -> Merge:
    match happened:
        case CustomersMerged(merge_id=merge_id, customer_id=customer_id, merged_id=merged_id):
            return Merge(merge_id=merge_id, customer_id=customer_id, merged_id=merged_id)
        case MergeReversed():
            return msgspec.structs.replace(state, reversed=True)
        case _:
            assert_never(happened)


Aliases = frozenset[str]
"""The files that are aliases of another one."""


def evolve_aliases(aliases: Aliases, happened: MergeEvent) -> Aliases:
    match happened:
        case CustomersMerged(merged_id=merged_id):
            return aliases | {merged_id}
        case MergeReversed(merged_id=merged_id):
            return aliases - {merged_id}
        case _:
            assert_never(happened)


def front_of(file: str, merges: Iterable[Event]) -> str | None:
    """The file that stands right before this one after these merges; None where none does."""
    front = None
    for happened in merges:
        match happened:
            case CustomersMerged(customer_id=kept, merged_id=merged) if merged == file:
                front = kept
            case MergeReversed(merged_id=merged) if merged == file:
                front = None
    return front


# --- Commands -------------------------------------------------------------------------------------


class MergeCustomers(Command):
    """Say that two files are one person's (信息孤岛); nothing is moved, so it can be taken back exactly."""

    names = (Named(field="merged_id", noun="customer"),)
    merge_id: Id
    """Which merge; chosen by whoever merges."""
    customer_id: Id
    """The file that stays in front."""
    merged_id: Id
    """The file that becomes its alias."""
    reason: Text
    """What shows that they are the same."""


class ReverseMerge(Command):
    """Take a merge back: each file answers for itself again, with all that happened meanwhile."""

    merge_id: Id
    """Which merge."""
    reason: Text


MergeCommand = MergeCustomers | ReverseMerge


# --- Rules ----------------------------------------------------------------------------------------


class MergeError(DomainError):
    """Merge {merge_id} does not allow this."""

    field = "merge_id"


class MergeUnknown(MergeError):
    """There is no merge {merge_id}."""


class MergeAlreadyMade(MergeError):
    """Merge {merge_id} was made before; choose another id for a new one."""


class MergeAlreadyReversed(MergeError):
    """Merge {merge_id} was taken back before."""


class MergedWithItself(MergeError):
    """A file cannot be merged with itself."""

    field = "merged_id"


class FileIsAlias(MergeError):
    """The file {alias} is an alias of another one: merge with that one, or take that merge back first."""


# --- Decisions ------------------------------------------------------------------------------------


def decide(state: Merge, command: MergeCommand, known: Mapping[str, Aliases]) -> Sequence[MergeEvent]:
    match command:
        case MergeCustomers(customer_id=kept, merged_id=merged):
            if state.merge_id is not None:
                raise MergeAlreadyMade(merge_id=command.merge_id)
            if kept == merged:
                raise MergedWithItself
            for field, file in (("customer_id", kept), ("merged_id", merged)):
                if file in known[file_tag(file)]:
                    raise FileIsAlias(at=field, alias=file)
            return [carry(CustomersMerged, command)]
        case ReverseMerge():
            if state.merge_id is None:
                raise MergeUnknown(merge_id=command.merge_id)
            if state.reversed:
                raise MergeAlreadyReversed(merge_id=command.merge_id)
            return [carry(MergeReversed, command, customer_id=state.customer_id, merged_id=state.merged_id)]
        case _:
            assert_never(command)


def _files(state: Merge, command: MergeCommand) -> Sequence[str]:
    if isinstance(command, MergeCustomers):
        return tuple({file_tag(command.customer_id): None, file_tag(command.merged_id): None})
    return ()


MERGES = Decider(
    name="merge",
    id_field="merge_id",
    initial=Merge(),
    evolve=evolve,
    decide=decide,
    commands=(MergeCustomers, ReverseMerge),
    begins=(MergeCustomers,),
    guard=require_served,
    boundary=Boundary(initial=frozenset(), evolve=evolve_aliases, tags=_files),
)
