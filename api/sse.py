"""GraphQL over Server-Sent Events, as the protocol of `graphql-sse` says, in both of its modes.

Distinct connections: a request that accepts an event stream is answered with one. Single connection: PUT
reserves a stream and answers with its token, GET with the token opens it, POST with the token begins
operations whose results the stream tells, DELETE ends them.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from strawberry.types.execution import ExecutionResult, PreExecutionError

from api.call import Call
from api.callers import Caller
from api.gate import Gate
from api.over_http import EVENTS, Operation, Unfit, as_json, operation
from api.scalars import Place
from api.streaming import Streaming
from infra.log.feeds import Feeds

TOKEN, TOKEN_PARAMETER = "x-graphql-event-stream-token", "token"
PING = 12.0
"""Seconds after which a client hears that the connection lives, and after which its rights are looked at."""
RESERVED = 30.0
"""Seconds in which a reservation must be made use of."""
PARTING = 1.0
"""Seconds in which operations must end when the server stops."""
WAITING = 16
"""Messages of all operations of a stream that wait for the client; then its operations wait."""
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
OPERATIONS = 100
"""Operations under way on one stream."""
LONGEST_ID = 200
COMMENT = b":\n\n"
_BREAKS = re.compile("[\r\n\0]")

Results = AsyncGenerator[ExecutionResult]
Run = Callable[[Call, Operation], Results]


class EventStream:
    """One connection, and the operations whose results it tells."""

    def __init__(self, context: Call, ended: Callable[[], None]) -> None:
        self.caller, self.opened = context.caller, False
        self.operations: dict[str | None, asyncio.Task[None]] = {}
        self._context, self._ended = context, ended
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)

    def only(self, context: Call, results: Results) -> None:
        """Tell the results of the one operation that the stream is for; messages bear where they can be gone
        on after, which browsers send by themselves when they come again."""
        self.operations[None] = asyncio.create_task(self._tell_only(context, results))

    def begin(self, id: str, results: Results) -> None:
        """Tell the results of one of several operations, a refusal too."""
        self.operations[id] = asyncio.create_task(self._tell(id, results))

    def stop(self, id: str) -> None:
        if telling := self.operations.get(id):
            telling.cancel()

    async def end(self) -> None:
        """Let the operations end and the client hear what waits, and no more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING):
                if telling := [*self.operations.values()]:
                    await asyncio.wait(telling)
                await self._waiting.put(None)
        self._cancel()

    def response(self) -> Streaming:
        self.opened = True
        return Streaming(self._pieces(), self._closed, media_type=EVENTS, headers=HEADERS)

    def expire(self) -> None:
        """Give up what nobody has opened."""
        if not self.opened:
            self._closed()

    def _closed(self) -> None:
        self._cancel()
        self._ended()

    def _cancel(self) -> None:
        for telling in self.operations.values():
            telling.cancel()

    async def _pieces(self) -> AsyncGenerator[bytes]:
        piece: bytes | None = COMMENT  # some browsers take no notice of headers alone
        while piece is not None:
            yield piece
            try:
                async with asyncio.timeout(PING):
                    piece = await self._waiting.get()
            except TimeoutError:
                await self._context.identify()
                piece = COMMENT

    async def _tell_only(self, context: Call, results: Results) -> None:
        async with aclosing(results):
            async for result in results:
                await self._waiting.put(_message("next", _payload(result), context.told))
        await self._waiting.put(_message("complete"))
        await self._waiting.put(None)

    async def _tell(self, id: str, results: Results) -> None:
        try:
            async with aclosing(results):
                async for result in results:
                    await self._waiting.put(_message("next", {"id": id, "payload": _payload(result)}))
            await self._waiting.put(_message("complete", {"id": id}))
        finally:
            self.operations.pop(id, None)


