"""Imports a table: each row becomes commands with ids of its own, so that doing it again changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec

from domain.calendar import DEFAULT_CALENDAR, DayOutOfOrder, EndDay, business_day, day_end
from domain.commands import Command, parse
from domain.customers import ContactPointExists, CustomerAlreadyRegistered, RegisterCustomer
from domain.errors import DomainError, InvalidInput
from domain.records import Record
from infra.engine import Engine, fingerprint
from infra.import_kinds import Cells, Facts, Kind, Wish, registration
from infra.import_ledger import Ledger, Rejects, Standing
from infra.log import Appended
from infra.tables_in import Row, Table

CHUNK = 1_500
"""Rows in one transaction; after each the ledger says how far the import has come."""
SLICE = 50
"""Rows that are read at a time while PostgreSQL works on the chunk before."""
FULFILLED = (CustomerAlreadyRegistered, ContactPointExists, DayOutOfOrder)
"""Refusals that mean: what the row asks for is so already."""
BEGINNING = datetime.min.replace(tzinfo=UTC)

Outcome = Appended | DomainError | None
"""Of one command: done, refused, or done before."""
Progress = Callable[[int, int], None]
"""Called with the rows that are done, and about how many there are."""


class BadMapping(Exception):
    """The fields of this kind of row do not fit the file's columns; the message says how to mend it."""


class Job(Record):
    """What a table's rows are, and how its columns are called."""

    kind: Kind
    columns: Mapping[str, str] = MappingProxyType({})
    """Field to column, where the names differ."""
    constants: Mapping[str, str] = MappingProxyType({})
    """Field to value, the same for every row."""
    zone: str = "UTC"
    """Of dates and times that do not name theirs (IANA)."""
    actor: str = "import"
    source: str
    end_days: bool = False
    """Whether rows go in by their time, and each day (UTC) from the first to the last is ended."""


class Among(Record):
    """Further commands, done by their time among the rows of a job that ends days."""

    name: str
    """What they are; another name makes another import."""
    commands: Callable[[], Sequence[Command]]


class Summary(Record):
    """What an import did, all its runs together."""

    imported: int
    repeated: int
    """Rows that were in the log already."""
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


class Step(msgspec.Struct, frozen=True):
    """What is done together: a row's commands, or why it has none; a command that stands alone has no row."""

    row: Row | None
    commands: Sequence[Command] = ()
    refusal: DomainError | None = None

    @property
    def at(self) -> datetime:
        return self.commands[-1].occurred_at if self.commands else BEGINNING


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

    Rows that cannot be read or are refused go to `rejects`, with the reason. Raises `BadMapping`.
    """
    began = time.monotonic()
    run = _Run(engine, table, job, rejects, among)
    finished_before = await run.open()
    if not finished_before:
        await run.finish(progress)
    standing = run.standing
    return Summary(
        imported=standing.imported,
        repeated=standing.repeated,
        rejected=standing.rejected,
        seconds=time.monotonic() - began,
        rejects=rejects if standing.rejected else None,
        finished_before=finished_before,
    )


class _Run:
    """One run of an import, from where the ledger says to the end."""

    def __init__(self, engine: Engine, table: Table, job: Job, rejects: Path, among: Among | None) -> None:
        self._engine, self._table, self._job, self._among = engine, table, job, among
        _columns(table, job)
        self._rejects = Rejects(rejects, table.raw_columns)
        self._ledger = Ledger(engine.log.pool, engine.log.tenant, job_fingerprint(table, job, among))
        self.standing = Standing()
        self._chunks = 0

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
        plan = steps(self._table, self._job, self._among)
        next(islice(plan, self.standing.done, self.standing.done), None)  # skips what is done
        chunk = list(islice(plan, CHUNK))
        while chunk:
            doing = asyncio.create_task(self._do(chunk))
            following: list[Step] = []
            while len(following) < CHUNK and not doing.done():
                following += islice(plan, SLICE)
                await asyncio.sleep(0)
            await doing
            await self._keep_plans_fit()
            progress(self._rows_done(), self._table.about)
            chunk = following or list(islice(plan, CHUNK))
        self.standing.finished = True
        await self._ledger.save(self.standing)

    async def _keep_plans_fit(self) -> None:
        """Tell PostgreSQL how large the log has become, each time it has doubled: else it plans for a small one."""
        self._chunks += 1
        if self._chunks.bit_count() == 1:
            await self._engine.log.pool.execute("ANALYZE kehu.events, kehu.streams, kehu.commands")

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
        self.standing.done += len(chunk)
        await self._ledger.save(self.standing)

    async def _execute(self, commands: Sequence[Command]) -> list[Outcome]:
        """What became of each command; one whose id was used for other values is refused."""
        outcomes: list[Outcome] = list(await self._engine.execute_many(commands))
        repeated = [place for place, outcome in enumerate(outcomes) if outcome is None]
        rows = repeated and await self._engine.log.pool.fetch(
            "SELECT command_id, fingerprint FROM kehu.commands WHERE tenant = $1 AND command_id = ANY ($2)",
            self._engine.log.tenant,
            [commands[place].command_id for place in repeated],
        )
        stored = dict(rows)
        for place in repeated:
            command = commands[place]
            if isinstance(command, RegisterCustomer):
                continue  # the one that registered the customer may have known more
            if stored.get(command.command_id) not in (None, fingerprint(command)):
                outcomes[place] = Changed(id=command.command_id.split("/", 2)[-1])
        return outcomes

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


# --- From rows to steps ---------------------------------------------------------------------------


def steps(table: Table, job: Job, among: Among | None = None) -> Iterator[Step]:
    """The import's steps, in their order, the same in every run. Raises `BadMapping`."""
    plan: Iterable[Step] = _Reading(table, job).steps()
    if job.end_days:
        alone = [Step(None, (command,)) for command in (among.commands() if among else ())]
        plan = _with_days(sorted([*plan, *alone], key=lambda step: step.at), job)
    return iter(_registering(plan, job) if job.kind.registers else plan)


