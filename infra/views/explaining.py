"""Why is a row as it is? The chain of its versions, each with the events that made it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.events import POLICY_TAG, Event, Recorded
from domain.policies import Policies
from domain.policies import evolve as evolve_policies
from domain.records import Record
from infra.views.conditions import Arguments, condition, plain
from infra.views.reader import EVERYTHING, Found, Sight, ViewReader
from infra.views.tables import UNMASKED, Key, Mask, Table, quoted
from projections.view import Declaration, Population, View

MOST = 1_000
"""Events that are told at most as what a population was computed from."""


class Change(Record):
    """What one event made of a row."""

    event: Recorded[Event]
    """The event that was folded, or that ended the day for which all rows were computed."""
    before: Found | None
    """The version that it ended; None where the row began."""
    after: Found | None
    """The version that it began; None where the row ended."""
    until: int | None
    """Where the version that it began ended; None where that held at the moment of asking."""
    changed: tuple[str, ...]
    """The fields whose values differ; where the row began, those that were set."""
    because: tuple[Recorded[Event], ...] = ()
    """For rows that are computed all together: what `_Computed` tells."""


class _Step(Record):
    """Two versions that meet at a position; one of them is missing where the row begins or ends."""

    position: int
    before: tuple[View, int] | None
    after: tuple[View, int] | None
    until: int | None

    @property
    def previous(self) -> int:
        """The position from which the version before held; 0 where there was none."""
        return self.before[1] if self.before else 0


async def explain(
    reader: ViewReader,
    view: str,
    key: Key,
    at: int,
    *,
    field: str | None = None,
    first: int,
    sight: Sight = EVERYTHING,
) -> list[Change]:
    """The last changes of a row (of one field of it) up to a position, latest first.

    Versions out of sight are not there. Raises `NotReached` where the views do not get that far in time.
    """
    declaration = reader.declarations[view]
    population = declaration.population
    reads = population.reads if population else ()
    standing = await reader.reached([view, *reads], at)
    steps = await _steps(reader, reader.table(view, standing), key, at, field, first, sight)
    behind: Mapping[int, Sequence[int]] = {}
    if population is not None and steps:
        sources = [reader.table(name, standing) for name in reads]
        behind = await _Computed(reader, population, key, declaration.key, sources).behind(steps)
    positions = {step.position for step in steps} | {p for told in behind.values() for p in told}
    events = {event.position: event for event in await reader.log.read_at(sorted(positions))}
    return [
        Change(
            event=events[step.position],
            before=_found(step.before, step.position - 1),
            after=_found(step.after, step.position),
            until=step.until,
            changed=_changed(declaration, key, step),
            because=tuple(events[position] for position in behind.get(step.position, ())),
        )
        for step in steps
    ]


async def _steps(
    reader: ViewReader, table: Table, key: Key, at: int, field: str | None, first: int, sight: Sight
) -> list[_Step]:
    arguments = Arguments(3 + len(key))
    seen = condition(sight.where, arguments)
    a, b = (", ".join(f"{side}.{quoted(column)}" for column in table.columns) for side in "ab")
    differs = f"a.{quoted(field)} IS DISTINCT FROM b.{quoted(field)}" if field else "true"
    records = await reader.log.pool.fetch(
        f"WITH chain AS ({_versions(table, table.declaration.key, seen, sight.masked)})"
        f" SELECT {a}, a.since, a.until, {b}, b.since, coalesce(a.since, b.until)"
        " FROM chain a FULL JOIN chain b ON b.until = a.since"
        " WHERE coalesce(a.since, b.until) IS NOT NULL"
        f" AND (a.since IS NULL OR b.since IS NULL OR {differs})"
        f" ORDER BY coalesce(a.since, b.until) DESC LIMIT {first}",
        reader.log.tenant,
        at,
        *map(plain, key),
        *arguments.values,
    )
    width = len(table.columns)
    steps = []
    for record in map(tuple, records):
        after, (since, until) = record[:width], record[width : width + 2]
        before, (began, position) = record[width + 2 : -2], record[-2:]
        steps.append(
            _Step(
                position=position,
                before=None if began is None else (table.row(before), began),
                after=None if since is None else (table.row(after), since),
                until=until,
            )
        )
    return steps


def _versions(table: Table, columns: Sequence[str], seen: str = "true", masked: Mask = UNMASKED) -> str:
    """SQL for the versions up to position `$2` in whose columns stand `$3` and on; `$1` is the tenant."""
    wanted = "".join(f" AND {quoted(column)} = ${n}" for n, column in enumerate(columns, start=3))
    wanted += f" AND {seen}"
    listed = table.listed(masked)
    return (
        f"SELECT {listed}, since, NULL::bigint AS until FROM {table.live}"
        f" WHERE tenant = $1 AND since <= $2{wanted}"
        f" UNION ALL SELECT {listed}, since, CASE WHEN until <= $2 THEN until END FROM {table.past}"
        f" WHERE tenant = $1 AND since <= $2{wanted}"
    )


class _Computed:
    """What stands behind a row of a population: the policies without which it would have been computed
    otherwise, and what had happened, since the version before, to the rows with its key that it reads."""

    def __init__(
        self,
        reader: ViewReader,
        population: Population,
        key: Key,
        columns: Sequence[str],
        sources: Sequence[Table],
    ) -> None:
        self._log, self._population = reader.log, population
        self._key, self._columns = key, columns
        self._sources = [table for table in sources if {*columns} <= {*table.columns}]

    async def behind(self, steps: Sequence[_Step]) -> dict[int, Sequence[int]]:
        """For each step's position the positions of these events, in order."""
        latest = max(step.position for step in steps)
        published = await self._log.read_tag(POLICY_TAG, until=latest)
        touched = [position for table in self._sources for position in await self._touched(table, latest)]
        ended = {e.position: e for e in await self._log.read_at([step.position for step in steps])}
        return {
            step.position: sorted(
                {
                    *self._deciding(ended[step.position], published),
                    *(p for p in touched if step.previous < p < step.position),
                }
            )
            for step in steps
        }

    async def _touched(self, table: Table, latest: int) -> list[int]:
        """Where the rows of a source began or ended a version."""
        rows = await self._log.pool.fetch(
            "SELECT DISTINCT place FROM"
            f" ({_versions(table, self._columns)}) v CROSS JOIN LATERAL (VALUES (since), (until)) p (place)"
            f" WHERE place IS NOT NULL ORDER BY place DESC LIMIT {MOST}",
            self._log.tenant,
            latest,
            *self._key,
        )
        return [row[0] for row in rows]

    def _deciding(self, ended: Recorded[Event], published: Sequence[Recorded[Event]]) -> list[int]:
        """The policies without which other values would have gone into the computation, or none."""
        known = [policy for policy in published if policy.position < ended.position]
        values = self._population.due(ended, _policies(known))
        return [
            without.position
            for without in known
            if self._population.due(ended, _policies([p for p in known if p is not without])) != values
        ]


def _policies(published: Sequence[Recorded[Event]]) -> Policies:
    policies = Policies()
    for recorded in published:
        policies = evolve_policies(policies, recorded.event)
    return policies


def _found(version: tuple[View, int] | None, at: int) -> Found | None:
    return version and Found(row=version[0], since=version[1], at=at)


def _changed(declaration: Declaration, key: Key, step: _Step) -> tuple[str, ...]:
    if step.after is None:
        return ()
    before = step.before[0] if step.before else declaration.blank(key)
    return tuple(
        field.name
        for field in declaration.fields
        if getattr(before, field.name) != getattr(step.after[0], field.name)
    )
