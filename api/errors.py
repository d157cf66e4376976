"""What a caller hears when a request fails: a stable code, the reason if it is theirs, not our internals."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping

import asyncpg
from graphql import GraphQLError, GraphQLSyntaxError

from infra.arrow import ArrowMissing
from infra.charts import ChartsMissing, NoChart
from infra.engine import Contended
from infra.log.group_commit import UNREACHABLE, Busy, Closed
from infra.views.reader import NotReached

_log = logging.getLogger(__name__)

INTERNAL = "INTERNAL"
EXPECTED: Mapping[tuple[type[Exception], ...], tuple[str, str | None]] = {
    (NotReached,): ("NOT_REACHED", None),
    (Contended,): ("CONTENDED", None),
    (Busy,): ("BUSY", None),
    (Closed,): ("CLOSED", None),
    (ArrowMissing, ChartsMissing): ("NOT_INSTALLED", None),
    (NoChart,): ("BAD_USER_INPUT", None),
    (RecursionError,): ("GRAPHQL_PARSE_FAILED", "the document is nested too deeply"),
    (asyncpg.DataError,): ("BAD_USER_INPUT", "a value lies outside of what can be looked up"),
    UNREACHABLE: ("UNAVAILABLE", "the database cannot be reached; try again in a moment"),
}
"""The code of failures that callers can help, and its words; None where the failure has words of its own."""


def refused(code: str, rule: str) -> GraphQLError:
    """A request that breaks a rule of the API."""
    return GraphQLError(rule, extensions={"code": code})


def too_slow(seconds: float) -> GraphQLError:
    """An operation that has taken too long."""
    return refused(
        "TIMEOUT", f"no answer within {seconds:g} s; a mutation may have been done: repeat its key"
    )


def as_graphql(error: Exception) -> GraphQLError:
    """The failure as GraphQL's own kind of error, for `told`."""
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


def told(error: GraphQLError) -> GraphQLError:
    """The error as the caller may see it; the unexpected is logged under an id that the caller gets."""
    if "code" in (error.extensions or {}):
        return error
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        error.extensions = {"code": _code(error), **(error.extensions or {})}
        return error
    for kinds, (code, words) in EXPECTED.items():
        if isinstance(cause, kinds):
            return _instead(error, words or str(cause), {"code": code})
    request = str(uuid.uuid4())
    _log.error("request %s failed at %s", request, error.path, exc_info=cause)
    return _instead(error, "something went wrong here", {"code": INTERNAL, "requestId": request})


def _code(error: GraphQLError) -> str:
    """The code of an error that GraphQL itself found in the document or in its variables."""
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "GRAPHQL_VALIDATION_FAILED" if error.path is None else "BAD_USER_INPUT"


def _instead(error: GraphQLError, message: str, extensions: dict[str, str]) -> GraphQLError:
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=dict(extensions))
