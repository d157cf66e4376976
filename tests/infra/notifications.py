"""What a subscriber of the `eventsourcing` library has seen, judged against what was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
from eventsourcing.persistence import ApplicationRecorder, StoredEvent

HELD = 7
"""The advisory lock that a transaction with a `slow` event waits for before it commits."""


def faults(seen: Sequence[int], recorded: Sequence[int]) -> list[str]:
    """What is wrong with the notification ids that a subscriber saw."""
    found = [f"{id} was lost" for id in recorded if id not in set(seen)]
    found += [f"{id} was seen {count} times" for id, count in Counter(seen).items() if count > 1]
    found += [f"{id} was never recorded" for id in seen if id not in set(recorded)]
    if list(seen) != sorted(seen):
        found.append(f"seen out of order: {seen}")
    return found


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
