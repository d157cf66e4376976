"""Compiles what a query selects into the tree that becomes one SQL statement; see docs/compiler.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from enum import Enum
from typing import Any

import strawberry
from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.arguments import convert_arguments

from api import meaning
from api.build import MEANING
from api.groups import column_of_figure, columns_of_groups
from api.nodes import DECLARATION, Id, NodeId, key_of
from api.nodes import declared as declared_by
from api.pages import ENDS, page_size, parse_cursors, require_page, told_by_cursors
from api.policy import Subject, names_customers, require_unmasked
from api.reads import Read, mark, of_report
from api.views import ColumnName, SortDirection, filter_parts, given, wanted_order
from domain.records import Record
from infra.views.conditions import All, Order, Outer, Test, Where, Window, complete_order
from infra.views.reader import Sight
from infra.views.statement import (
    LONGEST_KEY,
    At,
    Body,
    Constant,
    Count,
    CursorOf,
    Each,
    Edge,
    Figure,
    IdOf,
    Inside,
    Keyed,
    Lines,
    More,
    Nodes,
    PageInfo,
    Row,
    Rows,
    Shown,
    Since,
    Total,
    Value,
    Whose,
    WhosePage,
    key_column,
)
from infra.views.statement import Groups as GroupsOf
from projections.view import Declaration, Field

PARTS: Mapping[meaning.Part, Value] = {
    meaning.Part.TOTAL: Total(),
    meaning.Part.POSITION: At(),
    meaning.Part.FOLLOWS: More(before=False),
    meaning.Part.PRECEDES: More(before=True),
    meaning.Part.START: Edge(last=False),
    meaning.Part.END: Edge(last=True),
    meaning.Part.CURSOR: CursorOf(),
    meaning.Part.COUNT: Count(),
}
"""The parts of a page or a group that have nothing inside."""


class Uncompiled(Exception):
    """A part of the operation is not made for SQL, or is wrong: ordinary resolvers answer it, or say why."""


# --- Values that are known when the statement runs ------------------------------------------------


class Variable(Record):
    """A scalar somewhere in the operation's variables, or a list of scalars as a whole."""

    path: tuple[str | int, ...]
    types: tuple[str, ...] = ()
    """The types that it names, where it is an id, or a list of ids."""

    def of(self, variables: Mapping[str, Any]) -> Any:
        value: Any = variables
        for step in self.path:
            value = value[step]
        return value


class Cursors(Record):
    """Between which rows a list goes on."""

    declaration: Declaration
    order: tuple[Order, ...]
    given: Mapping[str, str | Variable]

    def read(self, variables: Mapping[str, Any]) -> Opened:
        """The position, and the sort values of each. Raises BAD_CURSOR."""
        texts = {
            name: said.of(variables) if isinstance(said, Variable) else said
            for name, said in self.given.items()
        }
        return parse_cursors(self.declaration, self.order, texts)


Opened = tuple[int, dict[str, list[Any]]]


class Asker(Record):
    """The name of whoever asks."""


ASKER = Asker()


class OfCursors(Record):
    """One of the sort values of the cursor `name`, or the position where there is no name."""

    cursors: Cursors
    name: str | None = None
    place: int = 0

    def of(self, opened: Opened) -> Any:
        at, values = opened
        return at if self.name is None else values[self.name][self.place]


class OfId(Record):
    """A part of the key that an id names."""

    given: str | Variable
    declaration: Declaration
    place: int

    def of(self, variables: Mapping[str, Any]) -> Any:
        """Raises BAD_ID."""
        [id] = _ids([self.given], variables)
        return key_of(self.declaration, id)[self.place]


class OfIds(Record):
    """How many ids are given; or of those that name a row of a view, the numbers; or parts of their keys."""

    given: Sequence[str | Variable]
    declaration: Declaration | None = None
    place: int | None = None

    def of(self, variables: Mapping[str, Any]) -> Any:
        """Raises BAD_ID or BAD_PAGE."""
        ids, declaration = _ids(self.given, variables), self.declaration
        if declaration is None:
            require_page(len(ids), "ids")
            return len(ids)
        named = [(n, id) for n, id in enumerate(ids, start=1) if id.type == declaration.row.__name__]
        if self.place is None:
            return [n for n, _ in named]
        return [key_of(declaration, id)[self.place] for _, id in named]


def _ids(given: Sequence[str | Variable], variables: Mapping[str, Any]) -> list[NodeId]:
    said = [one.of(variables) if isinstance(one, Variable) else one for one in given]
    return [Id(text).node for one in said for text in (one if isinstance(one, list) else [one])]


