"""Concurrent callers of the persistence module: one winner, one effect, shared transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.persistence import IntegrityError, Tracking

from tests.infra.factories import Open, factories
from tests.infra.notifications import event


@pytest.fixture
def opened(database: str) -> Iterator[Open]:
    with factories(database) as open_factory:
        yield open_factory


@pytest.fixture
def surgeon(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def refusals(attempts: Sequence[Future[object]]) -> int:
    """How many attempts were refused as recorded already; any other failure is raised."""
    count = 0
    for attempt in attempts:
        error = attempt.exception()
        if error is not None and not isinstance(error, IntegrityError):
            raise error
        count += error is not None
    return count


def test_concurrent_saves_share_transactions(opened: Open, surgeon: psycopg.Connection) -> None:
    recorder = opened().application_recorder()
    with ThreadPoolExecutor(32) as threads:
        saved = list(threads.map(lambda _: recorder.insert_events([event("saved")]), range(320)))
    assert sorted(id for ids in saved for id in ids or ()) == list(range(1, 321))
    (transactions,) = surgeon.execute("SELECT count(DISTINCT xmin::text) FROM kehu.events").fetchone() or ()
    assert transactions < 320


def test_a_save_happens_once_though_its_connection_is_lost(opened: Open, surgeon: psycopg.Connection) -> None:
    recorder = opened().application_recorder()
    with ThreadPoolExecutor(8) as threads:
        saves = [threads.submit(recorder.insert_events, [event("saved")]) for _ in range(400)]
        for killed in range(20):
            for save in saves[: killed * 10]:
                save.result()
            surgeon.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%append_if%'"
            )
    assert sorted(id for save in saves for id in save.result() or ()) == list(range(1, 401))
    assert recorder.max_notification_id() == 400


def test_one_of_many_that_process_the_same_notification_wins(opened: Open) -> None:
    recorders = [opened("Billing").process_recorder() for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        for id in range(1, 21):
            attempts: list[Future[object]] = [
                threads.submit(recorder.insert_events, [event("billed")], tracking=Tracking("Shop", id))
                for recorder in recorders * 2
            ]
            assert refusals(attempts) == 7
    assert recorders[0].max_notification_id() == recorders[0].max_tracking_id("Shop") == 20


def test_tracking_alone_and_with_events_exclude_each_other(opened: Open) -> None:
    process = opened("Billing").process_recorder()
    follower = opened("Billing").tracking_recorder()
    with ThreadPoolExecutor(8) as threads:
        for id in range(1, 21):
            attempts: list[Future[object]] = []
            for _ in range(4):
                attempts.append(threads.submit(follower.insert_tracking, Tracking("Shop", id)))
                attempts.append(
                    threads.submit(process.insert_events, [event("billed")], tracking=Tracking("Shop", id))
                )
            assert refusals(attempts) == 7
    assert (process.max_notification_id() or 0) <= 20
    assert process.max_tracking_id("Shop") == 20


def test_a_refusal_leaves_its_neighbours_in_the_same_transaction(opened: Open) -> None:
    recorder = opened().application_recorder()
    (taken,) = [event("first")]
    recorder.insert_events([taken])
    with ThreadPoolExecutor(32) as threads:
        attempts: list[Future[object]] = [
            threads.submit(recorder.insert_events, [taken if n % 2 else event("other")]) for n in range(64)
        ]
        assert refusals(attempts) == 32
    assert recorder.max_notification_id() == 33


@pytest.mark.parametrize(
    "item",
    [
        DCBQueryItem(tags=["seat"]),
        DCBQueryItem(tags=["seat", "row"]),
        DCBQueryItem(types=["Other", "Taken"]),
        DCBQueryItem(types=["Taken"], tags=["row"]),
        DCBQueryItem(),
    ],
)
def test_one_of_many_that_decide_on_the_same_events_wins(opened: Open, item: DCBQueryItem) -> None:
    recorders = [opened("Theatre").dcb_recorder() for _ in range(3)]
    taken, position = [DCBEvent("Taken", b"", ["row", "seat", "row"])], 0
    with ThreadPoolExecutor(9) as threads:
        for _ in range(10):
            condition = DCBAppendCondition(DCBQuery([item]), after=position)
            attempts: list[Future[object]] = [
                threads.submit(recorder.append, taken, condition) for recorder in recorders * 3
            ]
            assert refusals(attempts) == 8
            position += 1
    (first, *rest) = recorders[0].read(DCBQuery([item]))
    assert first.event == DCBEvent("Taken", b"", ["row", "seat"])
    assert [event.position for event in rest] == list(range(2, 11))


def test_decisions_on_other_events_do_not_exclude_each_other(opened: Open) -> None:
    recorder = opened("Theatre").dcb_recorder()
    with ThreadPoolExecutor(32) as threads:
        attempts: list[Future[object]] = [
            threads.submit(
                recorder.append,
                [DCBEvent("Taken", b"", [f"seat {n}", "row"])],
                DCBAppendCondition(DCBQuery([DCBQueryItem(tags=["row", f"seat {n}"])])),
            )
            for n in range(64)
        ]
        assert refusals(attempts) == 0
    assert recorder.read().head == 64
