"""A whole answer as one SQL statement: a small tree of rows, lists, counts and reports that becomes JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.records import Record
from infra.views.conditions import (
    Arguments,
    Order,
    Where,
    Window,
    between,
    complete_order,
    condition,
    outside,
    sorting,
)
from infra.views.groups import figure, grouping
from infra.views.reader import typed
from infra.views.tables import UNMASKED, Mask, Table, bind, column_type, quoted
from projections.view import Declaration, Field, Report

# --- The tree -------------------------------------------------------------------------------------


class Shown(Record):
    """A column of the row around, by the names of its values where it is an enum's."""

    field: Field
    names: Mapping[str, str] | None = None


class Whose(Record):
    """A column of the row around, as text: it says of whom the row is; without one, nothing: of many."""

    column: str | None = None


class WhosePage(Record):
    """The same of the page around: of many, or null where it is empty."""


class Constant(Record):
    value: str | bool


class Since(Record):
    """The position from which the row around holds."""


class At(Record):
    """The position that the list around is read at."""


class Row(Record):
    """The one row that meets a condition; null where there is none."""

    view: str
    where: Where
    body: Body
    masked: Mask = UNMASKED


class IdOf(Record):
    """The id of the row around, which is of a view's type: the position that was asked for, that type's name,
    and the key."""

    declaration: Declaration


class Keyed(Record):
    """Rows of one view, by the parts of their keys, and where each stands in the list around."""

    keys: tuple[Any, ...]
    numbers: Any
    row: Row


class Each(Record):
    """A list of so many rows of several views; null where there is none."""

    size: Any
    parts: tuple[Keyed, ...]


class Inside(Record):
    """The row around once more, as an object of its own."""

    body: Body


class CursorOf(Record):
    """Where the row around stands in its list."""


class Rows(Record):
    """A page of the rows that meet a condition, and what is told about it."""

    view: str
    where: Where
    order: tuple[Order, ...]
    window: Window
    body: Body
    masked: Mask = UNMASKED
    begun: Any = None
    """The position at which the list began that the window goes on with."""


class Nodes(Record):
    """The rows of the list around."""

    body: Body


class Total(Record):
    """How many rows the list around has in all."""


class Groups(Record):
    """The rows of the list around, whichever page is shown, in groups with the same values."""

    by: tuple[str, ...]
    size: Any
    body: Body


class Count(Record):
    """How many rows the group around has."""


class Figure(Record):
    """A figure of a column in the group around."""

    name: str
    field: Field


class PageInfo(Record):
    """Where the page of the list around begins and ends."""

    body: Body


class More(Record):
    """Whether rows follow the page, or come `before` it."""

    before: bool


class Edge(Record):
    """The cursor of the page's first row, or of its last one; null where it is empty."""

    last: bool


class Lines(Record):
    """The rows of a report."""

    report: Report
    values: Mapping[str, Any]
    body: Body


Value = (
    Shown
    | Whose
    | WhosePage
    | Constant
    | Since
    | At
    | Row
    | IdOf
    | Each
    | Inside
    | CursorOf
    | Rows
    | Nodes
    | Total
    | Groups
    | Count
    | Figure
    | PageInfo
    | More
    | Edge
    | Lines
)
Body = tuple[tuple[str, Value], ...]
"""An object: each key and its value, in order."""

LONGEST_KEY = 63
"""Bytes of an object's key: PostgreSQL cuts longer names off."""

# --- The statement --------------------------------------------------------------------------------

FIRST = 4
"""The first argument of a statement after `$1`, the tenant, `$2`, the position that the views must have
reached, and `$3`, the position that is asked for, or null for now."""
ASKED = "$3"
AT = "kehu_moment.at"
"""The position of the answer."""


class Statement(Record):
    """SQL that answers with one row: are these generations the ones that `serves`, have they `reached` the
    position, do their views all stand at the position of the answer (`even`); then `at` which position the
    `answer` is true, and when that was `recorded`."""

    sql: str
    arguments: tuple[Any, ...]


