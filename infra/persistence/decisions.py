"""The library's recorder for dynamic consistency boundaries: events that are found by type and tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBQueryItem,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
)
from eventsourcing.dcb.persistence import DCBListenNotifySubscription
from eventsourcing.persistence import ProgrammingError

from infra.log.appending import json_of
from infra.log.reading import PAGE
from infra.log.units import NewEvent
from infra.persistence.datastore import Datastore
from infra.persistence.recorders import LAST, command, text
from infra.persistence.writes import NoMatch, Write, texts_of

ALL = [DCBQueryItem()]
READ = """
    SELECT e.position, e.name, e.data, t.tags
      FROM (SELECT DISTINCT m.position
              FROM unnest($3::text[], $4::text[]) AS q(names, tags)
             CROSS JOIN LATERAL kehu.matching(
                   $1, $2, ARRAY(SELECT jsonb_array_elements_text(q.names::jsonb)),
                   ARRAY(SELECT jsonb_array_elements_text(q.tags::jsonb)), $5, $6, $7) AS m(position)
             ORDER BY m.position LIMIT $7) found
     CROSS JOIN LATERAL (
           SELECT * FROM kehu.events WHERE tenant = $1 AND position = found.position LIMIT 1) e
     CROSS JOIN LATERAL (
           SELECT tags FROM kehu.tagged
            WHERE tenant = $1 AND application = $2 AND position = found.position LIMIT 1) t
     ORDER BY e.position
"""


class KehuDCBRecorder(DCBRecorder):
    """The tagged events of one application."""

    def __init__(self, datastore: Datastore, *, application: str) -> None:
        self.datastore, self.application = datastore, application

    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:
        """Record events together; the position of the last.

        Raises `IntegrityError` where an event is there that the condition excludes.
        """
        if not events:
            raise ProgrammingError("there is no event to append")
        command_id, now = uuid4().hex, datetime.now(UTC)
        new = [
            NewEvent(
                stream=f"{self.application}.decisions-{command_id}",
                version=version,
                name=text(event.type),
                schema=1,
                data=event.data,
                tags=tuple(dict.fromkeys(map(self._tag, event.tags))),
                occurred_at=now,
                command_id=command_id,
                actor=self.application,
            )
            for version, event in enumerate(events, start=1)
        ]
        write = Write(
            commands=[command(command_id, new)],
            events=new,
            expected={},
            no_match=[] if condition is None else self._no_match(condition),
            application=self.application,
        )
        return self.datastore.append(write).position

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        """The matching events up to now, read page by page as they are asked for."""
        if limit is not None:
            events = self._page(query, after or 0, LAST, limit)
            return KehuDCBReadResponse(iter(events), events[-1].position if events else None)
        head = self._head()
        return KehuDCBReadResponse(self._pages(query, after or 0, head or 0), head)

    def subscribe(self, query: DCBQuery | None = None, *, after: int | None = None) -> KehuDCBSubscription:
        return KehuDCBSubscription(self, query=query, after=after)

    def _tag(self, tag: str) -> str:
        return f"{self.application}/{text(tag)}"

    def _no_match(self, condition: DCBAppendCondition) -> list[NoMatch]:
        return [
            NoMatch(
                application=self.application,
                names=[text(name) for name in item.types],
                tags=[self._tag(tag) for tag in item.tags],
                after=condition.after or 0,
            )
            for item in condition.fail_if_events_match.items or ALL
        ]

    def _head(self) -> int | None:
        rows = self.datastore.read(
            "SELECT max(position) FROM kehu.tagged WHERE tenant = $1 AND application = $2", self.application
        )
        head: int | None = rows[0][0]
        return head

    def _pages(self, query: DCBQuery | None, after: int, until: int) -> Iterator[DCBSequencedEvent]:
        while after < until:
            events = self._page(query, after, until, PAGE)
            yield from events
            if len(events) < PAGE:
                return
            after = events[-1].position

    def _page(self, query: DCBQuery | None, after: int, until: int, limit: int) -> list[DCBSequencedEvent]:
        items = (query.items if query else None) or ALL
        rows = self.datastore.read(
            READ,
            self.application,
            [json_of(item.types) for item in items],
            [json_of([self._tag(tag) for tag in item.tags]) for item in items],
            after,
            until,
            limit,
        )
        return [self._event(row) for row in rows]

    def _event(self, row: asyncpg.Record) -> DCBSequencedEvent:
        tags = [tag.removeprefix(f"{self.application}/") for tag in texts_of(row["tags"])]
        return DCBSequencedEvent(
            event=DCBEvent(type=row["name"], data=row["data"], tags=tags), position=row["position"]
        )


class KehuDCBReadResponse(DCBReadResponse):
    """The events, and the position up to which they are all that match."""

    def __init__(self, events: Iterator[DCBSequencedEvent], head: int | None) -> None:
        self._events, self._head = events, head

    @property
    def head(self) -> int | None:
        return self._head

    def __next__(self) -> DCBSequencedEvent:
        return next(self._events)


class KehuDCBSubscription(DCBListenNotifySubscription[KehuDCBRecorder]):
    """Every matching event after a position, once, in order, as it is recorded by whichever process."""

    _waking: Future[None] | None = None

    def __init__(
        self, recorder: KehuDCBRecorder, query: DCBQuery | None = None, after: int | None = None
    ) -> None:
        super().__init__(recorder, query=query, after=after)
        self._waking = recorder.datastore.wake(self._has_been_notified)
        if self._has_been_stopped:
            self._waking.cancel()

    def stop(self) -> None:
        super().stop()
        if self._waking is not None:
            self._waking.cancel()
