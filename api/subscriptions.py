"""What happens, as it happens: subscriptions begin after a position, replay, follow, and skip nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
import strawberry
from graphql import GraphQLError
from strawberry.types import Info

from api.call import Call, call
from api.events import Event, EventFilter
from api.messages import Message
from api.rights import require_events_of
from api.scalars import Int64
from api.views import given
from infra.log.feeds import Told, TooSlow
from infra.log.reading import Selection

AFTER = "The position to begin after; without one, only what is yet to come."


async def following(context: Call, wanted: Selection, after: int | None) -> AsyncGenerator[Told]:
    """The wanted events after a position; before each, and now and then, it is seen whether they may go on.

    Raises UNAUTHENTICATED or FORBIDDEN, and SLOW_CONSUMER with the position to go on after.
    """
    end = wanted.until
    wanted = msgspec.structs.replace(wanted, until=None)
    begin = await context.tenant.log.head() if after is None else after
    try:
        async with aclosing(context.tenant.feeds.follow(wanted, begin)) as some:
            async for events, position in some:
                for told in events:
                    if end is not None and told.position > end:
                        return
                    await context.identify()
                    yield told
                await context.identify()
                if end is not None and position >= end:
                    return
    except TooSlow as slow:
        raise GraphQLError(str(slow), extensions={"code": "SLOW_CONSUMER", "after": slow.after}) from None


async def _events(
    info: Info,
    filter: Annotated[
        EventFilter | None, strawberry.argument(description="Which events.")
    ] = strawberry.UNSET,
    after: Annotated[Int64 | None, strawberry.argument(description=AFTER)] = None,
) -> AsyncIterator[Event]:
    context, wanted = call(info), given(filter)
    selection = wanted.selection() if wanted else Selection()
    await require_events_of(context, selection.customer_id)
    async with aclosing(following(context, selection, after)) as events:
        async for told in events:
            await require_events_of(context, selection.customer_id)
            yield Message(told=told, value=told.recorded)  # type: ignore[misc]  # its field's value is


@strawberry.type(description="What happens, as it happens; each message tells its position.")
class Subscription:
    events: AsyncIterator[Event] = strawberry.subscription(
        resolver=_events,
        description="Every event after a position: first those that are there, then those that come.",
    )