def statement(body: Body, tables: Mapping[str, Table], views: Iterable[str], *, live: bool) -> Statement:
    """The statement that answers a tree from these tables, true at the lowest position of all these views.

    The other tables are looked into as they are now; they must serve, too.

    A `live` one looks at live rows alone, and answers only where the views stand just there; the other one
    looks at past versions, too, and answers as of any position.
    """
    answer, arguments = _written(body, tables, now=live)
    serving = ", ".join(f"('{view}', {table.generation})" for view, table in sorted(tables.items()))
    read = ", ".join(f"('{view}', {tables[view].generation})" for view in sorted(views))
    return Statement(
        sql="WITH standing AS MATERIALIZED ("
        "SELECT min(s.position) AS lowest, max(s.position) AS highest, (SELECT count(*)"
        f" FROM kehu.builds b WHERE b.tenant = $1 AND b.serving AND (b.view, b.generation) IN ({serving}))"
        f" = {len(tables)} AS serves"
        f" FROM kehu.shards s WHERE s.tenant = $1 AND (s.view, s.generation) IN ({read})),"
        " moment AS MATERIALIZED (SELECT s.*, coalesce($3::bigint, s.lowest) AS at,"
        " coalesce(s.serves AND s.lowest >= $2::bigint, false) AS reached FROM standing s)"
        f" SELECT kehu_moment.serves, kehu_moment.reached, kehu_moment.highest = {AT} AS even, {AT},"
        f" (SELECT e.recorded_at FROM kehu.events e WHERE e.tenant = $1 AND e.position = {AT}) AS recorded,"
        f" CASE WHEN kehu_moment.reached{f' AND kehu_moment.highest = {AT}' if live else ''}"
        f" THEN convert_to(({answer})::text, 'UTF8') END AS answer FROM moment kehu_moment",
        arguments=tuple(arguments),
    )


def _written(body: Body, tables: Mapping[str, Table], *, now: bool) -> tuple[str, Sequence[Any]]:
    writer = _Writer(tables, now)
    return f"SELECT row_to_json(answer.*) FROM (SELECT {writer.listed(body)}) answer", writer.arguments.values


class _List:
    """A list as its parts see it."""

    def __init__(self, asked: Rows, declaration: Declaration, page: str, size: str, where: str) -> None:
        self.asked, self.declaration, self.page, self.size, self.where = asked, declaration, page, size, where
        self.window, self.order = asked.window, complete_order(declaration, asked.order)

    @property
    def rows(self) -> str:
        """SQL for the page's rows in order, without the one that only tells whether there are more."""
        rows = f"(SELECT * FROM {self.page} LIMIT {self.size})"
        if not self.window.backward:
            return rows
        return f"(SELECT * FROM {rows} v ORDER BY {sorting(self.declaration, self.order)})"


