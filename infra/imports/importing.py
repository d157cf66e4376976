"""Imports a table: each row becomes commands with ids of its own, so that doing it again changes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from domain.calendar import DayOutOfOrder
from domain.commands import Command
from domain.customers import ContactPointExists, CustomerAlreadyRegistered, RegisterCustomer
from domain.errors import DomainError, InvalidInput
from domain.records import Record
from infra.engine import Engine
from infra.imports.files import Row, Table
from infra.imports.ledger import Ledger, Rejects, Standing, require_rejects
from infra.imports.steps import Among, Job, Step, columns_of, job_fingerprint, steps
from infra.log.units import Appended
from infra.plan import fingerprint

__all__ = ["Among", "Changed", "Job", "Progress", "Summary", "import_table"]

CHUNK = 1_500
"""Rows in one transaction; after each the ledger says how far the import has come."""
SLICE = 50
"""Rows that are read at a time while PostgreSQL works on the chunk before."""
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
    run = _Run(engine, table, job, rejects, among)
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
        finished_before=finished_before,
    )


class _Run:
    """One run of an import, from where the ledger says to the end."""

    def __init__(self, engine: Engine, table: Table, job: Job, rejects: Path, among: Among | None) -> None:
        self._engine, self._table, self._job, self._among = engine, table, job, among
        columns_of(table, job)  # before anything is done
        require_rejects(rejects, table)
        self._rejects = Rejects(rejects, table.raw_columns)
        self._ledger = Ledger(engine.log.pool, engine.log.tenant, job_fingerprint(table, job, among))
        self.standing = Standing()

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
        outcomes = iter(await self._execute([command for step in chunk for command in step.commands]))
        refused: list[Sequence[object]] = []
        for step in chunk:
            became = list(islice(outcomes, len(step.commands)))
            refusal = step.refusal or _refusal(became)
            if step.row is None:
                if refusal:
                    raise refusal
            elif refusal:
                refused.append(self._reject(step.row, refusal))
            elif any(isinstance(outcome, Appended) for outcome in became):
                self.standing.imported += 1
            else:
                self.standing.repeated += 1
        if refused:
            self.standing.rejects_size = self._rejects.add(refused, self.standing.rejects_size)
            self.standing.rejected += len(refused)
        self.standing.done += sum(not step.ends_day for step in chunk)
        await self._ledger.save(self.standing)

    async def _execute(self, commands: Sequence[Command]) -> list[Outcome]:
        """What became of each command; one whose id was used for other values is refused."""
        outcomes: list[Outcome] = list(await self._engine.execute_many(commands))
        repeated = [place for place, outcome in enumerate(outcomes) if outcome is None]
        stored = await self._stored([commands[place].command_id for place in repeated])
        for place in repeated:
            command = commands[place]
            if isinstance(command, RegisterCustomer):
                continue  # the one that registered the customer may have known more
            if stored.get(command.command_id) not in (None, fingerprint(command)):
                outcomes[place] = Changed(id=command.command_id.split("/", 2)[-1])
        return outcomes

    async def _stored(self, command_ids: Sequence[str]) -> dict[str, bytes]:
        """The fingerprints under which the log knows these commands."""
        if not command_ids:
            return {}
        rows = await self._engine.log.pool.fetch(
            "SELECT command_id, fingerprint FROM kehu.commands WHERE tenant = $1 AND command_id = ANY ($2)",
            self._engine.log.tenant,
            command_ids,
        )
        return {row["command_id"]: row["fingerprint"] for row in rows}

    def _reject(self, row: Row, refusal: DomainError) -> Sequence[object]:
        field = refusal.at if row.problem is None else None
        rule = refusal.details["rule"] if isinstance(refusal, InvalidInput) else refusal.message
        return [row.line, _place(self._job, field), rule, *row.raw]


def _refusal(outcomes: Iterable[Outcome]) -> DomainError | None:
    return next((o for o in outcomes if isinstance(o, DomainError) and not isinstance(o, FULFILLED)), None)


def _place(job: Job, field: str | None) -> str:
    """The file's column behind a command's or a row's field."""
    name = job.kind.field_of(field)
    return "" if name is None else job.columns.get(name, name)
