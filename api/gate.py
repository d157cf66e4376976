"""What an operation must pass before it runs: who asks, trusted documents, its size, rights, and its cost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    get_operation_ast,
    validate,
)
from starlette.requests import HTTPConnection
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from api.access import Access
from api.callers import ACTOR, Caller, Callers, bearer
from api.errors import refused
from api.limits import Asked, measure
from api.over_http import Operation
from api.policy import require
from api.rates import Rates
from api.reads import ReadLog
from infra.documents import Documents
from infra.keys import Keys
from infra.tenant import Tenant

COOKIE = "kehu_session"
"""Holds the key of whoever opened GraphiQL with it: HttpOnly, SameSite=Strict."""
PREFLIGHT = ("content-type", "graphql-require-preflight", "x-requested-with")
"""Headers of which a browser sends one to another site only if that site agrees; a cookie counts with one."""
MOST_ERRORS = 5
"""Faults of one document that are told."""
VALIDATED = 1_000
"""Documents whose faults are remembered."""


class Gate:
    """The checks of one application."""

    def __init__(self, tenant: Tenant, access: Access) -> None:
        self.access = access
        self.keys, self.documents = Keys(tenant.pool, tenant.name), Documents(tenant.pool, tenant.name)
        self.reads = ReadLog(tenant)
        self.rates = Rates(access.rate, access.burst)
        oidc = access.oidc.tokens(tenant.name) if access.oidc else None
        self._callers = Callers(self.keys, oidc)
        self._held: Counter[tuple[str, str]] = Counter()

    async def caller(self, request: HTTPConnection, params: Mapping[str, Any]) -> Caller:
        """Who asks, by header, by a WebSocket's first message, or by the cookie of a page of our own."""
        said = {name.lower(): value for name, value in params.items() if isinstance(value, str)}
        token = bearer(request.headers.get("authorization")) or bearer(said.get("authorization"))
        if token is None and _of_our_own(request):
            token = request.cookies.get(COOKIE)
        return await self._callers.caller(token, request.headers.get(ACTOR, said.get(ACTOR)))

    async def known(self, token: str | None) -> Caller:
        """Who bears a token. Raises UNAUTHENTICATED."""
        return await self._callers.caller(token)

    @staticmethod
    def session(request: HTTPConnection) -> str | None:
        """The token of whoever opens a page, by cookie or by header."""
        return request.cookies.get(COOKIE) or bearer(request.headers.get("authorization"))

    async def text(self, asked: Operation) -> str | None:
        """The document that is asked for. Raises PERSISTED_QUERY_NOT_FOUND where its id is not known."""
        if asked.query is not None or asked.document_id is None:
            return asked.query
        found = await self.documents.text(asked.document_id.removeprefix("sha256:"))
        if found is None:
            raise refused("PERSISTED_QUERY_NOT_FOUND", "no trusted document has this id")
        return found

    async def admit(self, caller: Caller, text: str | None, asked: Asked) -> dict[str, Any]:
        """What `extensions.cost` tells. Raises FORBIDDEN, RATE_LIMITED or DOCUMENT_NOT_TRUSTED."""
        require(caller, asked.subjects)
        if self.access.trusted_only and not await self.documents.trusted(text or ""):
            raise refused("DOCUMENT_NOT_TRUSTED", "only documents that were trusted before are answered here")
        return self.rates.take(caller.id, asked.size.cost)

    async def pay(self, caller: Caller, cost: int) -> None:
        """Take what a part of a stream costs; where the caller has too little, wait until there is enough."""
        while True:
            try:
                self.rates.take(caller.id, cost)
            except GraphQLError as error:
                await asyncio.sleep((error.extensions or {})["retryAfter"])
            else:
                return

    def hold(self, caller: Caller, kind: str, most: int) -> Callable[[], None]:
        """Count one more of what a caller keeps open; the answer says that it is closed.

        Raises CONNECTION_LIMIT where they have as many open as they may.
        """
        held = caller.id, kind
        if self._held[held] >= most:
            raise refused("CONNECTION_LIMIT", f"a caller may have {most} {kind} open at a time")
        self._held[held] += 1

        def ended() -> None:
            self._held[held] -= 1
            if not self._held[held]:
                del self._held[held]

        return ended


def _of_our_own(request: HTTPConnection) -> bool:
    """Whether a page of this server asks, by what browsers say and no script can change."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return False
    return request.scope["type"] == "websocket" or any(name in request.headers for name in PREFLIGHT)


class Passing(SchemaExtension):
    """Lets operations through the gate, each before it is validated."""

    async def on_validate(self) -> AsyncIterator[None]:
        running = self.execution_context
        try:
            await self._pass()
        except GraphQLError as error:
            running.pre_execution_errors = [error]
        else:
            gate: Gate = running.context.gate
            assert running.graphql_document is not None
            rules, access = running.validation_rules, gate.access
            faults = _faults(
                self._schema, running.graphql_document, rules, access.introspection, access.suggestions
            )
            running.pre_execution_errors = list(faults)
        yield

    async def _pass(self) -> None:
        running = self.execution_context
        assert running.graphql_document is not None
        context = running.context
        operation = get_operation_ast(running.graphql_document, running.operation_name)
        if isinstance(operation, OperationDefinitionNode) and not context.admitted:
            asked = measure(self._schema, running.graphql_document, operation, running.variables or {})
            context.cost = await context.gate.admit(context.caller, running.query, asked)

    def get_results(self) -> dict[str, Any]:
        cost = self.execution_context.context.cost
        return {"cost": cost} if cost else {}

    @property
    def _schema(self) -> GraphQLSchema:
        core: GraphQLSchema = self.execution_context.schema._schema
        return core


@lru_cache(VALIDATED)
def _faults(
    schema: GraphQLSchema,
    document: DocumentNode,
    rules: tuple[type[ASTValidationRule], ...],
    introspection: bool,
    suggestions: bool,
) -> tuple[GraphQLError, ...]:
    """What is wrong with a document."""
    more: list[type[ASTValidationRule]] = [MaybeNullValidationRule]
    more += [] if introspection else [NoSchemaIntrospectionCustomRule]
    faults = validate(
        schema, document, (*rules, *more), max_errors=MOST_ERRORS, hide_suggestions=not suggestions
    )
    return tuple(faults)
