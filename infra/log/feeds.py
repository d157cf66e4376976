"""Feeds: a process reads the log's growth once, for all who follow it, however many they are."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from domain.erasure import PersonalDataErased
from domain.events import Event, Recorded, scrubbed
from infra.archive.files import Row
from infra.log.followers import POLL, Wakeups, while_reachable, within
from infra.log.group_commit import Closed
from infra.log.log import Log
from infra.log.reading import CUSTOMER, NAME, NAMES, POSITION, STREAM, Selection

KEPT = 10_000
"""The latest events that anybody follows wait in memory; who falls further behind is ended."""
SHARED = 500
"""The latest of them for which it is kept, too, what has been made of them."""
REPLAYED = 200
"""Events that are handed over together at most, and read together for one who comes from further back."""
READ = 1_000
"""Events of the whole log that are read together."""
BEAT = 5.0
"""Seconds after which a follower hears that nothing has happened."""

T = TypeVar("T")


class TooSlow(Exception):
    """A follower did not keep up with what it follows; it may go on after this position."""

    def __init__(self, after: int) -> None:
        super().__init__(f"you take events more slowly than they come; go on after {after}")
        self.after = after


class Told:
    """An event, and what has been made of it for those to whom the same is told."""

    def __init__(self, recorded: Recorded[Event]) -> None:
        self.recorded = recorded
        self._made: dict[Hashable, asyncio.Task[Any]] | None = {}
        self.feeds: Sequence[Feed] = ()
        """Where it waits."""

    @property
    def position(self) -> int:
        return self.recorded.position

    async def once(self, what: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` makes, made once; who asks for the same meanwhile waits for it."""
        return await (make() if self._made is None else _together(self._made, what, make))

    def forget(self) -> None:
        """Keep nothing that was made of it: who comes late makes their own."""
        self._made = None

    def scrub(self) -> None:
        """Forget what is personal in it."""
        self.recorded = msgspec.structs.replace(self.recorded, event=scrubbed(self.recorded.event))
        self.forget()


class Feed:
    """The latest events of one selection, as they come."""

    def __init__(self, wanted: Selection, since: int) -> None:
        self.since = since
        """All wanted events after this position are kept here, as far as the log has been read."""
        self.grown = asyncio.Event()
        """Set when there is more: take it before you look."""
        self.followers = 0
        self.failed: Exception | None = None
        self._kept: deque[Told] = deque()
        self._names = None if wanted.names is None else frozenset(wanted.names)
        columns = ("stream", "customer_id", "actor", "command_id", "correlation_id")
        given = {column: getattr(wanted, column) for column in columns}
        self._tests = [(NAMES.index(column), v) for column, v in given.items() if v is not None]

    def wants(self, row: Row) -> bool:
        return (self._names is None or row[NAME] in self._names) and all(
            row[place] == value for place, value in self._tests
        )

    def add(self, told: Told) -> None:
        self._kept.append(told)

    def drop_first(self) -> None:
        self.since = self._kept.popleft().position

    def wake(self) -> None:
        self.grown.set()
        self.grown = asyncio.Event()

    def after(self, position: int) -> Sequence[Told]:
        """The next events, a few of them."""
        newer: deque[Told] = deque(maxlen=REPLAYED)  # only those nearest to the position stay
        for told in reversed(self._kept):
            if told.position <= position:
                break
            newer.appendleft(told)
        return newer


