"""At which moment an operation is answered: now, or as of a position, a time or a business day (`@asOf`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

import strawberry
from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    OperationType,
    get_directive_values,
    get_operation_ast,
    get_variable_values,
)
from graphql.execution.values import VariableValues
from strawberry.extensions import SchemaExtension
from strawberry.types.execution import ExecutionResult

from api.call import Call
from api.compiler import Uncompiled
from api.errors import refused
from api.introspection import Introspections
from api.known import Known
from api.nodes import bad_id, position_in
from api.plans import Answer, Moment, Plans
from api.scalars import Int64, moment_text
from infra.log.log import Log
from infra.log.moments import NoSuchMoment, parse, position_of, within

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


class Moments(SchemaExtension):
    """Answers a query as of its moment: by one statement where it compiles, else by resolvers, whose position
    is fixed before the first field. Tells the position in `extensions.asOf`."""

    async def on_execute(self) -> AsyncIterator[None]:
        running = self.execution_context
        compiling, running.context = not running.context.ordinary, running.context.anew()
        assert running.graphql_document is not None
        operation = get_operation_ast(running.graphql_document, running.operation_name)
        if operation is not None and operation.operation is OperationType.QUERY:
            known = Known(self._core, running.graphql_document, operation)
            if not (compiling and await self._compiled(known)):
                await self._fix(running.context, known)
                await self._introspected(known)
        yield

    def get_results(self) -> dict[str, Any]:
        context: Call = self.execution_context.context
        return {} if context.as_of is None else {"asOf": context.as_of}

    async def _compiled(self, known: Known) -> bool:
        """Answer by one statement, if that can be."""
        running = self.execution_context
        plans: Plans | None = getattr(running.schema, "plans", None)
        variables = known.variables(running.variables or {})
        if plans is None or variables is None:
            return False
        answer = await answered(plans, known, variables, running.context)
        if answer is None:
            return False
        if running.query:
            plans.remember(running.query, running._provided_operation_name, known)
        running.context.as_of = answer.as_of
        running.result = ExecutionResult(data=answer.fragment, errors=None)
        return True

    async def _introspected(self, known: Known) -> None:
        """Answer what is asked of nothing but the schema."""
        running = self.execution_context
        introspections: Introspections | None = getattr(running.schema, "introspections", None)
        if introspections is None or not running.query:
            return
        asked = running.query, running._provided_operation_name, running.variables or {}
        if data := await introspections.answer(known, *asked):
            running.result = ExecutionResult(data=data, errors=None)

    async def _fix(self, context: Call, known: Known) -> None:
        """Now, which is the lowest position of the views that are read, unless the operation says when."""
        head, moment = await context.tenant.log.head(), Moment(views=known.views(()))
        variables = self._variables(known)
        if variables is not None:
            wanted = _said(known, variables)
            position = await _position(context, wanted, head) if wanted else 0
            moment = _moment(known, variables, wanted, position)
        if moment.pinned is not None and moment.pinned > head:
            raise bad_id(f"position {moment.pinned}, which it names, lies beyond the end of the log")
        if moment.views:
            context.standing = await context.reader.reached(moment.views, moment.least)
        context.pinned = moment.pinned is not None
        now = context.standing.lowest(moment.views)[0] if moment.views else head
        context.at = now if moment.pinned is None else moment.pinned
        context.live.add(context.at)
        last = await context.tenant.log.read(context.at - 1, limit=1) if context.at else []
        context.as_of = {"position": context.at, "time": moment_text(last[0].recorded_at) if last else None}

    def _variables(self, known: Known) -> VariableValues | None:
        """None where they are wrong in a way that execution will tell."""
        given = self.execution_context.variables or {}
        variables = get_variable_values(self._core, known.operation.variable_definitions or (), given)
        return None if isinstance(variables, list) else variables

    @property
    def _core(self) -> GraphQLSchema:
        core: GraphQLSchema = self.execution_context.schema._schema
        return core


def _said(known: Known, variables: VariableValues) -> dict[str, Any]:
    """What `@asOf` says; nothing where it is absent or null."""
    directive = known.core.get_directive(DIRECTIVE)
    assert directive is not None
    said = get_directive_values(directive, known.operation, variables) if known.operation.directives else {}
    return dict((said or {}).get("at") or {})


async def answered(plans: Plans, known: Known, variables: VariableValues, context: Call) -> Answer | None:
    """The answer by one statement, as of the moment that `@asOf` names; None where that cannot be."""
    try:
        wanted = _said(known, variables)
        position = await plans.moment(context, wanted, _position) if wanted else 0
        moment = _moment(known, variables, wanted, position)
    except (GraphQLError, Uncompiled):
        return None
    context.pinned = moment.pinned is not None
    return await plans.answer(context, known, variables, moment)


def _moment(known: Known, variables: VariableValues, wanted: dict[str, Any], position: int) -> Moment:
    """The moment that `@asOf` names, which has this position, or else an id. Raises BAD_ID."""
    ids = known.ids(variables)
    named, pinned = position_in(ids), position if wanted and "atLeast" not in wanted else None
    if named is not None:
        if named != pinned if pinned is not None else named < position:
            raise bad_id(f"names a row as of position {named}, and @asOf another moment")
        pinned = named
    return Moment(views=known.views(ids), least=position if pinned is None else pinned, pinned=pinned)


async def _position(context: Call, wanted: dict[str, Any], head: int) -> int:
    """The position that a moment stands for."""
    [(how, value)] = wanted.items()
    return await _found(context, f"@asOf: {how}", value, head)


async def position_at(context: Call, name: str, moment: AsOf) -> int:
    """The position that an argument stands for. Raises BAD_MOMENT."""
    [value] = [value for value in vars(moment).values() if value not in (None, strawberry.UNSET)]
    return await _found(context, name, value, await context.tenant.log.head())


async def _found(context: Call, name: str, value: Any, head: int) -> int:
    try:
        return within(value, head) if isinstance(value, int) else await position_of(context.tenant.log, value)
    except NoSuchMoment as error:
        raise refused("BAD_MOMENT", f"{name}: {error}") from None


async def position_named(log: Log, name: str, text: str) -> int:
    """The position that a parameter of a request names. Raises BAD_USER_INPUT or BAD_MOMENT."""
    try:
        return await position_of(log, parse(text))
    except ValueError:
        raise refused("BAD_USER_INPUT", f"{name}: is neither a position nor a day nor a time") from None
    except NoSuchMoment as error:
        raise refused("BAD_MOMENT", f"{name}: {error}") from None
