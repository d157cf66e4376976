"""How a declared view looks in GraphQL: its type, links, filter, order, connection and root fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info
from strawberry.utils.str_converters import to_camel_case

from api import meaning, pages
from api.build import Argument, bare, enum, field, fill_input, input_type, list_of, meant, object_type
from api.call import Call, call
from api.groups import Groups, columns_of_groups, group_type, groups_field
from api.meaning import Part
from api.nodes import Node, id_field, is_row
from api.pages import PageInfo, cursor_of, page_size, parse_cursors, require_page, told_by_cursors
from api.policy import require_unmasked
from api.scalars import Int64
from domain.records import Record
from infra.views.conditions import All, Not, Order, Some, Test, Where, Window
from infra.views.reader import Found, Page, Sight
from infra.views.tables import Table
from projections.view import Declaration, DeclarationError, Field

OUTPUTS: Mapping[type, Any] = {int: Int64, str: str, bool: bool, float: float, datetime: datetime, date: date}


def output_type(f: Field) -> Any:
    """The GraphQL type of a column."""
    kind = enum(f.type) if issubclass(f.type, Enum) else OUTPUTS[f.type]
    kind = list_of(kind) if f.many else kind
    return kind | None if f.optional else kind


@strawberry.enum(description="Which way to sort; rows without a value come last either way.")
class SortDirection(Enum):
    ASC = strawberry.enum_value(
        "asc", description="The smallest, the earliest or the first in the alphabet first."
    )
    DESC = strawberry.enum_value(
        "desc", description="The greatest, the latest or the last in the alphabet first."
    )


class ColumnName(Enum):
    """The names of a row's columns; each view has an enum of its own."""


# --- Filters --------------------------------------------------------------------------------------

_SAME = {"eq": "is", "ne": "is not", "in": "is one of"}
_MORE = {"lt": "less than", "lte": "at most", "gt": "more than", "gte": "at least"}
_OPERATORS: Mapping[type, Mapping[str, str]] = {
    str: {**_SAME, "contains": "contains, whatever the case", "starts_with": "begins with"},
    bool: {"eq": "is"},
    int: _SAME | _MORE,
    float: _MORE,
    datetime: {"eq": "at", "lt": "before", "lte": "at or before", "gt": "after", "gte": "at or after"},
    date: {"eq": "on", "lt": "before", "lte": "on or before", "gt": "after", "gte": "on or after"},
}  # fmt: skip
_NAMES = {str: "String", bool: "Boolean", int: "Int64", float: "Float", datetime: "DateTime", date: "Date"}
_filters: dict[Any, Any] = {}


def _column_filter(f: Field) -> Any:
    """The input that tests one column."""
    is_enum = issubclass(f.type, Enum)
    key = (f.type, f.many)
    if key not in _filters:
        kind = enum(f.type) if is_enum else OUTPUTS[f.type]
        words = _SAME if is_enum else _OPERATORS[f.type]
        if f.many:
            words = {"has": "holds"}
        fields = {
            f"{op}_": (list_of(kind) | None if op == "in" else kind | None, optional(word, to_camel_case(op)))
            for op, word in words.items()
        }
        fields["is_null_"] = (bool | None, optional("has no value, or has one", "isNull"))
        base = f.type.__name__ if is_enum else _NAMES[f.type]
        _filters[key] = input_type(
            f"{base}{'List' if f.many else ''}Filter", fields, "Tests of one field; all must hold."
        )
    return _filters[key]


def optional(description: str = "", name: str | None = None) -> Any:
    """An input field that may be left out."""
    return strawberry.field(default=strawberry.UNSET, description=description or None, name=name)


def given(value: Any) -> Any:
    """The value of an optional argument; None where it was left out."""
    return None if value is strawberry.UNSET else value


