"""What an import does, step by step: from a table's rows to commands, in an order that is always the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec

from domain.calendar import DEFAULT_CALENDAR, EndDay, business_day, day_end
from domain.commands import Command, parse
from domain.errors import DomainError, InvalidInput
from domain.records import Record
from infra.imports.files import Row, Table
from infra.imports.kinds import Cells, Facts, Kind, Wish, registration

BEGINNING = datetime.min.replace(tzinfo=UTC)
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
    ends_day: bool = False
    """Such steps do not count in an import's progress: how many there are depends on when it runs."""

    @property
    def at(self) -> datetime:
        return self.commands[-1].occurred_at if self.commands else BEGINNING


def steps(table: Table, job: Job, among: Among | None = None) -> Iterator[Step]:
    """The import's steps, in their order, the same in every run but for ends of days. Raises `BadMapping`."""
    plan: Iterable[Step] = _Reading(table, job).steps()
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
    """Reads rows into steps; counts equal rows, for the ids of rows that have none."""

    def __init__(self, table: Table, job: Job) -> None:
        self._table, self._job, self._zone = table, job, ZoneInfo(job.zone)
        self._columns = columns_of(table, job)
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


def columns_of(table: Table, job: Job) -> dict[str, str]:
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


def _in_time(plan: Iterable[Step], job: Job) -> Iterator[Step]:
    """Rows of the future are refused, at the place where they are."""
    latest = None if job.now is None else job.now + AHEAD
    for step in plan:
        if latest is not None and step.row and step.commands and step.at > latest:
            yield Step(step.row, (), InvalidInput("occurred_at", f"{step.at} lies in the future"))
        else:
            yield step


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
        except DomainError:
            met.remove(customer_id)
            yield Step(
                step.row, (), InvalidInput("customer_id", "is too long to register a customer under it")
            )
        else:
            yield Step(step.row, (command, *step.commands))


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
    how = {
        "columns": sorted(job.columns.items()),
        "constants": sorted(job.constants.items()),
        "zone": job.zone,
        "kind": job.kind.name,
        "days": job.end_days and "not counted",  # once their ends counted: such an import begins anew
        "names": table.columns,
        "among": among and among.name,
    }
    content = table.digest.encode() + msgspec.json.encode(how)
    return hashlib.sha256(content).hexdigest()
