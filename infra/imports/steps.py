"""What an import does, step by step: from a table's rows to commands, in an order that is always the same."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec

from domain.calendar import DEFAULT_CALENDAR, EndDay, business_day, day_end
from domain.commands import Command, parse
from domain.customers import RegisterCustomer
from domain.errors import DomainError, InvalidInput
from domain.records import Record
from infra.imports.rows import Cells, Facts, Kind, Part, registration
from infra.imports.tables import Row, Table
from infra.imports.values import Dates

BEGINNING = datetime.min.replace(tzinfo=UTC)
MET = 100_000
"""Customers whose registration is remembered at most."""
AHEAD = timedelta(days=1)
"""How far clocks and time zones may put a row before the import itself."""


class BadMapping(Exception):
    """The fields of this kind of row do not fit the file's columns; the message says how to mend it."""


class Job(Record):
    """What a table's rows are, and how its columns are called."""

    kind: Kind
    columns: Mapping[str, str] = MappingProxyType({})
    """Field to column, where the names differ."""
    constants: Mapping[str, str] = MappingProxyType({})
    """Field to value, the same for every row."""
    values: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    """By field, what a text of the file stands for; texts that are not there stay as they are."""
    date_formats: tuple[str, ...] = ()
    """How dates and times are written, as of `strptime`, beside ISO 8601."""
    zone: str = "UTC"
    """Of dates and times that do not name theirs (IANA)."""
    actor: str = "import"
    source: str
    end_days: bool = False
    """Whether rows go in by their time, and each day (UTC) from the first to the last is ended."""
    now: datetime | None = None
    """When this run begins: what is later is refused, and no day ends that is not over; None: no limit."""


class Among(Record):
    """Further commands, done by their time among the rows of a job that ends days."""

    name: str
    """What they are; another name makes another import."""
    commands: Callable[[], Sequence[Command]]


class Step(msgspec.Struct, frozen=True):
    """What is done together: a row's commands, or why it has none; a command that stands alone has no row."""

    row: Row | None
    commands: Sequence[Command] = ()
    refusal: DomainError | None = None
    """Why it has none; its `at` is the kind's column."""
    id: str = ""
    """The row's."""
    ends_day: bool = False
    """Such steps do not count in an import's progress: how many there are depends on when it runs."""

    @property
    def at(self) -> datetime:
        return max((command.occurred_at for command in self.commands), default=BEGINNING)


def steps(table: Table, job: Job, among: Among | None = None) -> Iterator[Step]:
    """The import's steps, in their order, the same in every run but for ends of days. Raises `BadMapping`.

    Their rows are read one after the other and forgotten, but for a job that ends days, which sorts them.
    """
    reading = _Reading(table, job)
    plan: Iterable[Step] = reading.steps()
    if job.end_days:
        alone = [Step(None, (command,)) for command in (among.commands() if among else ())]
        plan = sorted(
            [*plan, *alone], key=lambda step: step.at
        )  # also rows that will be refused: by their time
    plan = _in_time(plan, job)
    if job.end_days:
        plan = _with_days(plan, job)
    return iter(_registering(plan, job) if job.kind.registers else plan)


class _Reading:
    """Reads rows into steps."""

    def __init__(self, table: Table, job: Job) -> None:
        self._table, self._job = table, job
        self._dates = Dates(zone=ZoneInfo(job.zone), formats=job.date_formats)
        self._columns = columns_of(table, job)
        self._pairs = [name for name, column in job.kind.columns.items() if column.pairs]
        self._alike = Alike()

    def steps(self) -> Iterator[Step]:
        for row in self._table.rows():
            id = row.id or f"{self._table.digest[:16]}-{row.line}"
            try:
                if row.problem is not None:
                    raise InvalidInput("", row.problem)
                cells = Cells(self._values(row), self._dates)
                given = cells.get("id") or row.id
                id = given or id
                said = self._job.kind.facts(cells, self._job.constants)
                id = given or self._alike.id(said[0][1])
                yield Step(row, [_command(part, id, facts, self._job) for part, facts in said], id=id)
            except DomainError as refusal:
                yield Step(row, (), refusal, id=id)

    def _values(self, row: Row) -> dict[str, str]:
        """The row's texts by the kind's columns; those of `answers.q1` and its like together."""
        values = {
            field: row.values[column] for field, column in self._columns.items() if column in row.values
        }
        if self._table.columns is None:
            values |= {key: text for key, text in row.values.items() if key.partition(".")[0] in self._pairs}
        for field, meant in self._job.values.items():
            if field in values:
                values[field] = meant.get(values[field].strip(), values[field])
        for name in self._pairs:
            if own := [key for key in values if key.startswith(f"{name}.")]:
                values[name] = ";".join(f"{key[len(name) + 1 :]}={values.pop(key)}" for key in own)
        return {**values, **self._job.constants}


class Alike:
    """Counts rows that say the same, on disk once they are many: rows without an id are told apart by it."""

    def __init__(self) -> None:
        self._seen = sqlite3.connect("")
        self._seen.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")

    def id(self, facts: Facts) -> str:
        """An id made of what a row says, and of how many rows said the same before."""
        content = msgspec.json.encode(facts, order="sorted")
        digest = hashlib.blake2b(content, digest_size=10).digest()
        [(times,)] = self._seen.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times",
            (digest,),
        )
        return f"{digest.hex()}-{times}"


