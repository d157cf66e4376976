"""What happens, as it happens: subscriptions begin after a position, replay, follow, and skip nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec
import strawberry
from graphql import GraphQLError
from strawberry.types import Info

from api.build import Argument, bare, enum, field, object_type, stream
from api.call import Call, call
from api.errors import refused
from api.events import Event, EventFilter
from api.messages import AFTER, Message
from api.policy import alike, require_unmasked
from api.rights import require_events_of
from api.scalars import Int64, Place, parse_place
from api.views import ViewType, filter_parts, given
from domain.events import Event as DomainEvent
from domain.events import Recorded
from domain.records import Record
from domain.tiers import Tier
from infra.log.feeds import Told, TooSlow
from infra.log.reading import Selection
from infra.views.changes import Change, changes, followed
from infra.views.conditions import All, Where
from infra.views.reader import Found, NotReached

MESSAGES: Mapping[str, str] = {
    "CustomerMessage": "customers",
    "ComplaintMessage": "complaints",
    "TierMessage": "customer_values",
}
"""The types of messages, and the view whose rows they tell."""
LAST = "last-event-id"
"""The header in which a client of an event stream says what it has heard last."""
PAGE = 500
"""Rows changed by one event that are looked at together."""
BEGIN = "What comes after this is told, first what is there already; without it, only what is yet to come."


# --- Following the log ------------------------------------------------------------------------------


def _place(context: Call, after: Any) -> Place | None:
    """Where to begin: after what a client of an event stream has heard last, else as the argument says."""
    said = context.request.headers.get(LAST)
    if said is None:
        place: Place | None = given(after)
        return place
    try:
        return parse_place(said.encode("latin-1").decode())
    except (ValueError, GraphQLError):
        raise refused("BAD_USER_INPUT", f"{LAST}: is not the id of a message") from None


def _position(context: Call, after: Any) -> int | None:
    """The same where the argument is a position."""
    place = _place(context, after)
    return place.position if isinstance(place, Place) else place


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
                    await context.gate.pay(context.caller, context.cost.get("requested", 1))
                    yield told
                await context.identify()
                if end is not None and position >= end:
                    return
    except TooSlow as slow:
        raise GraphQLError(str(slow), extensions={"code": "SLOW_CONSUMER", AFTER: slow.after}) from None


async def reached(context: Call, view: str, position: int) -> Call:
    """The caller's call right after a position that the view has reached."""
    while True:
        now = context.right_after(position)
        try:
            await now.table(view, position)
        except NotReached:
            await context.identify()
        else:
            return now


# --- Events ---------------------------------------------------------------------------------------


async def _events(info: Info, *, filter: Any = None, after: Any = None) -> AsyncGenerator[Message]:
    context, wanted = call(info), given(filter)
    selection = wanted.selection() if wanted else Selection()
    await require_events_of(context, selection.customer_id)
    async with aclosing(following(context, selection, _position(context, after))) as events:
        async for told in events:
            await require_events_of(context, selection.customer_id)
            yield Message(told=told, value=told.recorded)


# --- One customer ---------------------------------------------------------------------------------


class OfCustomer(Record):
    """An event about a customer."""

    customer_id: str
    event: Recorded[DomainEvent]

    @property
    def position(self) -> int:
        return self.event.position


async def _customer(info: Info, *, customer_id: str, after: Any = None) -> AsyncGenerator[Message]:
    context = call(info)
    await require_events_of(context, customer_id)
    about = Selection(customer_id=customer_id)
    async with aclosing(following(context, about, _position(context, after))) as events:
        async for told in events:
            await require_events_of(context, customer_id)
            await reached(context, "customers", told.position)
            yield Message(told=told, value=OfCustomer(customer_id=customer_id, event=told.recorded))


async def _customer_then(root: Any, info: Info) -> Found | None:
    return await call(info).row("customers", (root.customer_id,), root.position)


# --- Rows that change -----------------------------------------------------------------------------


class RowChange(Record):
    """A row of a view that an event has changed."""

    event: Recorded[DomainEvent]
    change: Change

    @property
    def position(self) -> int:
        return self.event.position

    @property
    def cursor(self) -> str:
        return Place(position=self.position, key=self.change.key).text

    @property
    def matches(self) -> bool:
        return self.change.matches

    @property
    def row(self) -> Found | None:
        return self.change.after


class TierChange(RowChange):
    """A customer who was sorted into another tier."""

    @property
    def customer_id(self) -> str:
        return self.change.key

    @property
    def before(self) -> Tier:
        return self._tier(self.change.before)

    @property
    def tier(self) -> Tier:
        return self._tier(self.change.after)

    @property
    def moved(self) -> bool:
        return None not in (self.change.before, self.change.after) and self.before is not self.tier

    @staticmethod
    def _tier(found: Found | None) -> Tier:
        assert found is not None
        tier: Tier = found.row.tier  # type: ignore[attr-defined]  # of the view customer_values
        return tier


async def _changes(
    context: Call, view: str, where: Where, after: Place | None
) -> AsyncGenerator[tuple[Told, Change]]:
    """The rows that changed after a place, event by event, that met a condition before or after.

    Raises FORBIDDEN where the caller does not see the view, or not what the condition would tell.
    """
    context.standing = await context.reader.serving([view])
    require_unmasked(context.sight(view), where)
    names = Selection(names=followed(context.tenant.declarations[view]))
    begin = None if after is None else after.position - (after.key is not None)
    async with aclosing(following(context, names, begin)) as events:
        async for told in events:
            beyond = after.key if after and told.position == after.position else None
            while True:
                some, beyond = await _changed(context, view, where, told, beyond)
                for change in some:
                    await context.identify()
                    yield told, change
                if beyond is None:
                    break