def opened(value: Any, path: tuple[str | int, ...]) -> Any:
    """A variable's value with `Variable` in the place of scalars; what shapes a statement stays."""
    match value:
        case None | bool() | ColumnName() | SortDirection():
            return value
        case Id():
            return Variable(path=path, types=(value.node.type,))
        case dict():
            return {name: opened(part, (*path, name)) for name, part in value.items()}
        case list() if _of_inputs(value):
            return [opened(part, (*path, place)) for place, part in enumerate(value)]
        case list():
            return [Variable(path=path, types=_types(value))]
        case _:
            return Variable(path=path)


def shape(value: Any) -> Any:
    """What of a variable's value shapes a statement: equal shapes share one, whatever the scalars are."""
    match value:
        case None | bool() | ColumnName() | SortDirection():
            return value
        case Id():
            return ("id", value.node.type)
        case dict():
            return tuple((name, shape(part)) for name, part in value.items())
        case list() if _of_inputs(value):
            return ("list", *map(shape, value))
        case list():
            return ("scalars", *_types(value))
        case _:
            return "scalar"


def _types(values: list[Any]) -> tuple[str, ...]:
    """The types that a list of ids names."""
    return tuple(sorted({value.node.type for value in values if isinstance(value, Id)}))


def _of_inputs(values: list[Any]) -> bool:
    """Whether a list's own length shapes the statement; an empty one might be of either kind."""
    return not values or any(isinstance(value, dict | ColumnName) for value in values)


# --- The selection --------------------------------------------------------------------------------


