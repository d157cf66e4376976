"""Which personal data an answer shows, and of whom: it goes out once the log says who has read it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import orjson
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from api import meaning
from api.build import MEANING
from api.callers import Caller
from api.policy import LENT, LOG, OWNER, OWNER_OF, Right, Subject, borrowed, names_customers, right
from domain.calendar import day_end
from domain.commands import Command
from domain.events import Event, personal_fields
from domain.reads import Ground, read_by
from domain.records import Record
from infra.tenant import Tenant
from infra.views.conditions import Window
from infra.views.reader import EVERYTHING
from projections.view import Declaration, Report

TOGETHER = 1_000
"""Reads that are logged in one transaction at most."""
REMEMBERED = 500_000
"""Reads that this process knows to be in the log, before it forgets them all and asks the log again."""
LOANS = 10_000
"""Running loans of one borrower that are looked at."""
NOBODY: frozenset[str | None] = frozenset()


class Read(Record):
    """Personal fields of a view, of a report, or of the log's events."""

    subject: Subject
    fields: tuple[str, ...] = ()
    """None: all."""


Reads = Mapping[Read, set[str | None]]
"""What was read, and of whom; None where it was about many at once."""


# --- What an answer shows --------------------------------------------------------------------------


class Seen:
    """The personal data that one answer shows."""

    def __init__(self) -> None:
        self._reads: dict[Read, set[str | None]] = {}
        self._fields: dict[tuple[Subject, str | None], set[str]] = {}

    def add(self, read: Read, of: Iterable[str | None]) -> None:
        self._reads.setdefault(read, set()).update(of)

    def note(self, subject: Subject, field: str, of: str | None) -> None:
        """One field more, of one customer, or of many at once."""
        self._fields.setdefault((subject, of), set()).add(field)

    @property
    def reads(self) -> Reads:
        """All of it; whoever is met several times, with other fields of the same view, is there once."""
        if self._fields or len({read.subject for read in self._reads}) < len(self._reads):
            for read, of in self._reads.items():
                for one in of:
                    self._fields.setdefault((read.subject, one), set()).update(read.fields)
            self._reads = {}
            for (subject, one), fields in self._fields.items():
                self.add(Read(subject=subject, fields=tuple(sorted(fields))), [one])
            self._fields = {}
        return self._reads


def note_report(seen: Seen, report: Report, values: Mapping[str, Any]) -> None:
    """Note that a report is shown, if it names customers; one that is asked for a customer is about them."""
    if names_customers(report.name):
        seen.add(of_report(report), [values.get("customer_id")])


def of_report(report: Report) -> Read:
    return Read(subject=Subject("report", report.name))


def is_personal(event: Event) -> bool:
    """Whether an event says something personal."""
    return any(getattr(event, name) not in (None, ()) for name in personal_fields(type(event)))


def note_event(seen: Seen, caller: Caller, customer: str | None, event: Event) -> None:
    """Note that an event is shown, if it says something personal about a customer, and not masked."""
    if customer is not None and right(caller, LOG) is not Right.MASKED and is_personal(event):
        seen.note(LOG, "data", customer)


# --- What resolvers show ---------------------------------------------------------------------------


def watch(core: GraphQLSchema, rows: Mapping[str, Declaration]) -> None:
    """Let resolvers of personal fields note whose they show; `rows` says of which view a type's rows are."""
    for name, view in rows.items():
        if view.subject is None:
            continue
        for made in _fields_of(core, name).values():
            if fields := told_by(made):
                _watched(made, Subject("view", view.name), fields, view.subject)
        _watched_cursor(_fields_of(core, f"{name}Edge")["cursor"], Subject("view", view.name), view.subject)
    for end in ("startCursor", "endCursor"):
        _watched_end(_fields_of(core, "PageInfo")[end])


def _fields_of(core: GraphQLSchema, name: str) -> dict[str, GraphQLField]:
    kind = core.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    fields: dict[str, GraphQLField] = kind.fields
    return fields


def told_by(made: GraphQLField) -> frozenset[str]:
    """The personal columns of a row that a field of its type tells: a column, or an id that holds the key."""
    match made.extensions["strawberry-definition"].metadata.get(MEANING):
        case meaning.Column(field=field) if field.personal:
            return frozenset({field.name})
        case meaning.Id(declaration=declaration):
            return declaration.personal_key
    return frozenset()


def _watched(made: GraphQLField, subject: Subject, fields: Iterable[str], column: str) -> None:
    resolve = made.resolve
    assert resolve is not None

    def watched(source: Any, info: Any, **arguments: Any) -> Any:
        context, customer = info.context, getattr(source.row, column)
        if customer is not None and right(context.caller, subject) is not Right.MASKED:
            for field in fields:
                context.seen.note(subject, field, customer)
        return resolve(source, info, **arguments)

    made.resolve = watched


def _watched_cursor(made: GraphQLField, subject: Subject, column: str) -> None:
    """A row's cursor tells the values that its list is sorted by."""
    resolve = made.resolve
    assert resolve is not None

    def watched(source: Any, info: Any, **arguments: Any) -> Any:
        customer = getattr(source.node.row, column)
        for field in source.told if customer is not None else ():
            info.context.seen.note(subject, field, customer)
        return resolve(source, info, **arguments)

    made.resolve = watched


