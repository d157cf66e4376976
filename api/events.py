"""The log itself, for auditors: every event with who, when, why and the bytes that are stored."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import strawberry
from strawberry.types import Info

from api.build import Argument
from api.call import call
from api.errors import refused
from api.pages import PageInfo, arguments, page_size, require_page
from api.policy import shown
from api.reads import note_event
from api.rights import require_events_of
from api.scalars import Int64
from api.views import given, optional
from domain.events import Event as DomainEvent
from domain.events import Recorded
from infra.log.reading import Selection


def _data(root: strawberry.Parent[Any], info: Info) -> str:
    context = call(info)
    note_event(context.seen, context.caller, root.customer_id, root.event)
    return shown(context.caller, root.event).decode()


@strawberry.type(description="Something that happened, as the log holds it.")
class Event:
    position: Int64 = strawberry.field(description="Place in the log: 1, 2, 3 … without a gap.")
    stream: str = strawberry.field(description="The aggregate it belongs to, such as `order-17`.")
    version: Int64 = strawberry.field(description="Place in the stream: 1, 2, 3 … without a gap.")
    name: str = strawberry.field(description="The stored name of the event's type.")
    recorded_at: datetime = strawberry.field(description="When the log took it in; grows with position.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    customer_id: str | None = strawberry.field(description="Whom it is about.")
    command_id: str = strawberry.field(description="The idempotency key of the command that caused it.")
    actor: str = strawberry.field(description="Who did it.")
    on_behalf_of: str | None = strawberry.field(description="For whom, where that is somebody else.")
    causation_id: str | None = strawberry.field(description="What led to it.")
    correlation_id: str | None = strawberry.field(description="The conversation that it belongs to.")
    source: str | None = strawberry.field(description="Where it came from; `simulated` for made-up data.")

    data: str = strawberry.field(
        resolver=_data, description="What happened: the event's own fields as JSON text."
    )


@strawberry.type(description="An event and its place.")
class EventEdge:
    cursor: str = strawberry.field(description="Give it as `after` for the events that follow.")
    node: Event = strawberry.field(description="The event.")


@strawberry.type(description="A page of the log.")
class EventConnection:
    edges: list[EventEdge] = strawberry.field(description="The events with their cursors.")
    nodes: list[Event] = strawberry.field(description="The events alone.")
    page_info: PageInfo = strawberry.field(description="Where the page begins and ends.")


@strawberry.input(description="Which events; all parts must hold.")
class EventFilter:
    names: list[str] | None = optional("Of one of these types, by stored name.")
    stream: str | None = optional("Of this stream.")
    customer_id: str | None = optional("About this customer.")
    actor: str | None = optional("Done by this actor.")
    command_id: str | None = optional("Caused by this command.")
    correlation_id: str | None = optional("Of this conversation.")
    since: Int64 | None = optional("From this position on.")
    until: Int64 | None = optional("Up to this position.")

    def selection(self) -> Selection:
        return Selection(**{name: given(value) for name, value in vars(self).items()})


def event_log_arguments() -> dict[str, Argument]:
    return {
        **arguments("events"),
        "filter": Argument(EventFilter | None, "Which events.", strawberry.UNSET),
    }


async def event_log(
    _: Any,
    info: Info,
    *,
    first: Any = None,
    after: Any = None,
    last: Any = None,
    before: Any = None,
    filter: Any = None,
) -> Any:
    """Resolves the root field `eventLog`."""
    size, backward = page_size(given(first), given(last))
    require_page(size, "last" if backward else "first")
    wanted, select = given(filter), call(info).tenant.log.select
    selection = wanted.selection() if wanted else Selection()
    await require_events_of(call(info), selection.customer_id)
    whole = _until(selection, call(info).at)
    begin, end = _position("after", given(after)), _position("before", given(before))
    part = whole if end is None else _until(whole, end - 1)
    events = await select(part, after=begin or 0, limit=size + 1, backwards=backward)
    page = events[:size]
    if backward:
        follows = end is not None and bool(await select(whole, after=end - 1, limit=1))
        return _connection(page[::-1], precedes=len(events) > size, follows=follows)
    precedes = begin is not None and bool(await select(_until(whole, begin), limit=1, backwards=True))
    return _connection(page, precedes=precedes, follows=len(events) > size)


def _until(selection: Selection, position: int) -> Selection:
    """Those of the wanted events up to a position."""
    until = position if selection.until is None else min(selection.until, position)
    return msgspec.structs.replace(selection, until=until)


def _connection(events: Sequence[Recorded[DomainEvent]], *, precedes: bool, follows: bool) -> Any:
    edges = [EventEdge(cursor=_cursor(e.position), node=e) for e in events]  # type: ignore[arg-type]
    info = PageInfo(
        has_next_page=follows,
        has_previous_page=precedes,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return EventConnection(edges=edges, nodes=list(events), page_info=info)  # type: ignore[arg-type]


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def _position(name: str, cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        position = int(base64.urlsafe_b64decode(cursor))
        if 0 < position < 2**53:
            return position
    except ValueError:
        pass
    raise refused("BAD_CURSOR", f"{name}: is not a cursor of the log")
