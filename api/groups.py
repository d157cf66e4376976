"""Aggregates: the rows of a list in groups, counted, added up and compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types import Info
from strawberry.types.scalar import ScalarDefinition

from api import meaning
from api.build import Argument, bare, field, list_of, meant, object_type
from api.call import Call, call
from api.errors import refused
from api.pages import DEFAULT_PAGE, require_page
from api.policy import Subject, require_unmasked
from api.scalars import Int64, moment_text
from domain.records import Record
from infra.views.conditions import All, Where
from infra.views.groups import FIGURES
from infra.views.reader import Sight
from infra.views.tables import Table
from projections.view import Declaration, Field

COLUMNS = 2
"""How many columns make groups at most."""
ColumnValue = NewType("ColumnValue", object)
"""A value as a column of that name shows it."""


def _shown(value: Any) -> Any:
    match value:
        case Enum():
            return value.name
        case datetime():
            return moment_text(value)
        case date():
            return value.isoformat()
        case float() if not math.isfinite(value):
            raise GraphQLError(f"ColumnValue cannot represent {value}")
    return value


COLUMN_VALUE: ScalarDefinition = strawberry.scalar(
    name="ColumnValue",
    description="What the row's own field shows: text, a number, a truth, a date, a moment, an enum's name.",
    serialize=_shown,
)


# --- What may be asked ----------------------------------------------------------------------------


def columns_of_groups(by: Sequence[Enum], sight: Sight) -> tuple[str, ...]:
    """The columns that make groups. Raises BAD_GROUP and FORBIDDEN."""
    if len(by) > COLUMNS:
        raise refused("BAD_GROUP", f"by: takes {COLUMNS} fields at most, not {len(by)}")
    columns = tuple(column.value for column in by)
    require_unmasked(sight, All(parts=()), columns)
    return columns


def column_of_figure(
    declaration: Declaration, by: Sequence[str], figure: str, of: Enum, sight: Sight
) -> Field:
    """The column that a figure is of. Raises BAD_GROUP and FORBIDDEN."""
    column = declaration.field(str(of.value))
    if figure == "key":
        if column.name not in by:
            raise refused("BAD_GROUP", f"key: of: {of.name} is not among the fields in `by`")
    elif column.type not in FIGURES[figure]:
        raise refused("BAD_GROUP", f"{figure}: of: {of.name} holds nothing that has a {figure}")
    require_unmasked(sight, All(parts=()), [column.name])
    return column


# --- Resolvers ------------------------------------------------------------------------------------


class Groups:
    """The groups of a list; each figure of all of them is read at once."""

    def __init__(
        self, table: Table, at: int, where: Where, sight: Sight, by: tuple[str, ...], size: int
    ) -> None:
        self._table, self._at, self._where, self._sight = table, at, where, sight
        self.by, self._size = by, size

    async def counted(self, context: Call) -> list[Group]:
        rows = await self._read(context, None, None)
        return [Group(of=self, number=number, count=row[0]) for number, row in enumerate(rows)]

    async def figure(self, context: Call, name: str, of: Enum, number: int) -> Any:
        view = self._table.declaration
        column = column_of_figure(view, self.by, name, of, self._sight)
        if column.personal and view.subject:
            context.seen.note(Subject("view", view.name), column.name, None)

        async def load(numbers: list[int]) -> list[Any]:
            rows = await self._read(context, name, column)
            return [_value(rows[number][1], column, name) for number in numbers]

        return await context.together((self, name, column.name), load, number)

    async def _read(self, context: Call, name: str | None, column: Field | None) -> list[Any]:
        return await context.reader.groups(
            self._table,
            self._at,
            self._where,
            sight=self._sight,
            by=self.by,
            figure=name,
            column=column,
            size=self._size,
        )


def _value(value: Any, column: Field, figure: str) -> Any:
    return column.type(value) if value is not None and issubclass(column.type, Enum) else value


class Group(Record, eq=False):
    of: Groups
    number: int
    count: int


def _figure_field(name: str, returns: Any, column: Any, described: str) -> tuple[Any, Any]:
    async def resolve(root: Group, info: Info, *, of: Enum) -> Any:
        return await root.of.figure(call(info), name, of, root.number)

    takes = {"of": Argument(column, "Of this field.")}
    return returns, field(returns, resolve, takes, described, meaning=meaning.Figure(name=name))


def group_type(name: str, column: Any) -> type[Any]:
    """The type of the groups of a view's rows, whose columns an enum names."""
    one = ColumnValue | None
    fields = {
        "count": (Int64, strawberry.field(description="How many rows.", metadata=meant(meaning.Part.COUNT))),
        "key": _figure_field("key", one, column, "What all its rows have in a field that `by` names."),
        "sum": _figure_field("sum", one, column, "All values added up; null where there is none."),
        "avg": _figure_field("avg", float | None, column, "The mean of the values there are."),
        "min": _figure_field("min", one, column, "The least, earliest or alphabetically first value."),
        "max": _figure_field("max", one, column, "The greatest, latest or alphabetically last value."),
    }
    return object_type(bare(f"{name}Group"), fields, "Rows that have the same values in some fields.")


def groups_field(group: type[Any], column: Any, grouped: Any, declaration: Declaration) -> tuple[Any, Any]:
    """The field of a connection that tells its rows in groups; `grouped` makes `Groups` of what is asked."""

    async def resolve(root: Any, info: Info, *, by: list[Enum], first: int) -> list[Group]:
        require_page(first)
        groups: Groups = await grouped(call(info), root, by, first)
        return await groups.counted(call(info))

    takes = {
        "by": Argument(list_of(column), f"The fields that make groups, {COLUMNS} at most; of none, one.", ()),
        "first": Argument(int, "How many groups, 1000 at most.", DEFAULT_PAGE),
    }
    described = "All rows, not those of the page alone, in groups; in the order of the fields that make them."
    made = field(list_of(group), resolve, takes, described, meaning=meaning.Groups(declaration=declaration))
    return list_of(group), made
