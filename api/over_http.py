"""GraphQL over HTTP as its draft says: methods, media types, what a request must hold, status codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

from api.errors import as_graphql, told
from api.languages import HEADERS, language_of, told_in
from domain.records import Record

GRAPHQL, JSON = "application/graphql-response+json", "application/json"
EVENTS = "text/event-stream"
METHODS = "DELETE, GET, POST, PUT"
"""PUT and DELETE are for streams that carry several operations."""
STATUS: Mapping[str, int] = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    "CONNECTION_LIMIT": 429,
    "TIMEOUT": 504,
    "INTERNAL": 500,
    "NOT_INSTALLED": 501,
    "UNAVAILABLE": 503,
    "BUSY": 503,
    "CLOSED": 503,
}
"""Of answers without data, by the code of their error; all others are 400."""
ALWAYS = frozenset({"UNAUTHENTICATED", "RATE_LIMITED", "CONNECTION_LIMIT", "TIMEOUT"})
"""Codes whose status `application/json` shows too: proxies and clients act on it."""


class Unfit(Exception):
    """A request that is not one of GraphQL over HTTP."""

    def __init__(self, status: int, code: str, rule: str, **headers: str) -> None:
        super().__init__(rule)
        self.status, self.code, self.headers = status, code, headers


class Operation(Record):
    """What a request asks for."""

    query: str | None
    document_id: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


def takes_events(request: Request) -> bool:
    """Whether the client would have the answer as a stream of events."""
    return any(name == EVENTS and q > 0 for name, q in _ranges(request))


def takes_events_only(request: Request) -> bool:
    """Whether the client would have the answer in no other way."""
    return takes_events(request) and all(name == EVENTS or q <= 0 for name, q in _ranges(request))


def media_type(request: Request) -> str:
    """In which of the two the answer goes out. Raises `Unfit` where the client takes neither."""
    ranges = _ranges(request)
    takes = [
        (max((q for name, q in ranges if name in (kind, *wild)), default=0.0), kind)
        for kind, wild in ((GRAPHQL, ()), (JSON, ("application/*", "*/*")))
    ]
    weight, kind = max(takes, key=lambda one: one[0])
    if weight <= 0:
        raise Unfit(406, "NOT_ACCEPTABLE", f"answers come as {GRAPHQL} or {JSON}")
    return kind


def _ranges(request: Request) -> tuple[tuple[str, float], ...]:
    return _weighed_all(request.headers.get("accept", JSON))


@lru_cache(HEADERS)
def _weighed_all(accept: str) -> tuple[tuple[str, float], ...]:
    return tuple(_weighed(part) for part in accept.split(","))


def _weighed(part: str) -> tuple[str, float]:
    """A media range and its weight; of another charset nothing is taken."""
    name, *parameters = (word.strip().lower() for word in part.split(";"))
    said = dict(parameter.partition("=")[::2] for parameter in parameters)
    if said.get("charset", "utf-8").strip('"') not in ("utf-8", "utf8"):
        return name, 0.0
    try:
        return name, float(said.get("q", 1))
    except ValueError:
        return name, 0.0


async def operation(request: Request, largest: int, seconds: float) -> Operation:
    """What the request asks for. Raises `Unfit`."""
    if request.method == "GET":
        return _checked({name: _from_query(name, text) for name, text in request.query_params.items()})
    if request.method != "POST":
        raise Unfit(405, "METHOD_NOT_ALLOWED", "GraphQL is asked by GET or POST", allow=METHODS)
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "") or "charset=utf-8"
    if kind.strip().lower() != JSON or charset not in ("charset=utf-8", "charset=utf8"):
        raise Unfit(415, "UNSUPPORTED_MEDIA_TYPE", f"the request's content-type must be {JSON}, in UTF-8")
    return _checked(_json(await _body(request, largest, seconds)))


async def _body(request: Request, largest: int, seconds: float) -> bytes:
    """The request's body, which must not be too large, nor too slow."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > largest:
                    raise Unfit(413, "BODY_TOO_LARGE", f"a request has {largest} bytes at most")
                parts.append(part)
    except TimeoutError:
        raise Unfit(408, "BODY_TOO_SLOW", f"a request must arrive within {seconds:g} s") from None
    return b"".join(parts)


def as_json(data: object) -> bytes:
    """Half of a surrogate pair reads `?`: UTF-8 has no such halves, but messages echo what was sent."""
    try:
        return orjson.dumps(data)
    except orjson.JSONEncodeError:
        return json.dumps(data, ensure_ascii=False).encode(errors="replace")


def _from_query(name: str, text: str) -> Any:
    return _json(text) if name in ("variables", "extensions") and text else text


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unfit(400, "BAD_REQUEST", "the request is not JSON") from None


def _checked(said: Any) -> Operation:
    if isinstance(said, list):
        raise Unfit(400, "BATCHING_REFUSED", "one request holds one operation")
    if not isinstance(said, dict):
        raise Unfit(400, "BAD_REQUEST", "the request must be a JSON object")
    for name, kind in {
        "query": str, "operationName": str, "documentId": str, "variables": dict, "extensions": dict,
    }.items():  # fmt: skip
        if not isinstance(said.get(name), kind | None):
            words = "a text" if kind is str else "an object"
            raise Unfit(400, "BAD_REQUEST", f"{name}: must be {words} or null")
    document_id = said.get("documentId") or _persisted(said.get("extensions") or {})
    if not said.get("query") and not document_id:
        raise Unfit(400, "BAD_REQUEST", "the request holds neither `query` nor `documentId`")
    return Operation(
        query=said.get("query"),
        document_id=document_id,
        variables=said.get("variables"),
        operation_name=said.get("operationName"),
        extensions=said.get("extensions"),
    )


def _persisted(extensions: Mapping[str, Any]) -> str | None:
    said = extensions.get("persistedQuery")
    digest = said.get("sha256Hash") if isinstance(said, dict) else None
    return digest if isinstance(digest, str) else None


def status_of(answer: Mapping[str, Any], kind: str) -> int:
    """The status of an answer: with data it is 200, faults or not."""
    errors = answer.get("errors")
    if "data" in answer or not errors:
        return 200
    code = errors[0].get("extensions", {}).get("code", "")
    return STATUS.get(code, 400) if kind == GRAPHQL or code in ALWAYS else 200


def failed(error: Exception, request: HTTPConnection) -> JSONResponse:
    """The answer of a route that is not GraphQL: what went wrong by status, code and words."""
    if isinstance(error, Unfit):
        told_so = told_in(language_of(request), failure(error.code, str(error)))
        return JSONResponse(told_so, error.status, headers=error.headers)
    answer: dict[str, Any] = {"errors": [told(as_graphql(error)).formatted]}
    return JSONResponse(
        told_in(language_of(request), answer), status_of(answer, GRAPHQL), headers=advice(answer)
    )


def advice(answer: Mapping[str, Any]) -> dict[str, str]:
    """Headers that tell what to do about an answer's errors."""
    codes = {error.get("extensions", {}).get("code"): error for error in answer.get("errors", ())}
    headers = {"www-authenticate": "Bearer"} if "UNAUTHENTICATED" in codes else {}
    for error in codes.values():
        if wait := error.get("extensions", {}).get("retryAfter"):
            headers["retry-after"] = str(wait)
    return headers


def failure(code: str, message: str, **extensions: Any) -> dict[str, Any]:
    """An answer without data."""
    return {"errors": [{"message": message, "extensions": {"code": code, **extensions}}]}