def columns_of(table: Table, job: Job) -> dict[str, str]:
    """Which column each field comes from. Raises `BadMapping`."""
    fields = job.kind.columns
    pairs = [name for name, field in fields.items() if field.pairs]
    for name in (*job.columns, *job.constants, *job.values):
        if name not in fields and name.partition(".")[0] not in pairs:
            raise BadMapping(f"{job.kind.name} have no field {name!r}; they have {', '.join(fields)}")
    split = [name for name in (*job.columns, *(table.columns or ())) if name.partition(".")[0] in pairs]
    names = dict.fromkeys((*fields, *split))
    columns = {name: job.columns.get(name, name) for name in names if name not in job.constants}
    if table.columns is None:
        return columns
    for name in names:
        field, column = fields.get(name), columns.get(name)
        if column is None or column in table.columns:
            continue
        spread = any(key.startswith(f"{name}.") for key in split)
        if name in job.columns or (field is not None and field.required and not spread):
            listed = ", ".join(table.columns)
            meaning = f" ({field.meaning})" if field else ""
            raise BadMapping(
                f"{table.name} has no column {column!r} for the field {name!r}{meaning};"
                f" its columns are {listed}: say --map {name}=COLUMN or --set {name}=VALUE"
            )
        del columns[name]
    return columns


def unread(table: Table, job: Job) -> list[str]:
    """The file's columns that no field comes from."""
    read = {*columns_of(table, job).values()}
    return [name for name in table.columns or () if name and name not in read]


def _command(part: Part, id: str, facts: Facts, job: Job) -> Command:
    """The command that is this part of a row. Raises `InvalidInput` that names the kind's column."""
    stamp = {"actor": job.actor, "source": job.source, "command_id": job.kind.command_id(part, id)}
    try:
        return parse(part.command, {**stamp, **part.wish(id, facts)})
    except InvalidInput as refusal:
        raise InvalidInput(part.column_of(refusal.at) or "", refusal.rule) from None


def _in_time(plan: Iterable[Step], job: Job) -> Iterator[Step]:
    """Rows of the future are refused, at the place where they are."""
    latest = None if job.now is None else job.now + AHEAD
    for step in plan:
        if latest is not None and step.row and step.commands and step.at > latest:
            late = next(command for command in step.commands if command.occurred_at > latest)
            part = job.kind.part_of(late)
            refusal = InvalidInput(part.at if part else "at", f"{late.occurred_at} lies in the future")
            yield Step(step.row, (), refusal, id=step.id)
        else:
            yield step


def _registering(plan: Iterable[Step], job: Job) -> Iterator[Step]:
    """Each row with the registration of its customer: it is done with the first of them that goes in."""
    met: dict[str, Command] = {}
    for step in plan:
        customer_id = getattr(step.commands[0], "customer_id", None) if step.row and step.commands else None
        if customer_id is None:
            yield step
            continue
        if len(met) > MET:
            met.clear()  # to register somebody twice does no harm
        if customer_id not in met:
            try:
                met[customer_id] = _registration(customer_id, step.at, job)
            except DomainError:
                refusal = InvalidInput("customer", "is too long to register a customer under it")
                yield Step(step.row, (), refusal, id=step.id)
                continue
        yield Step(step.row, (met[customer_id], *step.commands), id=step.id)


def _registration(customer_id: str, at: datetime, job: Job) -> Command:
    return parse(
        RegisterCustomer,
        {
            "actor": job.actor,
            "source": job.source,
            "command_id": registration(customer_id),
            "occurred_at": at,
            "customer_id": customer_id,
        },
    )


def _with_days(plan: Iterable[Step], job: Job) -> Iterator[Step]:
    """After the last step of each day, the day's end, if it is over; days without any are ended too."""
    day: date | None = None
    for step in plan:
        if step.commands:
            today = business_day(step.at, DEFAULT_CALENDAR)
            while day is not None and day < today and _is_over(day, job):
                yield _day_end(day, job)
                day += timedelta(days=1)
            day = today
        yield step
    if day is not None and _is_over(day, job):
        yield _day_end(day, job)


def _is_over(day: date, job: Job) -> bool:
    return job.now is None or day_end(day, DEFAULT_CALENDAR) <= job.now


def _day_end(day: date, job: Job) -> Step:
    end = EndDay(
        command_id=f"day/{day}",
        actor=job.actor,
        source=job.source,
        occurred_at=day_end(day, DEFAULT_CALENDAR),
        day=day,
    )
    return Step(None, (end,), ends_day=True)


def job_fingerprint(table: Table, job: Job, among: Among | None = None) -> str:
    """What tells this import from others: the file's content, and how it is read."""
    how: dict[str, object] = {
        "columns": sorted(job.columns.items()),
        "constants": sorted(job.constants.items()),
        "zone": job.zone,
        "kind": job.kind.name,
        "days": job.end_days and "not counted",  # once their ends counted: such an import begins anew
        "names": table.columns,
        "among": among and among.name,
    }
    if job.values or job.date_formats:
        how |= {"values": {name: sorted(texts.items()) for name, texts in sorted(job.values.items())}}
        how |= {"dates": job.date_formats}
    content = table.digest.encode() + msgspec.json.encode(how)
    return hashlib.sha256(content).hexdigest()