def _watched_end(made: GraphQLField) -> None:
    """So do the cursors at a page's ends."""
    resolve = made.resolve
    assert resolve is not None

    def watched(source: Any, info: Any, **arguments: Any) -> Any:
        for field in source.told if source.start_cursor is not None else ():
            info.context.seen.note(Subject("view", source.view), field, None)
        return resolve(source, info, **arguments)

    made.resolve = watched


# --- What statements show --------------------------------------------------------------------------

MARK = re.compile(rb'"\$(\d+)":(?:"([^"\\]*(?:\\.[^"\\]*)*)"|null),')
"""What a compiled object begins with that shows personal data: the number of the read, and of whom it is.

No name in GraphQL begins with `$`, and no text in JSON holds a bare quotation mark.
"""


def mark(number: int) -> str:
    """The key under which an object says of whom it is."""
    return f"${number}"


def unmarked(data: bytes, reads: Sequence[Read], seen: Seen) -> bytes:
    """An answer without its marks, which are noted: of a row about nobody it is null, of many rows empty."""
    parts = MARK.split(data)
    numbers, whose = parts[1::3], parts[2::3]
    for number, read in enumerate(reads):
        key = b"%d" % number
        them = (
            {*whose} if len(reads) == 1 else {one for n, one in zip(numbers, whose, strict=True) if n == key}
        )
        if customers := them - {None}:
            told = orjson.loads(b'["%b"]' % b'","'.join(customers))
            seen.add(read, [customer or None for customer in told])
    return b"".join(parts[::3])


# --- The log ---------------------------------------------------------------------------------------


class ReadLog:
    """Logs who has read what of whom, once a business day; what is logged already costs nothing."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._today: tuple[date, datetime] | None = None
        """The business day, and when it is over."""
        self._known: dict[Hashable, set[str | None]] = {}
        self._size = 0

    async def log(self, caller: Caller, reads: Reads) -> None:
        """Return once the log holds these reads. Raises what keeps commands from being done."""
        if not reads:
            return
        day = await self._day()
        fresh: dict[Read, set[str | None]] = {}
        for read, of in reads.items():
            if new := of - self._known.get((day, caller.actor, caller.scope, read), NOBODY):
                fresh[read] = new
        if not fresh:
            return
        commands = [c for read, of in fresh.items() for c in await self._commands(caller, day, read, of)]
        for begin in range(0, len(commands), TOGETHER):
            await self._tenant.engine.execute_many(commands[begin : begin + TOGETHER])
        self._remember(fresh, (day, caller.actor, caller.scope))

    def _remember(self, fresh: Reads, by: tuple[Hashable, ...]) -> None:
        self._size += sum(map(len, fresh.values()))
        if self._size > REMEMBERED:
            self._known.clear()
            self._size = 0
        for read, of in fresh.items():
            self._known.setdefault((*by, read), set()).update(of)

    async def _day(self) -> date:
        now = datetime.now(UTC)
        if self._today is None or now >= self._today[1]:
            policies = await self._tenant.log.policies(await self._tenant.log.head())
            day = policies.business_day(now)
            self._today = day, day_end(day, policies.calendar(day))
            self._known.clear()
            self._size = 0
        return self._today[0]

    async def _commands(
        self, caller: Caller, day: date, read: Read, of: set[str | None]
    ) -> Sequence[Command]:
        grounds = await self._grounds(caller, read.subject, of)
        now, what = datetime.now(UTC), read.subject.name or read.subject.kind
        return [
            read_by(
                caller.actor,
                now,
                day,
                customer_id=customer,
                what=what,
                fields=read.fields,
                role=caller.role,
                ground=ground,
                loan_id=loan,
            )
            for customer, (ground, loan) in grounds.items()
        ]

    async def _grounds(
        self, caller: Caller, subject: Subject, customers: Iterable[str | None]
    ) -> dict[str | None, tuple[Ground, str | None]]:
        """By which right, and by which loan, the caller reads what is about each."""
        if right(caller, subject) is not Right.OWN and not caller.own_only:
            return dict.fromkeys(customers, (Ground.ROLE, None))
        files, loans = await self._files(customers), await self._loans(caller)

        def ground(id: str | None) -> tuple[Ground, str | None]:
            if id is None or getattr(files.get(id), OWNER, None) == caller.actor:
                return Ground.OWN, None
            return (Ground.LENT, loans[id]) if id in loans else (Ground.FILE, None)

        return {id: ground(id) for id in customers}

    async def _files(self, customers: Iterable[str | None]) -> dict[str | None, Any]:
        """The customers' files as they are now."""
        reader = self._tenant.reader
        standing = await reader.standing()
        table, named = reader.table(OWNER_OF, standing), [(id,) for id in customers if id is not None]
        rows = await reader.by_keys(table, named, standing.positions[OWNER_OF], sight=EVERYTHING)
        return {id: found.row for (id,), found in rows.items()}

    async def _loans(self, caller: Caller) -> dict[str | None, str]:
        """The caller's running loans, by the customers whose files are lent."""
        reader = self._tenant.reader
        standing = await reader.standing()
        table, at = reader.table(LENT, standing), standing.positions[LENT]
        where, window = borrowed(caller.actor), Window(size=LOANS)
        page = await reader.page(table, at, sight=EVERYTHING, where=where, window=window)
        return {found.row.customer_id: found.row.loan_id for found in page.rows}  # type: ignore[attr-defined]  # of the view file_loans
