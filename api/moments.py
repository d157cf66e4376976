"""At which moment an operation is answered: now, or as of a position, a time or a business day (`@asOf`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime
from typing import Any

import strawberry
from graphql import (
    DirectiveLocation,
    DocumentNode,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLError,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    coerce_input_value,
    get_named_type,
    value_from_ast,
    visit,
)
from strawberry.extensions import SchemaExtension

from api.call import Call, not_reached
from api.scalars import Int64
from domain.calendar import DayEnded
from infra.view_reader import NotReached

DIRECTIVE = "asOf"


@strawberry.input(
    one_of=True, description="A moment of the log. Exactly one of the fields says which."
)
class AsOf:
    position: Int64 | None = strawberry.field(
        default=strawberry.UNSET, description="Right after the event at this position."
    )
    time: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="As the log stood at this time: `recordedAt` decides."
    )
    day: date | None = strawberry.field(
        default=strawberry.UNSET, description="At the end of this business day: right after its `DayEnded`."
    )
    at_least: Int64 | None = strawberry.field(
        default=strawberry.UNSET, description="Now, but not before the views have seen this position."
    )


def add_directive(schema: GraphQLSchema) -> None:
    """Let operations say `query Q($at: AsOf!) @asOf(at: $at)`."""
    moment = schema.type_map[AsOf.__name__]
    assert isinstance(moment, GraphQLInputType)
    schema.directives = (
        *schema.directives,
        GraphQLDirective(
            name=DIRECTIVE,
            locations=[DirectiveLocation.QUERY],
            args={"at": GraphQLArgument(GraphQLNonNull(moment))},
            description="Answer the whole operation as of one moment.",
        ),
    )


class Moment(SchemaExtension):
    """Fixes the position of a query before its first field is resolved, and tells it in `extensions.asOf`."""

    async def on_execute(self) -> AsyncIterator[None]:  # type: ignore[override]  # strawberry takes both kinds
        operation = self._operation()
        if operation is not None and operation.operation is OperationType.QUERY:
            await self._fix(self.execution_context.context, operation)
        yield

    def get_results(self) -> dict[str, Any]:
        context = self.execution_context.context
        if not isinstance(context, Call) or context.time is None:
            return {}
        return {"asOf": {"position": context.at, "time": context.time.isoformat()}}

    async def _fix(self, context: Call, operation: OperationDefinitionNode) -> None:
        views = self._views_read()
        wanted = self._wanted(operation)
        context.standing = await context.reader.standing()
        context.at, context.time = context.standing.lowest(views)
        try:
            if (least := wanted.get("atLeast")) is not None:
                context.standing = await context.reader.reached(views, least)
                context.at, context.time = context.standing.lowest(views)
            elif wanted:
                context.at = await _position(context, wanted)
                context.standing = await context.reader.reached(views, context.at)
                at = await context.tenant.log.read(context.at - 1, limit=1) if context.at else []
                context.time = at[0].recorded_at if at else None
        except NotReached as late:
            raise not_reached(late) from None

    def _operation(self) -> OperationDefinitionNode | None:
        document, name = self.execution_context.graphql_document, self.execution_context.operation_name
        for node in document.definitions if document else ():
            if isinstance(node, OperationDefinitionNode) and name in (None, node.name and node.name.value):
                return node
        return None

    def _wanted(self, operation: OperationDefinitionNode) -> dict[str, Any]:
        directive = next((d for d in operation.directives or () if d.name.value == DIRECTIVE), None)
        if directive is None:
            return {}
        kind = GraphQLNonNull(self._schema.type_map[AsOf.__name__])  # type: ignore[type-var]  # an input type
        given = directive.arguments[0].value
        if isinstance(given, VariableNode):
            raw = (self.execution_context.variables or {}).get(given.name.value)
            return {} if raw is None else dict(coerce_input_value(raw, kind))
        return dict(value_from_ast(given, kind) or {})

    @property
    def _schema(self) -> GraphQLSchema:
        core: GraphQLSchema = self.execution_context.schema._schema  # type: ignore[attr-defined]
        return core

    def _views_read(self) -> set[str]:
        """The views that the types in the document stand for."""
        document = self.execution_context.graphql_document
        return views_read(self._schema, document) if document else set()


async def _position(context: Call, wanted: dict[str, Any]) -> int:
    """The position that a moment stands for."""
    log = context.tenant.log
    head = await log.head()
    if (position := wanted.get("position")) is not None:
        if not 0 <= position <= head:
            raise _refused(f"position: must be between 0 and {head}, where the log ends")
        return int(position)
    if (time := wanted.get("time")) is not None:
        if time.tzinfo is None:
            raise _refused("time: must say its time zone")
        return await log.position_at(time)
    ended = await log.read_tag(DayEnded(day=wanted["day"]).tags[0])
    if not ended:
        raise _refused(f"day: {wanted['day']} has not ended in this log")
    return ended[-1].position


def _refused(rule: str) -> GraphQLError:
    return GraphQLError(f"@asOf: {rule}", extensions={"code": "BAD_MOMENT"})


def views_read(schema: GraphQLSchema, document: DocumentNode) -> set[str]:
    """The views whose rows a document asks for, by the types of its fields."""
    types, views = TypeInfo(schema), set[str]()

    class Fields(Visitor):
        def enter_field(self, *_: Any) -> None:
            kind = types.get_type()
            named = get_named_type(kind) if kind else None
            if isinstance(named, GraphQLObjectType):
                views.update((named.extensions or {}).get("views", ()))

    visit(document, TypeInfoVisitor(types, Fields()))
    return views
