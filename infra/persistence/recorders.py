"""The library's recorders on Kehu's log: aggregates, notifications, subscriptions and tracking."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    DataError,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)

from infra.database import Connection
from infra.log.units import NewCommand, NewEvent
from infra.persistence.datastore import Datastore, Work
from infra.persistence.writes import Move, Run, Write

T = TypeVar("T")

VERSIONS = range(-(2**31), 2**31)
"""What the log can hold as an event's version in its stream."""
LAST = 2**62
"""A position that no log reaches."""


class KehuAggregateRecorder(AggregateRecorder):
    """Events of one purpose of one application, each aggregate a stream `application.purpose-id`."""

    def __init__(
        self,
        datastore: Datastore,
        *,
        application: str,
        purpose: str = "events",
        id_type: type[UUID] | type[str] = UUID,
    ) -> None:
        self.datastore, self.application, self._id_type = datastore, application, id_type
        self.category = f"{application}.{purpose}-"

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Record events, all or none. Raises `IntegrityError` where a version of an aggregate is there."""
        self._insert(stored_events)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        rows = self.datastore.read(
            "SELECT version, name, data FROM kehu.events WHERE tenant = $1 AND stream = $2"
            " AND version > $3::bigint AND version <= $4::bigint"
            f" ORDER BY version {'DESC' if desc else 'ASC'} LIMIT $5",
            self._stream(originator_id),
            VERSIONS.start - 1 if gt is None else gt,
            VERSIONS.stop if lte is None else lte,
            limit,
        )
        return [StoredEvent(originator_id, *row) for row in rows]

    def _stream(self, originator_id: UUID | str) -> str:
        if not isinstance(originator_id, self._id_type):
            raise DataError(
                f"{originator_id!r} is not of type {self._id_type.__name__}: see ORIGINATOR_ID_TYPE"
            )
        return self.category + text(str(originator_id))

    def _insert(self, stored_events: Sequence[StoredEvent], move: Move | None = None) -> list[int]:
        """Record events; their positions in the log."""
        if not stored_events:
            return []
        streams = [self._stream(event.originator_id) for event in stored_events]
        command_id, now = uuid4().hex, datetime.now(UTC)
        events = [
            NewEvent(
                stream=stream,
                version=_version(event.originator_version),
                name=text(event.topic),
                schema=1,
                data=event.state,
                occurred_at=now,
                command_id=command_id,
                actor=self.application,
            )
            for stream, event in zip(streams, stored_events, strict=True)
        ]
        last = self.datastore.append(
            Write(
                commands=[command(command_id, events)],
                events=events,
                expected={},
                runs=_runs(events),
                move=move,
            )
        ).position
        return list(range(last - len(events) + 1, last + 1))


def text(value: str) -> str:
    """The text, if PostgreSQL can hold it: what one caller gets wrong must not hold up the others."""
    if "\0" in value or value.encode(errors="replace") != value.encode(errors="surrogatepass"):
        raise DataError(f"{value!r} cannot be stored as text")
    return value


def _version(version: int) -> int:
    if version not in VERSIONS:
        raise DataError(f"the version {version} is out of range")
    return version


def command(command_id: str, events: Sequence[NewEvent]) -> NewCommand:
    """What makes a write that is sent twice happen once."""
    last = events[-1]
    return NewCommand(
        command_id=command_id, fingerprint=b"", stream=last.stream, version=last.version, events=len(events)
    )


def _runs(events: Sequence[NewEvent]) -> list[Run]:
    """The versions that the events take. Raises `IntegrityError` where two are the same."""
    runs: list[list[Any]] = []
    for stream, version in sorted((event.stream, event.version) for event in events):
        if runs and runs[-1][0] == stream and version <= runs[-1][2] + 1:
            if version == runs[-1][2]:
                raise IntegrityError(f"version {version} of {stream} is written twice")
            runs[-1][2] = version
        else:
            runs.append([stream, version, version])
    return [Run(stream=stream, first=first, last=last) for stream, first, last in runs]


class KehuApplicationRecorder(KehuAggregateRecorder, ApplicationRecorder):
    """As before, with the positions in the log as notification ids: in commit order, none comes later."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        return self._insert(stored_events)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        rows = self.datastore.read(
            "SELECT * FROM kehu.notifications($1, $2, $3, $4, $5, $6)",
            self.category,
            list(topics) or None,
            after,
            LAST if stop is None else stop,
            limit,
        )
        return [Notification(self._id_type(id), *rest) for id, *rest in rows]

    def max_notification_id(self) -> int | None:
        rows = self.datastore.read(
            "SELECT position FROM kehu.events WHERE tenant = $1 AND left(stream, length($2)) = $2"
            " ORDER BY position DESC LIMIT 1",
            self.category,
        )
        return rows[0]["position"] if rows else None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> KehuSubscription:
        return KehuSubscription(self, gt=gt, topics=topics)