class _Writer:
    """Writes an answer from the live rows alone, or from all versions."""

    def __init__(self, tables: Mapping[str, Table], now: bool) -> None:
        self.tables, self.now, self.at = tables, now, AT
        self.arguments = Arguments(FIRST)
        self._list: _List | None = None
        self._numbers = 0

    def listed(self, body: Body) -> str:
        return ", ".join(f"{self._value(value)} AS {quoted(key)}" for key, value in body)

    def _value(self, value: Value) -> str:
        row = self.arguments.outer
        match value:
            case Shown(field=field, names=names):
                return shown(f"{row}.{quoted(field.name)}", field, names)
            case Whose(column=None):
                return "''::text"
            case Whose(column=str(column)):
                return f"{row}.{quoted(column)}::text"
            case Constant(value=bool(truth)):
                return "true" if truth else "false"
            case Constant(value=text):
                return f"{_text(str(text))}::text"
            case Since():
                return f"{row}.since"
            case At():
                return f"{self.at}::bigint"
            case Row():
                return self._row(value)
            case IdOf(declaration=declaration):
                name = f"{_text(declaration.row.__name__)}::text"
                return cursor([f"{ASKED}::bigint", name, *self._key(declaration)])
            case Each():
                return self._each(value)
            case Inside(body=body):
                return f"(SELECT row_to_json(n.*) FROM (SELECT {self.listed(body)}) n)"
            case Count():
                return "count(*)"
            case Figure(name=name, field=field):
                told = figure(name, field, row)
                return number(told) if name == "avg" or field.type is float else told
            case Rows():
                return self._rows(value)
            case Lines():
                return self._lines(value)
            case _:
                assert self._list is not None
                return self._of_list(value, self._list)

    def _of_list(self, value: Value, around: _List) -> str:
        match value:
            case Nodes(body=body):
                if around.window.backward:
                    return self._array(body, around.rows)
                return self._array(body, around.page, f" LIMIT {around.size}")
            case Total():
                return f"(SELECT count(*) FROM {self._source(around.asked.view, around.where)} v)"
            case Groups():
                return self._groups(value, around)
            case PageInfo(body=body):
                return f"(SELECT row_to_json(n.*) FROM (SELECT {self.listed(body)}) n)"
            case More(before=before) if before is around.window.backward:
                return f"(SELECT count(*) > {around.size} FROM {around.page})"
            case More():
                others = outside(around.declaration, around.order, around.window, self.arguments)
                if others is None:
                    return "false"
                source = self._source(around.asked.view, f"{around.where} AND {others}")
                return f"EXISTS (SELECT FROM {source} v)"
            case CursorOf():
                return self._cursor(around, self.arguments.outer)
            case WhosePage():
                return f"(SELECT ''::text FROM {around.page} LIMIT least(1, {around.size}))"
            case Edge(last=last):
                count = f"(SELECT count(*) FROM {around.rows} n)"
                skipped = f" OFFSET greatest({count} - 1, 0)" if last else ""
                return f"(SELECT {self._cursor(around, 'v')} FROM {around.rows} v LIMIT 1{skipped})"
        raise AssertionError(f"{value} stands in no list")

    def _row(self, asked: Row) -> str:
        source = self._source(asked.view, condition(asked.where, self.arguments), asked.masked)
        before = self._within()
        written = f"SELECT {self.listed(asked.body)} FROM {source} {self.arguments.outer}"
        self.arguments.outer = before
        return f"(SELECT row_to_json(n.*) FROM ({written}) n)"

    def _each(self, asked: Each) -> str:
        if not asked.parts:
            return "'[]'::json"
        size = f"{self.arguments.place(asked.size)}::int"
        rows = " UNION ALL ".join(map(self._keyed, asked.parts))
        return (
            "(SELECT coalesce(array_to_json(array_agg(x.node ORDER BY k.n)), '[]')"
            f" FROM generate_series(1, {size}) k(n) LEFT JOIN ({rows}) x ON x.n = k.n)"
        )

    def _keyed(self, part: Keyed) -> str:
        declaration = self.tables[part.row.view].declaration
        kinds = [column_type(declaration.field(name)) for name in declaration.key]
        keys = [f"{self.arguments.place(v)}::{k}[]" for v, k in zip(part.keys, kinds, strict=True)]
        numbers = f"{self.arguments.place(part.numbers)}::int[]"
        before = self._within()
        around, named = self.arguments.outer, ", ".join(map(key_column, range(len(keys))))
        node = self._row(part.row)
        self.arguments.outer = before
        listed = f"unnest({', '.join(keys)}, {numbers}) {around}({named}, n)"
        return f"SELECT {around}.n, {node} AS node FROM {listed}"

    def _key(self, declaration: Declaration) -> list[str]:
        """The key of the row around, as cursors hold it."""
        fields = [declaration.field(name) for name in declaration.key]
        return [_sort_value(f"{self.arguments.outer}.{quoted(f.name)}", f) for f in fields]

    def _array(self, body: Body, source: str, tail: str = "") -> str:
        before = self._within()
        written = f"SELECT {self.listed(body)} FROM {source} {self.arguments.outer}{tail}"
        self.arguments.outer = before
        return _array_of(written)

    def _within(self) -> str:
        """Go into another row, which gets a name of its own; the name of the one before."""
        before, self._numbers = self.arguments.outer, self._numbers + 1
        self.arguments.outer = f"v{self._numbers}"
        return before

    def _rows(self, asked: Rows) -> str:
        before, window = (self.now, self.at, self._list), asked.window
        if asked.begun is not None:
            self.now, self.at = False, f"{self.arguments.place(asked.begun)}::bigint"
        where, size = condition(asked.where, self.arguments), self._size(window.size)
        self._numbers += 1
        around = _List(asked, self.tables[asked.view].declaration, f"page{self._numbers}", size, where)
        self._list = around
        inside = between(around.declaration, around.order, window, self.arguments)
        source = self._source(asked.view, f"{where} AND {inside}", asked.masked)
        sort = sorting(around.declaration, around.order, backward=window.backward)
        more = int(_asks_for(More(before=window.backward), asked.body))
        page = f"WITH {around.page} AS (SELECT * FROM {source} v ORDER BY {sort} LIMIT {size} + {more})"
        written = f"(SELECT row_to_json(n.*) FROM ({page} SELECT {self.listed(asked.body)}) n)"
        self.now, self.at, self._list = before
        return written

    def _groups(self, asked: Groups, around: _List) -> str:
        source, size = self._source(around.asked.view, around.where), self._size(asked.size)
        before = self._within()
        row = self.arguments.outer
        written = (
            f"SELECT {self.listed(asked.body)} FROM {source} {row}{grouping(asked.by, row)} LIMIT {size}"
        )
        self.arguments.outer = before
        return _array_of(written)

    def _size(self, size: Any) -> str:
        return str(size) if isinstance(size, int) else f"{self.arguments.place(size)}::bigint"

    def _lines(self, asked: Lines) -> str:
        sources = {view: self._source(view, "true") for view in asked.report.reads}
        query = typed(asked.report).format_map(sources)
        sql, values = bind(query, asked.values, first=self.arguments.next)
        self.arguments.values += values
        needed = {v.field.name: None for _, v in asked.body if isinstance(v, Shown) and not v.field.optional}
        check = f"WHERE 1 / (num_nulls({', '.join(map(quoted, needed))}) = 0)::int = 1" if needed else ""
        return self._array(asked.body, f"(SELECT * FROM ({sql}) report {check})")

    def _source(self, view: str, where: str, masked: Mask = UNMASKED) -> str:
        table = self.tables[view]
        return table.now(where, masked) if self.now else table.as_of(self.at, where, masked)

    def _cursor(self, around: _List, row: str) -> str:
        columns = [around.declaration.field(o.column) for o in around.order]
        return cursor([self.at, *(_sort_value(f"{row}.{quoted(f.name)}", f) for f in columns)])


