"""What the persistence module promises beyond the library's own test cases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    DataError,
    InfrastructureFactoryError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.utils import Environment

from kehu.persistence import Factory
from tests.infra.notifications import event

PROJECT = Path(__file__).parents[2]

Open = Callable[..., Factory]


@pytest.fixture
def opened(database: str) -> Iterator[Open]:
    """Opens an application's factory, each with connections of its own, as a process would."""
    with ExitStack() as stack:

        def open_factory(name: str = "Shop", **variables: str) -> Factory:
            factory = Factory(Environment(name, {"KEHU_DATABASE_URL": database} | variables))
            stack.callback(factory.close)
            return factory

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


def test_events_are_stored_as_they_come(opened: Open, surgeon: psycopg.Connection) -> None:
    id = uuid4()
    opened().application_recorder().insert_events(
        [StoredEvent(id, 1, "shop:Opened", b"\x00\xff"), StoredEvent(id, 2, "shop:Renamed", b"{}")]
    )
    rows = surgeon.execute(
        "SELECT tenant, position, stream, version, name, data, actor FROM kehu.events ORDER BY position"
    ).fetchall()
    assert rows == [
        ("Shop", 1, f"Shop.events-{id}", 1, "shop:Opened", b"\x00\xff", "Shop"),
        ("Shop", 2, f"Shop.events-{id}", 2, "shop:Renamed", b"{}", "Shop"),
    ]
    (increasing,) = (
        surgeon.execute("SELECT min(recorded_at) < max(recorded_at) FROM kehu.events").fetchone() or ()
    )
    assert increasing


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


