"""The schema as it executes: known queries go straight to their statement, errors all bear a code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ParserCache
from strawberry.types.execution import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from api.call import Call
from api.errors import told
from api.known import Known
from api.moments import answered
from api.plans import Plans


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
        if query and (allowed is None or OperationType.QUERY in allowed):
            found = self.plans.known(query, operation_name) if self.plans else None
            if self.plans and found:
                context_value = context_value.anew()
                answer = await self._by_plan(self.plans, query, found, variable_values or {}, context_value)
                if answer is not None:
                    return answer
        return await super().execute(
            query,
            variable_values,
            context_value,
            root_value,
            operation_name,
            allowed,
            operation_extensions,
        )

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
        return ExecutionResult(data=None, errors=errors, extensions={})

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        errors[:] = [told(error) for error in errors]