class Feeds:
    """All feeds of one log in this process. While there are any, one reader follows the log for them."""

    def __init__(self, log: Log, wakeups: Wakeups) -> None:
        self._log, self._wakeups = log, wakeups
        self._feeds: dict[Hashable, Feed] = {}
        self._of_customers: dict[str, set[Feed]] = defaultdict(set)
        self._of_streams: dict[str, set[Feed]] = defaultdict(set)
        self._of_all: set[Feed] = set()
        self._kept: deque[Told] = deque()
        self._shared: deque[Told] = deque()
        self._position = 0
        """Up to where the log has been handed out."""
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._closed = False
        self._replays: dict[Hashable, asyncio.Task[tuple[Sequence[Told], int]]] = {}

    @property
    def distinct(self) -> int:
        """How many feeds there are."""
        return len(self._feeds)

    @property
    def followers(self) -> int:
        return sum(feed.followers for feed in self._feeds.values())

    async def close(self) -> None:
        """End all followers; who comes later hears it at once."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        self._fail(_closing())

    async def follow(self, wanted: Selection, after: int) -> AsyncGenerator[tuple[Sequence[Told], int]]:
        """The wanted events after a position, for ever, some at a time: those there are, then those to come.

        With them comes the position up to which there are no others. After `BEAT` seconds without any, none
        are told. Equal followers share what is read. Raises `TooSlow` where one that has caught up falls
        behind again by more than what is kept. `wanted` may name no tags, no category and no end.
        """
        after = max(after, (wanted.since or 1) - 1)
        wanted = msgspec.structs.replace(wanted, since=None)
        feed, caught_up = await self._joined(wanted), False
        try:
            while feed.failed is None:
                if after < feed.since:
                    if caught_up:
                        raise TooSlow(after)
                    events, after = await self._replayed(wanted, after, feed.since)
                    if events:
                        yield events, after
                    continue
                caught_up, grown, read_to = True, feed.grown, self._position
                if events := feed.after(after):
                    after = events[-1].position
                    yield events, after
                    continue
                after = max(after, read_to)
                if not await within(BEAT, grown):
                    yield (), after
            raise feed.failed
        finally:
            self._left(wanted, feed)

    # --- Who follows what -----------------------------------------------------------------------

    async def _joined(self, wanted: Selection) -> Feed:
        """The feed of these events, with one more follower."""
        assert not wanted.tags
        assert (wanted.category, wanted.until) == (None, None)
        async with self._starting:
            if self._reader is None:
                self._position = await self._log.head()
            if self._closed:
                raise _closing()
            if self._reader is None:
                self._reader = asyncio.create_task(self._read(), name="feeds")
        key = msgspec.json.encode(wanted)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = Feed(wanted, self._position)
            self._place(wanted).add(feed)
        feed.followers += 1
        return feed

    def _left(self, wanted: Selection, feed: Feed) -> None:
        feed.followers -= 1
        if feed.followers or feed.failed:
            return
        del self._feeds[msgspec.json.encode(wanted)]
        self._place(wanted).discard(feed)
        for places, value in ((self._of_customers, wanted.customer_id), (self._of_streams, wanted.stream)):
            if value is not None and not places[value]:
                del places[value]
        if not self._feeds and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _place(self, wanted: Selection) -> set[Feed]:
        """Where feeds are found by what their events have in common."""
        if wanted.customer_id is not None:
            return self._of_customers[wanted.customer_id]
        return self._of_all if wanted.stream is None else self._of_streams[wanted.stream]

    # --- Reading ----------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Follow the whole log, and hand each event to the feeds that want it."""
        try:
            while True:
                grown = self._wakeups.grown
                rows, events = list[Row](), list[Recorded[Event]]()
                with while_reachable():
                    page = await self._log.read_rows(self._position, limit=READ)
                    rows, events = [*page], await self._log.recorded(page)
                if events:
                    self._hand_out(rows, events)
                else:
                    await within(POLL, grown)
        except Exception as error:
            if self._reader is asyncio.current_task():
                self._fail(error)

    def _fail(self, failed: Exception) -> None:
        """End all followers: who comes next begins anew."""
        for feed in self._feeds.values():
            feed.failed = failed
            feed.wake()
        for feeds in (self._feeds, self._of_customers, self._of_streams, self._of_all):
            feeds.clear()
        self._kept.clear()
        self._shared.clear()
        self._reader = None

    def _hand_out(self, rows: Sequence[Row], events: Sequence[Recorded[Event]]) -> None:
        """Without a pause in it, so that whoever joins meanwhile gets all of the rows or none."""
        more: set[Feed] = set()
        for row, recorded in zip(rows, events, strict=True):
            feeds = [feed for feed in self._candidates(row) if feed.wants(row)]
            if feeds:
                self._keep(Told(recorded), feeds)
                more.update(feeds)
            if row[NAME] == PersonalDataErased.TOPIC:
                for told in self._kept:
                    if told.recorded.customer_id == row[CUSTOMER]:
                        told.scrub()
        self._position = rows[-1][POSITION]
        for feed in more:
            feed.wake()

    def _candidates(self, row: Row) -> Iterable[Feed]:
        yield from self._of_all
        yield from self._of_customers.get(row[CUSTOMER], ())
        yield from self._of_streams.get(row[STREAM], ())

    def _keep(self, told: Told, feeds: Sequence[Feed]) -> None:
        told.feeds = feeds
        for feed in feeds:
            feed.add(told)
        self._kept.append(told)
        self._shared.append(told)
        if len(self._shared) > SHARED:
            self._shared.popleft().forget()
        if len(self._kept) > KEPT:
            for feed in self._kept.popleft().feeds:
                feed.drop_first()

    async def _replayed(self, wanted: Selection, after: int, until: int) -> tuple[Sequence[Told], int]:
        """Some events of the past, and how far that is; who asks for the same meanwhile waits for it."""

        async def look() -> tuple[Sequence[Told], int]:
            rows, position = await self._log.look_at_rows(wanted, after=after, head=until, limit=REPLAYED)
            return [Told(recorded) for recorded in await self._log.recorded(rows)], position

        key = msgspec.json.encode(wanted), after, until
        try:
            return await _together(self._replays, key, look)
        finally:
            self._replays.pop(key, None)


def _closing() -> Closed:
    return Closed("the server is closing; go on elsewhere, after the last position")


async def _together(
    tasks: dict[Hashable, asyncio.Task[T]], key: Hashable, make: Callable[[], Awaitable[T]]
) -> T:
    """What the task of that key makes, which is begun by whoever asks first, and again where it failed."""
    task = tasks.get(key)
    if task is None or (task.done() and (task.cancelled() or task.exception())):
        task = tasks[key] = asyncio.create_task(_awaited(make))
        task.add_done_callback(_heard)
    return await asyncio.shield(task)


async def _awaited(make: Callable[[], Awaitable[T]]) -> T:
    return await make()


def _heard(task: asyncio.Task[Any]) -> None:
    """Those who wait hear of a failure; where all of them have left, nobody has to."""
    if not task.cancelled():
        task.exception()
