"""What a subscriber of the `eventsourcing` library has seen, judged against what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

import psycopg
from eventsourcing.persistence import ApplicationRecorder, StoredEvent

from tests.infra.history import Oracle, Trail

HELD = 7
"""The advisory lock that a transaction with a `slow` event waits for before it commits."""


class Noted(NamedTuple):
    """A notification, as the oracle of the log asks about events."""

    position: int
    stream: str
    command_id: str
    version: int = 1
    recorded_at: datetime | None = None


def faults(seen: Iterable[int], recorded: Iterable[int]) -> list[str]:
    """What the oracle of the log finds wrong with notification ids, and with those that a subscriber saw."""
    oracle, trail = Oracle(), Trail()
    oracle.see([Noted(id, str(id), str(id)) for id in recorded])
    trail.see([Noted(id, str(id), str(id)) for id in seen])
    oracle.followed(trail)
    return oracle.verdict


def event(topic: str) -> StoredEvent:
    return StoredEvent(uuid4(), 1, topic, b"{}")


def hold_slow_commits(database: psycopg.Connection, table: str, topic: str) -> None:
    """From now on, whoever has inserted a `slow` event waits for `HELD` at its commit."""
    database.execute(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS"
        f" 'BEGIN PERFORM pg_advisory_xact_lock({HELD}); RETURN NULL; END'"
    )
    database.execute(
        f"CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
        f" FOR EACH ROW WHEN (NEW.{topic} = 'slow') EXECUTE FUNCTION hold()"
    )


def overtake(recorder: Callable[[], ApplicationRecorder], database: psycopg.Connection) -> list[str]:
    """Have one writer's commit take long while another one writes, and a subscriber follow: its faults."""
    slow, fast, reader = recorder(), recorder(), recorder()
    with ThreadPoolExecutor() as threads, reader.subscribe() as subscription:
        slow.insert_events([event("first")])
        seen = [next(subscription).id]
        database.execute(f"SELECT pg_advisory_lock({HELD})")
        held = threads.submit(slow.insert_events, [event("slow")])
        while _waiting(database) < 1:
            pass
        overtaking = threads.submit(fast.insert_events, [event("fast")])
        while not overtaking.done() and _waiting(database) < 2:
            pass
        if overtaking.done():
            seen.append(next(subscription).id)
        database.execute(f"SELECT pg_advisory_unlock({HELD})")
        for written in (held, overtaking):
            written.result()
        (last,) = fast.insert_events([event("last")]) or ()
        while seen[-1] < last:
            seen.append(next(subscription).id)
    return faults(seen, [n.id for n in reader.select_notifications(None, 100)])


def _waiting(database: psycopg.Connection) -> int:
    """How many sessions wait for a lock."""
    row = database.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    assert row is not None
    return int(row[0])
