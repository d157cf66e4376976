"""The schema as it executes: known queries go straight to their statement, errors all bear a code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.types.execution import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from api.call import Call
from api.errors import told
from api.moments import answered
from api.plans import Plans


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
            answer = await self.at_once(query, operation_name, variable_values or {}, context_value)
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

    async def at_once(
        self, query: str, operation_name: str | None, given: dict[str, Any], context: Call
    ) -> ExecutionResult | None:
        """The answer to a query that is known; None where the whole of strawberry must look at it."""
        known = self.plans.known(query, operation_name) if self.plans else None
        if known is None or self.plans is None:
            return None
        try:
            variables = known.variables(given)
            answer = variables and await answered(self.plans, known, variables, context)
        except Exception as error:
            errors = [GraphQLError(str(error), original_error=error)]
            self.process_errors(errors)
            return ExecutionResult(data=None, errors=errors)
        if not answer:
            context.ordinary = True
            return None
        return ExecutionResult(data=answer.fragment, errors=None, extensions={"asOf": answer.as_of})

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        errors[:] = [told(error) for error in errors]