def filter_parts(declaration: Declaration, wanted: Any) -> list[Where]:
    """The conditions that a filter input stands for; all must hold."""
    if wanted is None:
        return []
    parts: list[Where] = [
        _test(f.name, op.removesuffix("_"), value)
        for f in declaration.fields
        if (tests := given(getattr(wanted, f.name))) is not None
        for op, value in vars(tests).items()
        if value is not strawberry.UNSET and (value is not None or op in ("eq_", "ne_"))
    ]
    if (every := given(wanted.all)) is not None:
        parts += [part for one in every for part in filter_parts(declaration, one)]
    if (some := given(wanted.any)) is not None:
        parts.append(Some(parts=tuple(All(parts=tuple(filter_parts(declaration, one))) for one in some)))
    if (without := given(wanted.not_)) is not None:
        parts.append(Not(part=All(parts=tuple(filter_parts(declaration, without)))))
    return parts


def _test(column: str, op: str, value: Any) -> Where:
    if op == "is_null":
        missing = Test(column=column, op="eq", value=None)
        return missing if value else Not(part=missing)
    return Test(column=column, op=op, value=value)


def wanted_order(order_by: Any) -> tuple[Order, ...]:
    """What an `orderBy` argument stands for."""
    return tuple(
        Order(column=o.by.value, descending=o.direction is SortDirection.DESC) for o in given(order_by) or ()
    )


# --- Types ----------------------------------------------------------------------------------------


class Listing(Record):
    """A list that is asked for: of which rows, at which position; those of one parent where it is nested."""

    declaration: Declaration
    at: int
    where: Where
    order: tuple[Order, ...]
    parent: tuple[str, Any] | None = None
    """The column in which the parent's key stands, and that key."""

    async def page(self, context: Call, window: Window) -> Page:
        """A page of it; first pages, or last ones, of many parents are read together."""
        table, sight = await self._seen(context)
        if self.parent is None or window.after is not None or window.before is not None:
            where = All(parts=(self.where, self._of_parent()))
            return await context.reader.page(
                table, self.at, sight=sight, where=where, order=self.order, window=window
            )
        column, key = self.parent

        async def load(keys: list[Any]) -> list[Page]:
            pages = await context.reader.page_for_each(
                table, self.at, column, keys, sight=sight, where=self.where, order=self.order, window=window
            )
            return [pages[key] for key in keys]

        page: Page = await context.together(("page", window.size, window.backward, *self._asked()), load, key)
        return page

    async def count(self, context: Call) -> int:
        """How many rows it has in all; many parents are counted together."""
        table, sight = await self._seen(context)
        if self.parent is None:
            return await context.reader.count(table, self.at, self.where, sight=sight)
        column, key = self.parent

        async def load(keys: list[Any]) -> list[int]:
            counts = await context.reader.count_for_each(
                table, self.at, column, keys, self.where, sight=sight
            )
            return [counts[key] for key in keys]

        return int(await context.together(("count", *self._asked()), load, key))

    async def groups(self, context: Call, by: list[Any], size: int) -> Groups:
        """Its rows in groups."""
        table, sight = await self._seen(context)
        columns, where = columns_of_groups(by, sight), All(parts=(self.where, self._of_parent()))
        return Groups(table, self.at, where, sight, columns, size)

    async def _seen(self, context: Call) -> tuple[Table, Sight]:
        """The view's table, and what the caller sees of it. Raises FORBIDDEN where the list tells more."""
        table = await context.table(self.declaration.name, self.at)
        sight = context.sight(self.declaration.name)
        require_unmasked(sight, self.where, [o.column for o in self.order])
        return table, sight

    def _of_parent(self) -> Where:
        return (
            All(parts=())
            if self.parent is None
            else Test(column=self.parent[0], op="eq", value=self.parent[1])
        )

    def _asked(self) -> tuple[object, ...]:
        """What lists of several parents have in common when they may be read together."""
        assert self.parent is not None
        return self.declaration.name, self.at, self.parent[0], repr(self.where), self.order


class Connection:
    """A page of rows; strawberry reads its attributes."""

    def __init__(self, listing: Listing, page: Page) -> None:
        self.listing, self.nodes, self.position = listing, page.rows, listing.at
        declaration, order = listing.declaration, listing.order
        told = told_by_cursors(declaration, order)
        self.edges = [
            Edge(cursor=cursor_of(declaration, order, found), node=found, told=told) for found in page.rows
        ]
        self.page_info = PageInfo(
            has_next_page=page.follows,
            has_previous_page=page.precedes,
            start_cursor=self.edges[0].cursor if self.edges else None,
            end_cursor=self.edges[-1].cursor if self.edges else None,
            told=told,
            view=declaration.name,
        )