class Compiler:
    """Compiles one operation for those who have the same `sight` of each view (it raises FORBIDDEN for none).

    Afterwards `cursors` and `sizes` are what its variables are yet to say; `reads` are the personal data that
    rows show, by the number that they are marked with, and `bulk` those of reports, with the customer whom
    an argument names.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
        sight: Callable[[Declaration], Sight],
    ) -> None:
        self._schema, self._operation, self._sight = schema, operation, sight
        self._core: GraphQLSchema = schema._schema
        self._fragments = {name: FragmentDetails(definition) for name, definition in fragments.items()}
        open_values = {name: opened(value, (name,)) for name, value in variables.coerced.items()}
        self._variables = VariableValues(variables.sources, open_values)
        self.cursors: list[Cursors] = []
        self.sizes: list[Variable] = []
        self.reads: list[Read] = []
        self.bulk: list[tuple[Read, str | Variable | None]] = []
        self._told: tuple[Declaration, tuple[str, ...]] | None = None
        """The list around, and the personal columns that its cursors tell."""
        self._grouped: tuple[Declaration, tuple[str, ...]] | None = None
        """The groups around: of which view's rows, and by which columns."""

    def body(self) -> Body:
        """The whole answer. Raises `Uncompiled`."""
        kind = self._core.query_type
        assert kind is not None
        found = collect_fields(self._core, self._fragments, self._variables, kind, self._operation)
        return self._fields(kind, found.grouped_field_set)

    def _inside(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Body:
        found = collect_subfields(
            self._core, self._fragments, self._variables, self._operation, kind, details
        )
        return self._fields(kind, found.grouped_field_set)

    def _fields(self, kind: GraphQLObjectType, grouped: GroupedFieldSet) -> Body:
        for key in grouped:
            if len(key.encode()) > LONGEST_KEY:
                raise Uncompiled(f"the key {key} is too long")
        body = tuple((key, self._field(kind, details)) for key, details in grouped.items())
        declaration = kind.extensions.get(DECLARATION)
        if declaration is not None:
            shown = _personal(value for _, value in body) - self._sight(declaration).masked.keys()
            return self._marked(declaration, shown, Whose(column=declaration.subject), body)
        if self._told is not None and (whose := _of_cursors(value for _, value in body)):
            around, told = self._told
            whose = whose if isinstance(whose, WhosePage) else Whose(column=around.subject)
            return self._marked(around, {*told}, whose, body)
        return body

    def _marked(
        self, declaration: Declaration, shown: Set[str], whose: Whose | WhosePage, body: Body
    ) -> Body:
        """What is shown of rows; where something of it is personal, it says first of whom it is."""
        if not shown or declaration.subject is None:
            return body
        read = Read(subject=Subject("view", declaration.name), fields=tuple(sorted(shown)))
        if read not in self.reads:
            self.reads.append(read)
        return ((mark(self.reads.index(read)), whose), *body)

    def _field(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Value:
        name = details[0].node.name.value
        if name == "__typename":
            return Constant(value=kind.name)
        declared = kind.fields.get(name)
        if declared is None:
            raise Uncompiled(f"{name}: introspection")
        return self._meant(declared, details)

    def _meant(self, declared: GraphQLField, details: FieldDetailsList) -> Value:
        match declared.extensions["strawberry-definition"].metadata.get(MEANING):
            case meaning.Column(field=field):
                return Shown(field=field, names=_names(field))
            case meaning.Since():
                return Since()
            case meaning.Id(declaration=declaration):
                return IdOf(declaration=declaration)
            case meaning.ById():
                return self._by_id(self._arguments(declared, details)["id"], details)
            case meaning.ByIds():
                return self._by_ids(self._arguments(declared, details)["ids"], details)
            case meaning.One(declaration=declaration):
                keys = self._arguments(declared, details).items()
                where = All(parts=tuple(Test(column=name, op="eq", value=value) for name, value in keys))
                return self._row(declaration, where, _kind(declared), details)
            case meaning.Link(declaration=declaration, column=column):
                [key] = declaration.key
                ours = Test(column=key, op="eq", value=Outer(column=column))
                return self._row(declaration, ours, _kind(declared), details)
            case meaning.Listing() as listing:
                return self._listing(listing, declared, details)
            case meaning.Groups(declaration=declaration):
                return self._groups(declaration, declared, details)
            case meaning.Figure(name=name):
                return self._figure(name, self._arguments(declared, details)["of"])
            case meaning.Report(report=report):
                values = {f.name: None for f in report.arguments}
                values |= {name: given(v) for name, v in self._arguments(declared, details).items()}
                if names_customers(report.name):
                    self.bulk.append((of_report(report), values.get("customer_id")))
                return Lines(report=report, values=values, body=self._inside(_kind(declared), details))
            case meaning.Part() as part:
                return self._part(part, declared, details)
        raise Uncompiled(f"{details[0].node.name.value}: has no meaning in SQL")

    def _row(
        self, declaration: Declaration, where: Where, kind: GraphQLObjectType, details: FieldDetailsList
    ) -> Row:
        sight = self._sight(declaration)
        return Row(
            view=declaration.name,
            where=sight.of(where),
            body=self._inside(kind, details),
            masked=sight.masked,
        )

    def _by_id(self, said: str | Variable, details: FieldDetailsList) -> Row:
        [name] = _types_of([said])
        declaration = declared_by(self._core, name)
        where = All(
            parts=tuple(
                Test(column=column, op="eq", value=OfId(given=said, declaration=declaration, place=place))
                for place, column in enumerate(declaration.key)
            )
        )
        return self._row(declaration, where, self._type(name), details)

    def _by_ids(self, said: Sequence[str | Variable], details: FieldDetailsList) -> Each:
        parts = []
        for name in _types_of(said):
            declaration = declared_by(self._core, name)
            places = range(len(declaration.key))
            where = All(
                parts=tuple(
                    Test(column=column, op="eq", value=Outer(column=key_column(place)))
                    for place, column in enumerate(declaration.key)
                )
            )
            keyed = Keyed(
                keys=tuple(OfIds(given=said, declaration=declaration, place=place) for place in places),
                numbers=OfIds(given=said, declaration=declaration),
                row=self._row(declaration, where, self._type(name), details),
            )
            parts.append(keyed)
        return Each(size=OfIds(given=said), parts=tuple(parts))

    def _type(self, name: str) -> GraphQLObjectType:
        kind = self._core.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        return kind

    def _listing(self, listing: meaning.Listing, declared: GraphQLField, details: FieldDetailsList) -> Rows:
        wanted = self._arguments(declared, details)
        declaration, order = listing.declaration, wanted_order(wanted.get("order_by"))
        parts = filter_parts(declaration, given(wanted.get("filter")))
        sight = self._sight(declaration)
        require_unmasked(sight, All(parts=tuple(parts)), [o.column for o in order])
        if listing.column is not None and listing.key is not None:
            parts.insert(0, Test(column=listing.column, op="eq", value=Outer(column=listing.key)))
        window, begun = self._window(declaration, order, wanted)
        around, self._told = self._told, (declaration, told_by_cursors(declaration, order))
        body = self._inside(_kind(declared), details)
        self._told = around
        return Rows(
            view=declaration.name,
            where=sight.of(All(parts=tuple(parts))),
            order=order,
            window=window,
            body=body,
            masked=sight.masked,
            begun=begun,
        )

    def _groups(
        self, declaration: Declaration, declared: GraphQLField, details: FieldDetailsList
    ) -> GroupsOf:
        wanted, before = self._arguments(declared, details), self._grouped
        by, size = columns_of_groups(wanted["by"], self._sight(declaration)), wanted["first"]
        self._require_page(size)
        self._grouped = declaration, by
        body = self._inside(_kind(declared), details)
        body = self._marked(declaration, _personal(value for _, value in body), Whose(), body)
        self._grouped = before
        return GroupsOf(by=by, size=size, body=body)

    def _figure(self, name: str, of: Enum) -> Value:
        assert self._grouped is not None
        declaration, by = self._grouped
        column = column_of_figure(declaration, by, name, of, self._sight(declaration))
        return Shown(field=column, names=_names(column)) if name == "key" else Figure(name=name, field=column)

    def _part(self, part: meaning.Part, declared: GraphQLField, details: FieldDetailsList) -> Value:
        match part:
            case meaning.Part.ROWS:
                return Nodes(body=self._inside(_kind(declared), details))
            case meaning.Part.NODE:
                return Inside(body=self._inside(_kind(declared), details))
            case meaning.Part.INFO:
                return PageInfo(body=self._inside(_kind(declared), details))
        return PARTS[part]

    def _window(
        self, declaration: Declaration, order: tuple[Order, ...], wanted: Mapping[str, Any]
    ) -> tuple[Window, OfCursors | None]:
        """The wanted part of a list, and the position at which it began, where cursors say so."""
        size, backward = page_size(given(wanted.get("first")), given(wanted.get("last")))
        self._require_page(size)
        said = {name: wanted[name] for name in ENDS if given(wanted.get(name)) is not None}
        if not said:
            return Window(size=size, backward=backward), None
        cursors = Cursors(declaration=declaration, order=order, given=said)
        self.cursors.append(cursors)
        places = range(len(complete_order(declaration, order)))
        ends = {
            name: tuple(OfCursors(cursors=cursors, name=name, place=place) for place in places)
            for name in said
        }
        return Window(size=size, backward=backward, **ends), OfCursors(cursors=cursors)

    def _require_page(self, size: Any) -> None:
        """Now, or when its variable is known."""
        if isinstance(size, Variable):
            self.sizes.append(size)
        else:
            require_page(size)

    def _arguments(self, declared: GraphQLField, details: FieldDetailsList) -> dict[str, Any]:
        made = declared.extensions["strawberry-definition"]
        return convert_arguments(
            get_argument_values(declared, details[0].node, self._variables),
            made.arguments,
            scalar_registry=self._schema.schema_converter.scalar_registry,
            config=self._schema.config,
        )


def _personal(values: Iterable[Value]) -> set[str]:
    """The personal columns that values tell."""
    told: set[str] = set()
    for value in values:
        match value:
            case Shown(field=field) if field.personal:
                told.add(field.name)
            case Figure(field=field) if field.personal:
                told.add(field.name)
            case IdOf(declaration=declaration):
                told |= declaration.personal_key
    return told


def _of_cursors(values: Iterable[Value]) -> Whose | WhosePage | None:
    """Of whom the cursors among values tell: of the row, or of the page; None where there is none."""
    for value in values:
        if isinstance(value, CursorOf):
            return Whose()
        if isinstance(value, Edge):
            return WhosePage()
    return None


def _types_of(said: Sequence[str | Variable]) -> list[str]:
    """The types that ids name. Raises BAD_ID."""
    named = (one.types if isinstance(one, Variable) else (Id(one).node.type,) for one in said)
    return sorted({name for names in named for name in names})


def compiled(compiler: Compiler) -> Body:
    """The answer's tree. Raises `Uncompiled` for what is wrong with the operation, too."""
    try:
        return compiler.body()
    except GraphQLError as error:
        raise Uncompiled(error.message) from error


def _kind(declared: GraphQLField) -> GraphQLObjectType:
    kind = get_named_type(declared.type)
    if not isinstance(kind, GraphQLObjectType):
        raise Uncompiled(f"{kind.name}: is not an object")
    return kind


def _names(field: Field) -> Mapping[str, str] | None:
    """What the values of an enum are called."""
    if not issubclass(field.type, Enum):
        return None
    return {member.value: member.name for member in field.type}
