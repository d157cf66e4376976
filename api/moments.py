"""At which moment an operation is answered: now, or as of a position, a time or a business day (`@asOf`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

import strawberry
from graphql import (
    DirectiveLocation,
    DocumentNode,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_directive_values,
    get_named_type,
    get_operation_ast,
    get_variable_values,
    visit,
)
from strawberry.extensions import SchemaExtension

from api.call import Call
from api.errors import refused
from api.scalars import Int64
from infra.log.moments import NoSuchMoment, position_of, within

DIRECTIVE = "asOf"


@strawberry.input(one_of=True, description="A moment of the log. Exactly one of the fields says which.")
class AsOf:
    position: Int64 | None = strawberry.field(
        default=strawberry.UNSET, description="Right after the event at this position."
    )
    time: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="As the log stood at this time: `recordedAt` decides; after its end, as it stands now.",
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
            args={"at": GraphQLArgument(moment, description="The moment; null is now.")},
            description="Answer the whole operation as of one moment.",
        ),
    )


class Moment(SchemaExtension):
    """Fixes the position of a query before its first field is resolved, and tells it in `extensions.asOf`."""

    async def on_execute(self) -> AsyncIterator[None]:
        running = self.execution_context
        running.context = running.context.anew()
        assert running.graphql_document is not None
        operation = get_operation_ast(running.graphql_document, running.operation_name)
        if operation is not None and operation.operation is OperationType.QUERY:
            await self._fix(running.context, running.graphql_document, self._wanted(operation))
        yield

    def get_results(self) -> dict[str, Any]:
        context: Call = self.execution_context.context
        return {} if context.as_of is None else {"asOf": context.as_of}

    async def _fix(self, context: Call, document: DocumentNode, wanted: dict[str, Any]) -> None:
        """Now, which is the lowest position of the views that are read, unless the operation says when."""
        views = _views_of(self._schema, document)
        head = await context.tenant.log.head()
        least = await _position(context, wanted, head) if wanted else 0
        context.standing = await context.reader.reached(views, least) if views else context.standing
        context.pinned = bool(wanted) and "atLeast" not in wanted
        now = context.standing.lowest(views)[0] if views else head
        context.at = least if context.pinned else now
        last = await context.tenant.log.read(context.at - 1, limit=1) if context.at else []
        time = last[0].recorded_at.isoformat() if last else None
        context.as_of = {"position": context.at, "time": time}

    def _wanted(self, operation: OperationDefinitionNode) -> dict[str, Any]:
        """What `@asOf` says; nothing where it is absent, null, or wrong in a way that execution will tell."""
        variables = get_variable_values(
            self._schema, operation.variable_definitions or (), self.execution_context.variables or {}
        )
        if isinstance(variables, list):
            return {}
        directive = self._schema.get_directive(DIRECTIVE)
        assert directive is not None
        said = get_directive_values(directive, operation, variables) or {}
        return dict(said.get("at") or {})

    @property
    def _schema(self) -> GraphQLSchema:
        core: GraphQLSchema = self.execution_context.schema._schema
        return core


async def _position(context: Call, wanted: dict[str, Any], head: int) -> int:
    """The position that a moment stands for."""
    [(how, value)] = wanted.items()
    try:
        if how in ("position", "atLeast"):
            return within(value, head)
        return await position_of(context.tenant.log, value)
    except NoSuchMoment as error:
        raise refused("BAD_MOMENT", f"@asOf: {how}: {error}") from None


_known: dict[int, tuple[DocumentNode, GraphQLSchema, set[str]]] = {}
KNOWN = 1_000
"""Documents whose views are remembered; the parser's cache hands out the same document for the same text."""


def _views_of(schema: GraphQLSchema, document: DocumentNode) -> set[str]:
    """`views_read`, remembered."""
    known = _known.get(id(document))
    if known is not None and known[0] is document and known[1] is schema:
        return known[2]
    if len(_known) >= KNOWN:
        _known.clear()
    views = views_read(schema, document)
    _known[id(document)] = document, schema, views
    return views


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