class Edge(Record):
    cursor: str
    node: Found
    told: tuple[str, ...]
    """The personal columns that the cursor tells."""


class ViewType:
    """All GraphQL types of one view; `complete` fills them in, with links to those of other views."""

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.name = declaration.row.__name__
        self.row = bare(self.name, Node, is_type_of=is_row(declaration))
        self.edge = bare(f"{self.name}Edge")
        self.connection = bare(f"{self.name}Connection")
        self.filter = self._filter_type()
        self.column = self._column_type()
        self.order = self._order_type()

    def _filter_type(self) -> Any:
        made = bare(f"{self.name}Filter")
        fields = {f.name: (_column_filter(f) | None, optional(f.doc)) for f in self.declaration.fields}
        fields["all"] = (list_of(made) | None, optional("All of these hold."))
        fields["any"] = (list_of(made) | None, optional("One of these holds."))
        fields["not_"] = (made | None, optional("This does not hold.", name="not"))
        return fill_input(made, fields, "Which rows to list; all parts must hold.")

    def _column_type(self) -> Any:
        columns = {f.name.upper(): f.name for f in self.declaration.fields if not f.many}
        made: Any = ColumnName(f"{self.name}Column", columns)  # type: ignore[call-arg]  # made at run time
        column: Any = strawberry.enum(
            made, description=f"The fields of {self.name} that a list can be sorted and grouped by."
        )
        for value in column.__strawberry_definition__.values:
            value.description = self.declaration.field(value.value).doc or None
        return column

    def _order_type(self) -> Any:
        fields = {
            "by": (self.column, strawberry.field(description="Sort by this field.")),
            "direction": (
                SortDirection,
                strawberry.field(default=SortDirection.ASC, description="Which way."),
            ),
        }
        return input_type(f"{self.name}Order", fields, "One field to sort by.")

    def complete(self, links: Mapping[str, Any]) -> None:
        """Fill the types in, with links to the rows of other views."""
        fields = {
            f.name: (
                output_type(f),
                strawberry.field(description=f.doc or None, metadata=meant(meaning.Column(field=f))),
            )
            for f in self.declaration.fields
        }
        for name, (returns, link) in links.items():
            if name in fields:
                raise DeclarationError(
                    f"view {self.name}: field {name!r} and the link of that name collide; rename the field"
                )
            fields[name] = (returns, link)
        since = strawberry.field(
            description="The position of the event that made the row what it is here.",
            metadata=meant(meaning.Since()),
        )
        plural = self.declaration.name.replace("_", " ")
        own = {"id": id_field(self.declaration), **fields, "since": (Int64, since)}
        object_type(self.row, own, self.declaration.doc)
        object_type(
            self.edge,
            {
                "cursor": (str, pages.part(Part.CURSOR, "Give it as `after` for the rows that follow.")),
                "node": (self.row, pages.part(Part.NODE, "The row.")),
            },
            f"One of the {plural}, and its place in the list.",
        )
        total = field(Int64, _total, description="How many rows there are in all.", meaning=Part.TOTAL)
        object_type(
            self.connection,
            {
                "edges": (list_of(self.edge), pages.part(Part.ROWS, "The rows with their cursors.")),
                "nodes": (list_of(self.row), pages.part(Part.ROWS, "The rows alone.")),
                "page_info": (PageInfo, pages.part(Part.INFO, "Where the page begins and ends.")),
                "total_count": (Int64, total),
                "groups": groups_field(
                    group_type(self.name, self.column), self.column, _grouped, self.declaration
                ),
                "position": (Int64, pages.part(Part.POSITION, "The position at which the page is true.")),
            },
            f"A page of the {plural}.",
        )

    # --- Fields -------------------------------------------------------------------------------

    def one(self, name: str) -> tuple[Any, Any]:
        """The root field of that name, which finds a row by its key."""
        view = self.declaration.name
        fields = [self.declaration.field(name) for name in self.declaration.key]
        keys = {f.name: Argument(output_type(f), f.doc) for f in fields}

        async def resolve(_: Any, info: Info, **key: Any) -> Found | None:
            return await call(info).row(view, tuple(key[f.name] for f in fields), call(info).at)

        return self.row | None, field(
            self.row | None,
            resolve,
            keys,
            self.declaration.doc,
            name,
            meaning.One(declaration=self.declaration),
        )

    def many(self) -> tuple[Any, Any]:
        """The root field that lists rows."""

        async def resolve(_: Any, info: Info, **given: Any) -> Connection:
            return await self._page(info, call(info).at, None, **given)

        return self._list_field(resolve, meaning.Listing(declaration=self.declaration))

    def _list_field(self, resolve: Any, meant: meaning.Listing) -> tuple[Any, Any]:
        described = f"The {self.declaration.name.replace('_', ' ')}: {self.declaration.doc}"
        made = field(self.connection, resolve, self._arguments(), described, meaning=meant)
        return self.connection, made

    def linked(self, column: str) -> tuple[Any, Any]:
        """The field on another view's row that finds the row whose key stands in `column` there."""
        view = self.declaration.name

        async def resolve(root: Found, info: Info) -> Found | None:
            key = getattr(root.row, column)
            return None if key is None else await call(info).row(view, (key,), root.at)

        meant = meaning.Link(declaration=self.declaration, column=column)
        made = field(self.row | None, resolve, description=self.declaration.doc, meaning=meant)
        return self.row | None, made

    def linking(self, column: str, key: str) -> tuple[Any, Any]:
        """The field on another view's row that lists the rows in whose `column` its `key` stands."""

        async def resolve(root: Found, info: Info, **given: Any) -> Connection:
            return await self._page(info, root.at, (column, getattr(root.row, key)), **given)

        meant = meaning.Listing(declaration=self.declaration, column=column, key=key)
        return self._list_field(resolve, meant)

    def _arguments(self) -> dict[str, Argument]:
        return {
            **pages.arguments("rows"),
            "filter": Argument(self.filter | None, "Which rows.", strawberry.UNSET),
            "order_by": Argument(
                list_of(self.order) | None,
                "How to sort; among equals the key decides.",
                strawberry.UNSET,
            ),
        }

    async def _page(
        self,
        info: Info,
        at: int,
        parent: tuple[str, Any] | None,
        *,
        first: Any = None,
        last: Any = None,
        filter: Any = None,
        order_by: Any = None,
        **ends: Any,
    ) -> Connection:
        size, backward = page_size(given(first), given(last))
        require_page(size, "last" if backward else "first")
        order, window = wanted_order(order_by), Window(size=size, backward=backward)
        if cursors := {name: ends[name] for name in pages.ENDS if given(ends.get(name)) is not None}:
            read_at, values = parse_cursors(self.declaration, order, cursors)
            at = await call(info).resumed(read_at, at, *cursors)
            window = Window(size=size, backward=backward, **values)
        where = All(parts=tuple(filter_parts(self.declaration, given(filter))))
        listing = Listing(declaration=self.declaration, at=at, where=where, order=order, parent=parent)
        return Connection(listing, await listing.page(call(info), window))


async def _grouped(context: Call, root: Connection, by: list[Any], size: int) -> Groups:
    return await root.listing.groups(context, by, size)


async def _total(root: Connection, info: Info) -> int:
    return await root.listing.count(call(info))


# --- Links ----------------------------------------------------------------------------------------


def complete(types: Mapping[str, ViewType], by_hand: Iterable[Mapping[str, Mapping[str, Any]]]) -> None:
    """Fill in the types of all views: a `ref` makes a link both ways, and some links are written by hand."""
    links: dict[str, dict[str, Any]] = {name: {} for name in types}
    for written in by_hand:
        for name, fields in written.items():
            links[name] |= fields
    for name, kind in types.items():
        for f in kind.declaration.fields:
            if f.ref is None or f.ref not in types:
                continue
            target = types[f.ref]
            links[name][f.name.removesuffix("_id")] = target.linked(f.name)
            key = target.declaration.key[0]
            own = _snake(target.name) + "_"
            if kind.declaration.key == (f.name,):
                links[f.ref][_snake(kind.name).removeprefix(own)] = kind.linked(key)
            else:
                links[f.ref][name.removeprefix(own)] = kind.linking(f.name, key)
    for name, kind in types.items():
        kind.complete(links[name])


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