class _Reading:
    """Reads rows into steps; counts equal rows, for the ids of rows that have none."""

    def __init__(self, table: Table, job: Job) -> None:
        self._table, self._job, self._zone = table, job, ZoneInfo(job.zone)
        self._columns = _columns(table, job)
        self._seen: Counter[bytes] = Counter()

    def steps(self) -> Iterator[Step]:
        for row in self._table.rows():
            try:
                yield Step(row, self._commands(row))
            except DomainError as refusal:
                yield Step(row, (), refusal)

    def _commands(self, row: Row) -> list[Command]:
        if row.problem is not None:
            raise InvalidInput("row", row.problem)
        values = {
            field: row.values[column] for field, column in self._columns.items() if column in row.values
        }
        cells = Cells({**values, **self._job.constants}, self._zone)
        facts = self._job.kind.read(cells)
        id = cells.get("id") or self._derived(facts)
        return [_command(wish, self._job) for wish in self._job.kind.wishes(id, facts)]

    def _derived(self, facts: Facts) -> str:
        """An id made of the row's content, and of how many equal rows there were before."""
        content = msgspec.json.encode(facts, order="sorted")
        digest = hashlib.blake2b(content, digest_size=10).digest()
        self._seen[digest] += 1
        return f"{digest.hex()}-{self._seen[digest]}"


def _columns(table: Table, job: Job) -> dict[str, str]:
    """Which column each field comes from. Raises `BadMapping`."""
    names = [field.name for field in job.kind.fields]
    for name in (*job.columns, *job.constants):
        if name not in names:
            raise BadMapping(f"{job.kind.name} have no field {name!r}; they have {', '.join(names)}")
    columns = {name: job.columns.get(name, name) for name in names if name not in job.constants}
    if table.columns is None:
        return columns
    for field in job.kind.fields:
        column = columns.get(field.name)
        if column is None or column in table.columns:
            continue
        if field.required or field.name in job.columns:
            listed = ", ".join(table.columns)
            raise BadMapping(
                f"{table.name} has no column {column!r} for the field {field.name!r} ({field.meaning});"
                f" its columns are {listed}: say --map {field.name}=COLUMN or --set {field.name}=VALUE"
            )
        del columns[field.name]
    return columns


def _command(wish: Wish, job: Job) -> Command:
    command_id, kind, fields = wish
    return parse(kind, {"actor": job.actor, "source": job.source, "command_id": command_id, **fields})


def _registering(plan: Iterable[Step], job: Job) -> Iterator[Step]:
    """Before the first row of each customer, the customer's registration."""
    met: set[str] = set()
    for step in plan:
        customer_id = getattr(step.commands[0], "customer_id", None) if step.row and step.commands else None
        if customer_id is None or customer_id in met:
            yield step
            continue
        met.add(customer_id)
        try:
            command = _command(registration(customer_id, {"occurred_at": step.at}), job)
        except DomainError as refusal:
            met.remove(customer_id)
            yield Step(step.row, (), refusal)
        else:
            yield Step(step.row, (command, *step.commands))


def _with_days(plan: Iterable[Step], job: Job) -> Iterator[Step]:
    """After the last step of each day, the day's end; days without any are ended too."""
    day: date | None = None
    for step in plan:
        if step.commands:
            today = business_day(step.at, DEFAULT_CALENDAR)
            while day is not None and day < today:
                yield _day_end(day, job)
                day += timedelta(days=1)
            day = today
        yield step
    if day is not None:
        yield _day_end(day, job)


def _day_end(day: date, job: Job) -> Step:
    end = EndDay(
        command_id=f"day/{day}",
        actor=job.actor,
        source=job.source,
        occurred_at=day_end(day, DEFAULT_CALENDAR),
        day=day,
    )
    return Step(None, (end,))


def job_fingerprint(table: Table, job: Job, among: Among | None = None) -> str:
    """What tells this import from others: the file's content, and how it is read."""
    how = {
        "columns": sorted(job.columns.items()),
        "constants": sorted(job.constants.items()),
        "zone": job.zone,
        "kind": job.kind.name,
        "days": job.end_days,
        "names": table.columns,
        "among": among and among.name,
    }
    content = table.digest.encode() + msgspec.json.encode(how)
    return hashlib.sha256(content).hexdigest()
