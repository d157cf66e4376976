"""Conditions on the rows of a view and the order they are listed in, and the SQL of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from domain.records import Record
from infra.views.tables import Table, quoted
from projections.view import Declaration


class Test(Record):
    """A condition on one column; `op` is one of `OPERATORS`."""

    column: str
    op: str
    value: Any


class All(Record):
    parts: tuple[Where, ...]


class Some(Record):
    parts: tuple[Where, ...]


class Not(Record):
    part: Where


class Rows(Record):
    """What a column of a view's live rows holds, where they meet a condition."""

    table: Table
    column: str
    where: Where


class Within(Record):
    """The column holds what one of these holds."""

    column: str
    rows: tuple[Rows, ...]


Where = Test | All | Some | Not | Within

OPERATORS: Mapping[str, str] = {
    "eq": "{column} = {value}",
    "ne": "{column} IS DISTINCT FROM {value}",
    "lt": "{column} < {value}",
    "lte": "{column} <= {value}",
    "gt": "{column} > {value}",
    "gte": "{column} >= {value}",
    "in": "{column} = ANY ({value})",
    "contains": "strpos(lower({column}), lower({value})) > 0",
    "starts_with": "starts_with({column}, {value})",
    "has": "{value} = ANY ({column})",
}


class Order(Record):
    """One column to sort by; rows without a value come last either way."""

    column: str
    descending: bool = False


class Window(Record):
    """A part of a list: so many rows from its front, or `backward` from its end, of those that stand between
    the rows with these sort values."""

    size: Any
    backward: bool = False
    after: Sequence[Any] | None = None
    before: Sequence[Any] | None = None


class Outer(Record):
    """A value that stands in a column of the row around; there is one inside of a `Statement` alone."""

    column: str


class Arguments:
    """The values of a statement in the order of their placeholders, which begin at `first`."""

    def __init__(self, first: int = 3) -> None:
        self.values: list[Any] = []
        self.outer = ""
        """What the row around is called, where there is one."""
        self._first = first

    @property
    def next(self) -> int:
        return self._first + len(self.values)

    def place(self, value: Any) -> str:
        """The SQL that stands for a value."""
        if isinstance(value, Outer):
            return f"{self.outer}.{quoted(value.column)}"
        self.values.append(plain(value))
        return f"${self.next - 1}"


def plain(value: Any) -> Any:
    """A value as the database takes it."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value.value if isinstance(value, Enum) else value


def condition(where: Where, arguments: Arguments) -> str:
    """SQL for a condition."""
    match where:
        case Test(column=column, op="eq", value=None):
            return f"({quoted(column)} IS NULL)"
        case Test(column=column, op=op, value=value):
            return OPERATORS[op].format(column=quoted(column), value=arguments.place(value))
        case All(parts=parts):
            return "(" + (" AND ".join(condition(part, arguments) for part in parts) or "true") + ")"
        case Some(parts=parts):
            return "(" + (" OR ".join(condition(part, arguments) for part in parts) or "false") + ")"
        case Not(part=part):
            return f"(NOT coalesce({condition(part, arguments)}, false))"
        case Within(column=column, rows=rows):
            held = " UNION ALL ".join(
                f"SELECT {quoted(r.column)} FROM {r.table.now(condition(r.where, arguments))} w" for r in rows
            )
            return f"({quoted(column)} IN ({held}))"


def complete_order(declaration: Declaration, order: Sequence[Order]) -> list[Order]:
    """The wanted order, made total by the key."""
    named = {o.column for o in order}
    return [*order, *(Order(column=column) for column in declaration.key if column not in named)]


def sorting(declaration: Declaration, order: Sequence[Order], *, backward: bool = False) -> str:
    """SQL for the order of rows `v`, or for the reverse of it; in either an index can be followed."""
    return ", ".join(_sorted_by(declaration, o, backward) for o in order)


def _sorted_by(declaration: Declaration, order: Order, backward: bool) -> str:
    nulls = f" NULLS {'FIRST' if backward else 'LAST'}" if declaration.field(order.column).optional else ""
    return f"v.{quoted(order.column)} {'DESC' if order.descending != backward else 'ASC'}{nulls}"


def between(declaration: Declaration, order: Sequence[Order], window: Window, arguments: Arguments) -> str:
    """Rows that stand between those that a window names."""
    parts = []
    if window.after is not None:
        parts.append(beyond(declaration, order, window.after, arguments))
    if window.before is not None:
        parts.append(beyond(declaration, order, window.before, arguments, backward=True))
    return " AND ".join(parts) or "true"


def outside(
    declaration: Declaration, order: Sequence[Order], window: Window, arguments: Arguments
) -> str | None:
    """Rows that lie where the window is read from: up to the one that it names there, and that one.

    None where it is read from an end of the list.
    """
    values = window.before if window.backward else window.after
    if values is None:
        return None
    return beyond(declaration, order, values, arguments, backward=not window.backward, itself=True)


def beyond(
    declaration: Declaration,
    order: Sequence[Order],
    values: Sequence[Any],
    arguments: Arguments,
    *,
    backward: bool = False,
    itself: bool = False,
) -> str:
    """Rows that come after the one with these sort values, or before it; `itself`, too, where that is wanted.

    A missing value comes after every other.
    """
    cases, equal, bound = [], "", ""
    for o, value in zip(order, values, strict=True):
        column, at = quoted(o.column), arguments.place(value)
        than = "<" if o.descending != backward else ">"
        if declaration.field(o.column).optional:
            missing, there = (at, column) if backward else (column, at)
            cases.append(f"({equal}({column} {than} {at} OR ({missing} IS NULL AND {there} IS NOT NULL)))")
            equal += f"{column} IS NOT DISTINCT FROM {at} AND "
        else:
            if not cases:  # this part alone is what an index can begin at
                bound = f"{column} {than}= {at} AND "
            cases.append(f"({equal}{column} {than} {at})")
            equal += f"{column} = {at} AND "
    if itself:
        cases.append(f"({equal}true)")
    return f"({bound}({' OR '.join(cases)}))"