class KehuSubscription(ListenNotifySubscription[KehuApplicationRecorder]):
    """Every notification after a position, once, in order, as it is recorded by whichever process."""

    _waking: Future[None] | None = None

    def __init__(
        self, recorder: KehuApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt=gt, topics=topics)
        self._waking = recorder.datastore.wake(self._has_been_notified)
        if self._has_been_stopped:
            self._waking.cancel()

    def stop(self) -> None:
        super().stop()
        if self._waking is not None:
            self._waking.cancel()


class KehuTrackingRecorder(TrackingRecorder):
    """How far a follower has come in other applications; subclasses keep tables of their own with it."""

    def __init__(self, datastore: Datastore, *, follower: str) -> None:
        self.datastore, self._follower = datastore, text(follower)

    def insert_tracking(self, tracking: Tracking) -> None:
        self.track(tracking)

    def track(self, tracking: Tracking, work: Work[Any] | None = None) -> None:
        """Move on to a notification and do the work, in one transaction, if it was not done before.

        Raises `IntegrityError` where the follower has come as far already.
        """

        async def moved(connection: Connection) -> None:
            status = await connection.execute(
                "INSERT INTO kehu.tracking AS t VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (tenant, follower, application) DO UPDATE SET position = excluded.position"
                " WHERE t.position < excluded.position",
                self.datastore.tenant,
                self._follower,
                text(tracking.application_name),
                tracking.notification_id,
            )
            if status != "INSERT 0 1":
                raise IntegrityError(f"recorded already: {self._follower} follows {tracking}")
            if work is not None:
                await work(connection)

        self.transact(moved)

    def transact(self, work: Work[T]) -> T:
        """Do the work on a connection, in a transaction of its own; for tables of a subclass."""
        return self.datastore.transact(work)

    def max_tracking_id(self, application_name: str) -> int | None:
        rows = self.datastore.read(
            "SELECT position FROM kehu.tracking WHERE tenant = $1 AND follower = $2 AND application = $3",
            self._follower,
            application_name,
        )
        return rows[0]["position"] if rows else None


class KehuProcessRecorder(KehuTrackingRecorder, KehuApplicationRecorder, ProcessRecorder):
    """Records what an application has made of a notification together with how far it has come."""

    def __init__(
        self, datastore: Datastore, *, application: str, id_type: type[UUID] | type[str] = UUID
    ) -> None:
        KehuApplicationRecorder.__init__(self, datastore, application=application, id_type=id_type)
        KehuTrackingRecorder.__init__(self, datastore, follower=application)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """As before, with `tracking`: both are recorded, once, or neither."""
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return self._insert(stored_events)
        if not stored_events:
            self.insert_tracking(tracking)
            return []
        move = Move(
            follower=self._follower,
            application=text(tracking.application_name),
            position=tracking.notification_id,
        )
        return self._insert(stored_events, move)
