"""The schema as it executes: known queries go straight to their statement, errors all bear a code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLError, get_operation_ast, parse
from graphql import OperationType as Kind
from strawberry.extensions import ParserCache
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from api.call import Call
from api.errors import as_graphql, refused, told, too_slow
from api.introspection import Introspections
from api.known import Known
from api.moments import answered
from api.plans import Plans
from infra import tracing

TOKENS = 10_000
"""Words and signs of one document at most."""
CACHED = 1_000
"""Documents that are kept parsed."""


@lru_cache(CACHED)
def kind_of(query: str | None, operation_name: str | None) -> Kind | None:
    """What that operation of a document is; None where it cannot be parsed."""
    try:
        operation = get_operation_ast(parse(query or "", max_tokens=TOKENS), operation_name)
    except (GraphQLError, RecursionError):
        return None
    return None if operation is None else operation.operation


def is_subscription(query: str | None, operation_name: str | None) -> bool:
    return kind_of(query, operation_name) is Kind.SUBSCRIPTION


async def _just(result: ExecutionResult) -> AsyncGenerator[ExecutionResult]:
    yield result


class Parsing(ParserCache):
    """Keeps parsed documents; one that cannot be parsed is left to whoever tells its fault."""

    def on_parse(self) -> Iterator[None]:
        running = self.execution_context
        with suppress(GraphQLError, RecursionError):  # else a stream would end without a word
            running.graphql_document = self.cached_parse_document(running.query, **running.parse_options)
        yield


class Schema(strawberry.Schema):
    """Strawberry's schema, which parses, checks and resolves; a document that it has seen compiled before
    needs none of that again."""

    plans: Plans | None = None
    """None where resolvers answer everything."""
    introspections: Introspections | None = None
    """None where what is asked of the schema is executed each time."""

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        root_value: Any = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        allowed = None if allowed_operation_types is None else set(allowed_operation_types)
        kind = kind_of(query, operation_name) if tracing.is_on() else None
        with tracing.span("operation", graphql__operation__type=kind.value if kind else "none") as note:
            answer, reads = None, allowed is None or OperationType.QUERY in allowed
            if query and reads and self.plans and (known := self.plans.known(query, operation_name)):
                context_value, given = context_value.anew(), variable_values or {}
                answer = await self._by_plan(self.plans, query, known, given, context_value)
            if answer is None:
                answer = await super().execute(
                    query,
                    variable_values,
                    context_value,
                    root_value,
                    operation_name,
                    allowed,
                    operation_extensions,
                )
            result = await self._logged(context_value, answer)
            note("kehu.errors", [str((error.extensions or {}).get("code")) for error in result.errors or ()])
            return result

    async def _logged(self, context: Call, result: ExecutionResult) -> ExecutionResult:
        """The result, once the log says who has read what; nothing of it where that cannot be logged."""
        try:
            await context.answered.log_reads()
        except Exception as error:
            return self._failed(as_graphql(error))
        return result

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        root_value: Any = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> Any:
        """The results of an operation on a connection that carries several; who asks is found out anew."""
        try:
            await context_value.identify()
        except GraphQLError as error:
            return _just(self._failed(error))
        allowed = None if allowed_operation_types is None else set(allowed_operation_types)
        asked = query, variable_values, context_value, root_value, operation_name
        if is_subscription(query, operation_name):
            return await super().stream(*asked, operation_extensions, allowed)
        return _just(await self._once(context_value, *asked, allowed, operation_extensions))

    async def _once(self, context: Call, *asked: Any) -> ExecutionResult:
        """The result of a query or a mutation, in time."""
        try:
            async with asyncio.timeout(seconds := context.gate.access.request_seconds):
                return await self.execute(*asked)
        except TimeoutError:
            return self._failed(too_slow(seconds))
        except CannotGetOperationTypeError as error:
            return self._failed(refused("GRAPHQL_VALIDATION_FAILED", error.as_http_error_reason()))
        except InvalidOperationTypeError as error:
            how = context.request.scope.get("method", "WebSocket")
            return self._failed(refused("METHOD_NOT_ALLOWED", error.as_http_error_reason(how)))

    async def _by_plan(
        self, plans: Plans, query: str, known: Known, given: dict[str, Any], context: Call
    ) -> ExecutionResult | None:
        """The answer to a query that is known, past the gate; None where resolvers must look."""
        try:
            context.cost = await context.gate.admit(context.caller, query, known.asked(given))
            context.admitted = True
            variables = known.variables(given)
            answer = variables and await answered(plans, known, variables, context)
        except GraphQLError as error:
            return self._failed(error)
        except Exception as error:
            return self._failed(GraphQLError(str(error), original_error=error))
        if not answer:
            context.ordinary = True
            return None
        extensions = {"asOf": answer.as_of, "cost": context.cost}
        return ExecutionResult(data=answer.fragment, errors=None, extensions=extensions)

    def _failed(self, error: GraphQLError) -> ExecutionResult:
        errors = [error]
        self.process_errors(errors)
        return PreExecutionError(data=None, errors=errors, extensions={})

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        errors[:] = [told(error) for error in errors]