def _array_of(written: str) -> str:
    return f"coalesce((SELECT array_to_json(array_agg(n.*)) FROM ({written}) n), '[]')"


def key_column(place: int) -> str:
    """What a part of a key is called beside `Keyed` rows."""
    return f"key{place}"


def _asks_for(more: More, body: Body) -> bool:
    return any(isinstance(part, PageInfo) and any(v == more for _, v in part.body) for _, part in body)


# --- Values ---------------------------------------------------------------------------------------


def shown(column: str, field: Field, names: Mapping[str, str] | None) -> str:
    """SQL for a column as GraphQL shows it."""
    if not (names or field.type is float):
        return column
    if field.many:
        each = _one("e.value", names)
        values = f"ARRAY(SELECT {each} FROM unnest({column}) WITH ORDINALITY e(value, n) ORDER BY e.n)"
        return f"CASE WHEN {column} IS NOT NULL THEN {values} END"
    return _one(column, names)


def _one(column: str, names: Mapping[str, str] | None) -> str:
    return number(column) if names is None else named(column, names)


def named(column: str, names: Mapping[str, str]) -> str:
    """An enum's value by its name."""
    cases = " ".join(f"WHEN {_text(value)} THEN {_text(name)}" for value, name in names.items())
    return f"CASE {column} {cases} END"


def number(column: str) -> str:
    """A `double precision` as JSON, with the very digits that Python's encoder writes; NaN is an error."""
    return (
        f"CASE WHEN abs({column}) < 1e15 AND {column} = trunc({column}) THEN ({column}::text || '.0')::json"
        f" WHEN abs({column}) >= 1e-4 AND abs({column}) < 1e15 THEN {column}::text::json"
        f" WHEN abs({column}) < 1e16 AND abs({column}) >= 1e15"
        f" THEN ({column}::text::numeric::text || '.0')::json"
        f" WHEN abs({column}) < 1e-4 AND abs({column}) >= 1e-5 THEN {column}::text::numeric::text::json"
        f" ELSE replace(replace({column}::text, 'e+', 'e'), 'e-0', 'e-')::json END"
    )


def cursor(values: Sequence[str]) -> str:
    """The values as JSON in Base64, with the alphabet that URLs take."""
    listed = ", ".join(f"to_json({value})" for value in values)
    encoded = f"encode(convert_to(array_to_json(ARRAY[{listed}])::text, 'UTF8'), 'base64')"
    return f"translate({encoded}, E'+/\\n', '-_')"


def _sort_value(column: str, field: Field) -> str:
    return f"encode(float8send({column}), 'hex')" if field.type is float else column


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