async def _changed(
    context: Call, view: str, where: Where, told: Told, beyond: str | None
) -> tuple[list[Change], str | None]:
    """Some rows that an event changed, and the key to go on after; found once for all to whom it is told."""

    async def make() -> tuple[list[Change], str | None]:
        now = await reached(context, view, told.position)
        table, sight = await now.table(view, told.position), now.sight(view)
        require_unmasked(sight, where)
        return await changes(context.reader, table, told.recorded, sight, where, beyond=beyond, first=PAGE)

    return await told.once((view, repr(where), alike(context.caller), beyond), make)


async def _complaints(info: Info, *, filter: Any = None, after: Any = None) -> AsyncGenerator[Message]:
    context = call(info)
    declaration = context.tenant.declarations["complaints"]
    where = All(parts=tuple(filter_parts(declaration, given(filter))))
    async with aclosing(_changes(context, "complaints", where, _place(context, after))) as changed:
        async for told, change in changed:
            value = RowChange(event=told.recorded, change=change)
            yield Message(told=told, value=value, kind="complaints", key=change.key)


async def _tier_changes(info: Info, *, after: Any = None) -> AsyncGenerator[Message]:
    context = call(info)
    where, place = All(parts=()), _place(context, after)
    async with aclosing(_changes(context, "customer_values", where, place)) as changed:
        async for told, change in changed:
            value = TierChange(event=told.recorded, change=change)
            if value.moved:
                yield Message(told=told, value=value, kind="tiers", key=change.key)


# --- Types ----------------------------------------------------------------------------------------


def subscription(types: Mapping[str, ViewType]) -> type[Any]:
    """The root type, with what these views allow to follow."""
    after, place = (Argument(kind | None, BEGIN, strawberry.UNSET) for kind in (Int64, Place))
    some = Argument(EventFilter | None, "Which events.", strawberry.UNSET)
    told = stream(
        Event,
        _events,
        {"filter": some, "after": after},
        "Every event after a position: first those that are there, then those that come.",
    )
    fields = {"events": told}
    if "customers" in types:
        fields["customer"] = _customer_field(types, after)
    if "complaints" in types:
        fields["complaints"] = _complaints_field(types, place)
    if {"customers", "customer_values"} <= types.keys():
        fields["tier_changes"] = _tiers_field(types, place)
    return object_type(
        bare("Subscription"), fields, "What happens, as it happens; each message tells its position."
    )


def _described(words: str, name: str | None = None) -> Any:
    return strawberry.field(description=words, name=name)


_POSITION = (Int64, _described("Of the event, in the log."))
_EVENT = (Event, _described("What happened."))
_CURSOR = (str, _described("Give it as `after` to go on after this message."))


def _customer_field(types: Mapping[str, ViewType], after: Argument) -> tuple[Any, Any]:
    then = types["customers"].row | None
    message = object_type(
        bare("CustomerMessage"),
        {
            "position": (Int64, _described("Of the event, in the log; give it as `after` to go on.")),
            "event": _EVENT,
            "customer": (
                then,
                field(then, _customer_then, description="The customer's file right after it."),
            ),
        },
        "Something that happened with a customer, and how all that belongs to them stood right after it.",
    )
    whose = Argument(str, "Whom to follow.")
    return stream(
        message, _customer, {"customer_id": whose, "after": after}, "Every event about one customer."
    )


def _complaints_field(types: Mapping[str, ViewType], after: Argument) -> tuple[Any, Any]:
    kind = types["complaints"]
    message = object_type(
        bare("ComplaintMessage"),
        {
            "position": _POSITION,
            "cursor": _CURSOR,
            "event": _EVENT,
            "matches": (bool, _described("It meets the filter; false where it did so only before.")),
            "row": (kind.row | None, _described("The complaint right after the event.", "complaint")),
        },
        "A complaint that has changed.",
    )
    some = Argument(
        kind.filter | None,
        "Which complaints: those that meet it after the change, or before it.",
        strawberry.UNSET,
    )
    return stream(
        message, _complaints, {"filter": some, "after": after},
        "Every change of a complaint, by what happened with it, or by a business day's end.",
    )  # fmt: skip


def _tiers_field(types: Mapping[str, ViewType], after: Argument) -> tuple[Any, Any]:
    then, tier = types["customers"].row | None, enum(Tier)
    message = object_type(
        bare("TierMessage"),
        {
            "position": _POSITION,
            "cursor": _CURSOR,
            "event": _EVENT,
            "customer_id": (str, _described("Who moved.")),
            "before": (tier, _described("The tier in which the customer was.")),
            "tier": (tier, _described("The tier in which the customer is now.")),
            "row": (types["customer_values"].row | None, _described("The valuation that says so.", "value")),
            "customer": (then, field(then, _customer_then, description="The customer's file.")),
        },
        "A customer who was sorted into another tier at a business day's end.",
    )
    return stream(
        message, _tier_changes, {"after": after},
        "Every customer who moves from one tier to another. A first valuation is no move.",
    )  # fmt: skip
