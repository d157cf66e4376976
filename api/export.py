"""The log as lines of JSON, `GET /export/events`: auditors take all of it, and go on where they stopped."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.call import Call
from api.callers import Caller
from api.errors import refused
from api.gate import Gate
from api.moments import position_named
from api.over_http import failed
from api.policy import LOG, Right, right, shown
from api.reads import Read, is_personal
from api.rights import require_events_of
from api.scalars import moment_text
from api.streaming import Streaming
from domain.events import Event, Recorded
from infra.archive.files import Row
from infra.log.reading import DATA, NAMES, Selection
from infra.tenant import Tenant

LINES = "application/x-ndjson"
PAGE = 1_000
"""Events that are read, written and paid for together."""
EXPORTS = 4
"""Exports of one caller at a time."""
UNTIL = "kehu-until"
"""The header that tells the last position that was looked at: the log goes on after it."""
SELECTING: Mapping[str, str] = {
    "stream": "stream",
    "customerId": "customer_id",
    "actor": "actor",
    "commandId": "command_id",
    "correlationId": "correlation_id",
}
"""Parameters of one value, and what they select by."""
TOLD: Mapping[str, str] = {
    "position": "position",
    "stream": "stream",
    "version": "version",
    "name": "name",
    "schema": "schema",
    "recorded_at": "recordedAt",
    "occurred_at": "occurredAt",
    "customer_id": "customerId",
    "command_id": "commandId",
    "actor": "actor",
    "on_behalf_of": "onBehalfOf",
    "causation_id": "causationId",
    "correlation_id": "correlationId",
    "source": "source",
}
"""What a line tells of an event's envelope; after it come `data` and `raw`."""
MOMENTS = ("recordedAt", "occurredAt")
_PLACES = [(said, NAMES.index(column)) for column, said in TOLD.items()]


class Export:
    """One export: which events, up to where, for whom."""

    def __init__(self, context: Call, wanted: Selection, after: int, until: int) -> None:
        self.context, self.wanted, self.after, self.until = context, wanted, after, until

    async def pages(self) -> AsyncGenerator[bytes]:
        """The lines, page by page; the next page is read when the one before is on its way.

        Raises `GraphQLError` where the caller may not go on.
        """
        while self.after < self.until:
            await self.admit()
            rows, self.after = await self.context.tenant.log.look_at_rows(
                self.wanted, after=self.after, head=self.until, limit=PAGE
            )
            if rows:
                events = await self.context.tenant.log.recorded(rows)
                await self.log(events)
                await self.context.gate.pay(self.context.caller, len(rows))
                yield lines(self.context.caller, rows, events)

    async def log(self, events: Sequence[Recorded[Event]]) -> None:
        """Have logged that the caller sees the log, or what it says about the customer whom they name."""
        if right(self.context.caller, LOG) is not Right.MASKED and any(is_personal(e.event) for e in events):
            self.context.seen.add(Read(subject=LOG, fields=("data", "raw")), [self.wanted.customer_id])
            await self.context.log_reads()

    async def admit(self) -> None:
        """A key may have been revoked meanwhile, an owner changed."""
        await self.context.identify()
        await require_events_of(self.context, self.wanted.customer_id)


def lines(caller: Caller, rows: Sequence[Row], events: Sequence[Recorded[Event]]) -> bytes:
    """Rows of the log, a line of JSON each, as the caller may see them.

    `data` is the event in its present shape, `raw` the stored bytes in base64, in which personal fields are
    sealed (`infra.log.sealing`); who sees data masked gets no bytes.
    """
    masked = right(caller, LOG) is Right.MASKED
    return b"".join(
        _line(row, shown(caller, recorded.event), masked) for row, recorded in zip(rows, events, strict=True)
    )


def _line(row: Row, data: bytes, masked: bool) -> bytes:
    line = {said: row[place] for said, place in _PLACES}
    line |= {said: moment_text(line[said]) for said in MOMENTS}
    line["data"] = orjson.Fragment(data)
    line["raw"] = None if masked else base64.b64encode(row[DATA]).decode()
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


async def export_events(request: Request, tenant: Tenant, gate: Gate) -> Response:
    """The route. What is wrong is told by the status and a code before the first line; later the answer is
    cut off, and the next request, with `after` the last line's position, hears why."""
    context = Call(tenant, request, gate)
    try:
        caller = await context.identify()
        request.scope.setdefault("state", {})["caller"] = caller.id
        export = await _export(request, context)
        await export.admit()
        ended = gate.hold(caller, "exports", EXPORTS)
        try:
            pieces = await _begun(export.pages())
        except BaseException:
            ended()
            raise
        headers = {UNTIL: str(export.until), "cache-control": "no-store"}
        return Streaming(pieces, ended, media_type=LINES, headers=headers)
    except Exception as error:
        return failed(error, request)


async def _begun(pages: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The pages, of which the first is there: what keeps it from being read is told by the status."""
    first = await anext(pages, b"")

    async def all_of_them() -> AsyncGenerator[bytes]:
        async with aclosing(pages):
            yield first
            async for page in pages:
                yield page

    return all_of_them()


async def _export(request: Request, context: Call) -> Export:
    """What the request's parameters ask for. Raises BAD_USER_INPUT or BAD_MOMENT."""
    given = request.query_params
    if unknown := sorted({*given} - {"after", "until", "name", *SELECTING}):
        raise refused("BAD_USER_INPUT", f"{unknown[0]}: there is no such parameter")
    if any("\0" in value for value in given.values()):
        raise refused("BAD_USER_INPUT", "no text in the log holds a NUL")
    said: dict[str, Any] = {field: given[name] for name, field in SELECTING.items() if name in given}
    wanted = Selection(names=given.getlist("name") or None, **said)
    head = await context.tenant.log.head()
    until = (
        head if "until" not in given else await position_named(context.tenant.log, "until", given["until"])
    )
    after = await position_named(context.tenant.log, "after", given.get("after", "0"))
    return Export(context, wanted, after, until)