def test_many_decisions_are_read_page_by_page(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.persistence.decisions.PAGE", 3)
    recorder = opened("Theatre").dcb_recorder()
    recorder.append([DCBEvent(f"Type {n % 2}", b"") for n in range(14)])
    everything, odd = recorder.read(), recorder.read(DCBQuery([DCBQueryItem(types=["Type 1"])]), after=2)
    recorder.append([DCBEvent("Type 1", b"")])
    assert [event.position for event in everything] == list(range(1, 15))
    assert [event.position for event in odd] == [4, 6, 8, 10, 12, 14]
    assert everything.head == odd.head == 14
    with pytest.raises(ProgrammingError):
        recorder.append([])


def test_applications_have_logs_of_their_own(opened: Open) -> None:
    shop, billing = opened("Shop").application_recorder(), opened("Billing").application_recorder()
    assert shop.insert_events([event("a"), event("b")]) == [1, 2]
    assert billing.insert_events([event("c")]) == [1]
    assert [n.topic for n in billing.select_notifications(None, 10)] == ["c"]


def test_applications_that_share_a_tenant_share_its_positions_only(opened: Open) -> None:
    shop, billing = opened("Shop", KEHU_TENANT="main"), opened("Billing", BILLING_KEHU_TENANT="main")
    assert shop.application_recorder().insert_events([event("a")]) == [1]
    assert billing.application_recorder().insert_events([event("b")]) == [2]
    assert shop.dcb_recorder().append([DCBEvent("c", b"", ["x"])]) == 3
    assert billing.dcb_recorder().append([DCBEvent("d", b"", ["x"])], DCBAppendCondition()) == 4
    assert shop.application_recorder().max_notification_id() == 1
    assert [n.id for n in billing.application_recorder().select_notifications(1, 10)] == [2]
    tagged = DCBQuery([DCBQueryItem(tags=["x"])])
    assert [found.position for found in shop.dcb_recorder().read(tagged)] == [3]
    shop.tracking_recorder().insert_tracking(Tracking("Billing", 2))
    assert billing.tracking_recorder().max_tracking_id("Billing") is None


def test_snapshots_come_in_any_order_and_are_no_notifications(database: str) -> None:
    class Books(Application[UUID]):
        is_snapshotting_enabled = True

    class Book(Aggregate):
        pass

    env = {"PERSISTENCE_MODULE": "kehu.persistence", "KEHU_DATABASE_URL": database}
    with Books(env=env) as books:
        book = Book()
        for _ in range(3):
            book.trigger_event(Aggregate.Event)
        books.save(book)
        books.take_snapshot(book.id)
        books.take_snapshot(book.id, version=2)
        with pytest.raises(IntegrityError):
            books.take_snapshot(book.id, version=2)
        assert books.snapshots is not None
        assert [s.originator_version for s in books.snapshots.get(book.id, desc=True)] == [4, 2]
        copy: Book = books.repository.get(book.id)
        assert copy.version == 4
        assert [n.id for n in books.recorder.select_notifications(None, 10)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "wrong",
    [
        StoredEvent(uuid4(), 1, "a\0b", b""),
        StoredEvent(uuid4(), 1, "\ud800", b""),
        StoredEvent(uuid4(), 2**31, "topic", b""),
        StoredEvent("text", 1, "topic", b""),
        StoredEvent(uuid4(), 1, "topic", "text"),  # type: ignore[arg-type]  # what a bad transcoder gives
    ],
)
def test_what_cannot_be_stored_is_refused_at_once(opened: Open, wrong: StoredEvent) -> None:
    recorder = opened().application_recorder()
    with ThreadPoolExecutor(8) as threads:
        saves = [threads.submit(recorder.insert_events, [event("saved")]) for _ in range(16)]
        with pytest.raises(DataError):
            recorder.insert_events([wrong])
        assert sorted(id for save in saves for id in save.result() or ()) == list(range(1, 17))


def test_a_tenant_whose_views_kehu_keeps_is_refused(opened: Open, surgeon: psycopg.Connection) -> None:
    surgeon.execute("INSERT INTO kehu.builds VALUES ('main', 'orders', 1, '', 0, true)")
    with pytest.raises(InfrastructureFactoryError, match="has views"):
        opened(KEHU_TENANT="main").application_recorder()


def test_what_is_closed_stays_closed(opened: Open) -> None:
    factory = opened()
    recorder, decisions = factory.process_recorder(), factory.dcb_recorder()
    factory.close()
    factory.close()
    uses: list[Callable[[], object]] = [
        lambda: recorder.insert_events([event("late")]),
        lambda: recorder.select_notifications(None, 1),
        lambda: recorder.insert_tracking(Tracking("Shop", 1)),
        lambda: decisions.read(),
    ]
    for use in uses:
        with pytest.raises(OperationalError):
            use()


def test_a_subscription_ends_with_an_error_when_the_log_is_closed(opened: Open) -> None:
    factory = opened()
    recorder = factory.application_recorder()
    recorder.insert_events([event("seen")])
    with recorder.subscribe() as subscription:
        assert next(subscription).topic == "seen"
        factory.close()
        subscription._has_been_notified.set()
        with pytest.raises(OperationalError):
            next(subscription)


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"KEHU_DATABASE_URL": ""}, OSError),
        ({"KEHU_DATABASE_URL": "postgresql:///nothing?host=/nowhere"}, OperationalError),
        ({"KEHU_DATABASE_URL": "mysql://there"}, InterfaceError),
        ({"KEHU_POOL_SIZE": "2"}, OSError),
        ({"KEHU_POOL_SIZE": "many"}, OSError),
        ({"ORIGINATOR_ID_TYPE": "bigint"}, OSError),
    ],
)
def test_a_wrong_configuration_is_told(
    opened: Open, variables: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        opened(**variables).application_recorder()


def test_work_that_would_wait_for_itself_is_refused(opened: Open) -> None:
    recorder = opened().tracking_recorder()

    async def work(connection: object) -> None:
        recorder.max_tracking_id("Shop")

    with pytest.raises(InterfaceError, match="await"):
        recorder.track(Tracking("Shop", 1), work)
    assert recorder.max_tracking_id("Shop") is None


FORKED = """
import os, sys
from eventsourcing.persistence import InterfaceError
from eventsourcing.utils import Environment
from kehu.persistence import Factory
from tests.infra.notifications import event

env = Environment("Shop", {"KEHU_DATABASE_URL": sys.argv[1]})
before = Factory(env).application_recorder()
if os.fork() == 0:
    try:
        before.insert_events([event("lost")])
    except InterfaceError:
        os._exit(Factory(env).application_recorder().insert_events([event("child")])[0] - 1)
    os._exit(2)
status = os.wait()[1]
assert status == 0, status
assert before.insert_events([event("parent")]) == [2]
"""


def test_a_forked_process_opens_anew(database: str) -> None:
    subprocess.run([sys.executable, "-c", FORKED, database], cwd=PROJECT, check=True, timeout=60)
