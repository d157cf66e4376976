"""Imports a table: each row becomes commands with ids of its own, so that doing it again changes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from domain.calendar import DayOutOfOrder
from domain.commands import Command
from domain.customers import ContactPointExists, CustomerAlreadyRegistered, RegisterCustomer
from domain.errors import DomainError, InvalidInput
from domain.records import Record
from infra.engine import Directly, Engine
from infra.imports.ledger import Ledger, Standing
from infra.imports.rehearsal import Rehearsal, Unkept
from infra.imports.rejects import Rejection, Rejects, require_rejects
from infra.imports.steps import Among, Job, Step, columns_of, job_fingerprint, steps, unread
from infra.imports.tables import Row, Table
from infra.log.log import Log
from infra.log.units import Appended
from infra.plan import Rows, Withheld, fingerprint

__all__ = ["Among", "Changed", "Job", "Progress", "Rehearsed", "Summary", "import_table", "rehearse_table"]

CHUNK = 1_500
"""Rows in one transaction; after each the ledger says how far the import has come."""
SLICE = 50
"""Rows that are read at a time while PostgreSQL works on the chunk before."""
TOLD = 10
"""Rejections that a summary tells."""
FULFILLED = (CustomerAlreadyRegistered, ContactPointExists, DayOutOfOrder)
"""Refusals that mean: what the row asks for is so already."""
Outcome = Appended | DomainError | None
"""Of one command: done, refused, or done before."""
Progress = Callable[[int, int], None]
"""Called with the rows that are done, and about how many there are."""


class Summary(Record):
    """What an import did, all its runs together until it had finished."""

    imported: int
    repeated: int
    """Rows that were in the log already; all that are not rejected where an earlier run had finished."""
    rejected: int
    seconds: float
    """Of this run."""
    rejects: Path | None
    """The file of the rejected rows."""
    rejections: Sequence[Rejection] = ()
    """The first that this run met."""
    finished_before: bool = False
    """True where an earlier run had finished, and this one had nothing to do."""

    @property
    def rows(self) -> int:
        return self.imported + self.repeated + self.rejected


class Changed(DomainError):
    """a row with the id {id} was imported before with other values; correct it with a command instead"""

    field = "id"


async def import_table(
    engine: Engine,
    table: Table,
    job: Job,
    rejects: Path,
    *,
    among: Among | None = None,
    progress: Progress = lambda done, about: None,
) -> Summary:
    """Import a table, or go on where an earlier run was interrupted.

    Rows that cannot be read or are refused go to `rejects`, with the reason. Raises `BadMapping`, and
    `NoRejects` where the file for them is another.
    """
    began = time.monotonic()
    require_rejects(rejects, table)
    ledger = Ledger(engine.log.pool, engine.log.tenant, job_fingerprint(table, job, among))
    run = _Run(engine, table, job, among, ledger, Rejects(rejects, table.raw_columns))
    finished_before = await run.open()
    if not finished_before:
        await run.finish(progress)
    standing = run.standing
    return Summary(
        imported=0 if finished_before else standing.imported,
        repeated=standing.repeated + (standing.imported if finished_before else 0),
        rejected=standing.rejected,
        seconds=time.monotonic() - began,
        rejects=rejects if standing.rejected else None,
        rejections=tuple(run.rejections),
        finished_before=finished_before,
    )


class Rehearsed(Record):
    """What an import would do."""

    imported: int
    repeated: int
    """Rows that are in the log already."""
    rejected: int
    made: Mapping[str, int]
    """How many things would be new, by their noun, such as `order`."""
    changed: Mapping[str, int]
    """To how many that there are something would be added."""
    rejections: Sequence[Rejection]
    """The first rows that would be rejected."""
    unread: Sequence[str]
    """Columns of the file that nothing comes from."""
    seconds: float

    @property
    def rows(self) -> int:
        return self.imported + self.repeated + self.rejected


async def rehearse_table(
    log: Log, table: Table, job: Job, *, progress: Progress = lambda done, about: None
) -> Rehearsed:
    """Decide all that an import of the whole table would do now, and write nothing. Raises `BadMapping`."""
    began = time.monotonic()
    rehearsal, unkept = Rehearsal(log), Unkept()
    run = _Run(Engine(rehearsal, Directly(rehearsal)), table, job, None, unkept, unkept)
    await run.finish(progress)
    return Rehearsed(
        imported=run.standing.imported,
        repeated=run.standing.repeated,
        rejected=run.standing.rejected,
        made=dict(rehearsal.made),
        changed=dict(rehearsal.changed),
        rejections=tuple(run.rejections),
        unread=unread(table, job),
        seconds=time.monotonic() - began,
    )


class _Run:
    """One run of an import, from where the ledger says to the end."""

    def __init__(
        self,
        engine: Engine,
        table: Table,
        job: Job,
        among: Among | None,
        ledger: Ledger | Unkept,
        rejects: Rejects | Unkept,
    ) -> None:
        self._engine, self._table, self._job, self._among = engine, table, job, among
        columns_of(table, job)  # before anything is done
        self._ledger, self._rejects = ledger, rejects
        self.standing = Standing()
        self.rejections: list[Rejection] = []
        """The first of them."""

    async def open(self) -> bool:
        """Take up the import; whether it had finished before."""
        self.standing = await self._ledger.open(self._table.name, self._job.kind.name)
        if self.standing.finished:
            return True
        if not self._rejects.holds(self.standing.rejects_size):
            self.standing = Standing()  # the rejects file is gone: only all rows can make it again
        self._rejects.cut(self.standing.rejects_size)
        return False

    async def finish(self, progress: Progress) -> None:
        plan = self._not_done()
        chunk = list(islice(plan, CHUNK))
        while chunk:
            doing = asyncio.create_task(self._do(chunk))
            following: list[Step] = []
            while len(following) < CHUNK and not doing.done():
                following += islice(plan, SLICE)
                await asyncio.sleep(0)
            await doing
            progress(self._rows_done(), self._table.about)
            chunk = following or list(islice(plan, CHUNK))
        self.standing.finished = True
        await self._ledger.save(self.standing)

    def _not_done(self) -> Iterator[Step]:
        """The steps after those that are done."""
        plan = steps(self._table, self._job, self._among)
        for _ in islice((step for step in plan if not step.ends_day), self.standing.done):
            pass
        return plan

    def _rows_done(self) -> int:
        return self.standing.imported + self.standing.repeated + self.standing.rejected

    async def _do(self, chunk: Sequence[Step]) -> None:
        """Execute a chunk and note what became of each row."""
        refused: list[tuple[Rejection, Sequence[str]]] = []
        for part in _without_contradictions(chunk):
            for step, refusal, appended in await self._became(part):
                if step.row is None:
                    if refusal:
                        raise refusal
                elif refusal:
                    refused.append((_rejection(self._job, step.row, step.id, refusal), step.row.raw))
                elif appended:
                    self.standing.imported += 1
                else:
                    self.standing.repeated += 1
        if refused:
            self.standing.rejects_size = self._rejects.add(refused, self.standing.rejects_size)
            self.standing.rejected += len(refused)
            self.rejections += (rejection for rejection, _ in refused[: TOLD - len(self.rejections)])
        self.standing.done += sum(not step.ends_day for step in chunk)
        await self._ledger.save(self.standing)

    async def _became(self, chunk: Sequence[Step]) -> list[tuple[Step, DomainError | None, bool]]:
        """What became of each step: its refusal, if any, and whether something new is in the log."""
        stored = await self._stored_as([c for step in chunk if step.row for c in step.commands])
        changed = {n: found for n, step in enumerate(chunk) if (found := _changed(step, stored))}
        commands = [c for n, step in enumerate(chunk) if n not in changed for c in step.commands]
        rows = [n for n, step in enumerate(chunk) if n not in changed for _ in step.commands]
        done = await self._engine.execute_many(commands, Rows(rows, FULFILLED))
        unseen = [
            c
            for c, outcome in zip(commands, done, strict=True)
            if outcome is None and c.command_id not in stored and not isinstance(c, RegisterCustomer)
        ]
        stored = await self._stored_as(
            unseen
        )  # done before by this very chunk, or by somebody else meanwhile
        outcomes = iter(done)
        became: list[tuple[Step, DomainError | None, bool]] = []
        for n, step in enumerate(chunk):
            own = [] if n in changed else list(islice(outcomes, len(step.commands)))
            refusal = (
                changed.get(n) or step.refusal or _refusal(self._job, step, own) or _changed(step, stored)
            )
            became.append((step, refusal, any(isinstance(outcome, Appended) for outcome in own)))
        return became

    async def _stored_as(self, commands: Sequence[Command]) -> Mapping[str, bytes]:
        """The fingerprints under which the log knows these commands."""
        return await self._engine.log.fingerprints([c.command_id for c in commands]) if commands else {}


def _without_contradictions(chunk: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """The chunk in parts, none of which has two different commands of one id."""
    part: list[Step] = []
    known: dict[str, Command] = {}
    for step in chunk:
        if any(known.setdefault(command.command_id, command) != command for command in step.commands):
            yield part
            part, known = [], {command.command_id: command for command in step.commands}
        part.append(step)
    yield part


def _changed(step: Step, stored: Mapping[str, bytes]) -> Changed | None:
    """Whether one of the row's ids was used for other values; then nothing of the row is done."""
    for command in step.commands if step.row else ():
        if isinstance(command, RegisterCustomer):
            continue  # the one that registered the customer may have known more
        if stored.get(command.command_id) not in (None, fingerprint(command)):
            return Changed(id=step.id)
    return None


def _refusal(job: Job, step: Step, outcomes: Sequence[Outcome]) -> DomainError | None:
    """The first refusal of the row's commands; its `at` is then the kind's column."""
    for command, outcome in zip(step.commands, outcomes, strict=True):
        if isinstance(outcome, DomainError) and not isinstance(outcome, (*FULFILLED, Withheld)):
            part = job.kind.part_of(command) if step.row else None
            outcome.at = part.column_of(outcome.at) if part else outcome.at
            return outcome
    return None


def _rejection(job: Job, row: Row, id: str, refusal: DomainError) -> Rejection:
    field = refusal.at or ""
    return Rejection(
        line=row.line,
        column="" if field in job.constants else job.columns.get(field, field),
        field=field,
        rule=refusal.rule if isinstance(refusal, InvalidInput) else refusal.message,
        code=refusal.code,
        row_id=id,
    )