class EventStreams:
    """All streams of one server."""

    def __init__(self, run: Run, gate: Gate, feeds: Feeds, largest_body: int) -> None:
        self._run, self._gate, self._feeds, self._largest_body = run, gate, feeds, largest_body
        self._reserved: dict[str, EventStream] = {}

    async def end(self) -> None:
        """Tell all clients where to go on, and end their streams: the server stops."""
        await self._feeds.close()
        await asyncio.gather(*(stream.end() for stream in self._reserved.values()))

    def distinct(self, context: Call, asked: Operation) -> Response:
        """A stream of its own for one operation."""
        stream = EventStream(context, self._hold(context.caller))
        stream.only(context, self._run(context, asked))
        return stream.response()

    @staticmethod
    def concerns(request: Request) -> bool:
        """Whether a request is one of the mode with a single connection."""
        return request.method in ("PUT", "DELETE") or _token(request) is not None

    async def respond(self, context: Call, request: Request) -> Response:
        """Answer a request that `concerns` a reserved stream. Raises `Unfit` or `GraphQLError`."""
        if request.method == "GET" and EVENTS in request.headers.get("accept", ""):
            return self._opened(request)  # browsers send nothing with it: the token says whose it is
        caller = await context.identify()
        request.scope.setdefault("state", {})["caller"] = caller.id
        match request.method:
            case "PUT":
                return self._reserve(context)
            case "DELETE":
                self._stream(request, caller).stop(_operation_id(request.query_params.get("operationId")))
                return Response(status_code=200, headers=HEADERS)
        return await self._begun(context, request, self._stream(request, caller))

    def _hold(self, caller: Caller) -> Callable[[], None]:
        return self._gate.hold(caller, "streams", self._gate.access.sockets)

    def _reserve(self, context: Call) -> Response:
        token, release = secrets.token_urlsafe(32), self._hold(context.caller)

        def ended() -> None:
            if self._reserved.pop(token, None):
                release()

        stream = self._reserved[token] = EventStream(context, ended)
        asyncio.get_running_loop().call_later(RESERVED, stream.expire)
        return PlainTextResponse(token, 201, headers=HEADERS)

    def _opened(self, request: Request) -> Response:
        stream = self._reserved.get(_token(request) or "")
        if stream is None:
            raise _unknown()
        if stream.opened:
            raise Unfit(409, "CONFLICT", "the stream is open already")
        return stream.response()

    def _stream(self, request: Request, caller: Caller) -> EventStream:
        """The caller's stream whose token the request bears."""
        stream = self._reserved.get(_token(request) or "")
        if stream is None or stream.caller.id != caller.id:
            raise _unknown()
        return stream

    async def _begun(self, context: Call, request: Request, stream: EventStream) -> Response:
        """Begin an operation; the stream tells all else of it."""
        asked = await operation(request, self._largest_body, self._gate.access.body_seconds)
        id = _operation_id((asked.extensions or {}).get("operationId"))
        if id in stream.operations:
            raise Unfit(409, "CONFLICT", f"there is an operation {id!r} already")
        if len(stream.operations) >= OPERATIONS:
            raise Unfit(429, "SUBSCRIPTION_LIMIT", f"a stream may have {OPERATIONS} operations")
        stream.begin(id, self._run(context, asked))
        return Response(status_code=202, headers=HEADERS)


def _unknown() -> Unfit:
    return Unfit(404, "NOT_FOUND", "there is no such stream; PUT reserves one")


def _token(request: Request) -> str | None:
    return request.headers.get(TOKEN) or request.query_params.get(TOKEN_PARAMETER)


def _operation_id(said: Any) -> str:
    if not isinstance(said, str) or not 0 < len(said) <= LONGEST_ID:
        raise Unfit(400, "BAD_REQUEST", f"operationId: must be a text of 1 to {LONGEST_ID} letters")
    return said


def _payload(result: ExecutionResult) -> dict[str, Any]:
    payload: dict[str, Any] = {} if isinstance(result, PreExecutionError) else {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    return payload


def _message(event: str, data: dict[str, Any] | None = None, place: Place | None = None) -> bytes:
    id = "" if place is None or _BREAKS.search(place.text) else f"id: {place.text}\n"
    text = b"" if data is None else as_json(data)
    return b"%bevent: %b\ndata: %b\n\n" % (id.encode(), event.encode(), text)
