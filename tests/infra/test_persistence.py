"""What the persistence module promises beyond the library's own test cases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import Application, ProcessingEvent
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.dispatch import singledispatchmethod
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
from eventsourcing.system import MultiThreadedRunner, ProcessApplication, System

from tests.infra.factories import Open, factories
from tests.infra.notifications import event

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def opened(database: str) -> Iterator[Open]:
    with factories(database) as open_factory:
        yield open_factory


@pytest.fixture
def surgeon(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


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
    surgeon.execute("INSERT INTO kehu.builds VALUES ('main', 'orders', 1, '', true)")
    with pytest.raises(InfrastructureFactoryError, match="has views"):
        opened(KEHU_TENANT="main").application_recorder()


def test_too_many_that_wait_are_told_so(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.log.group_commit.QUEUE", 0)
    with pytest.raises(OperationalError, match="try again"):
        opened().application_recorder().insert_events([event("much")])


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


class Billed(Aggregate):
    pass


class Shop(Application[UUID]):
    pass


class Billing(ProcessApplication[UUID]):
    @singledispatchmethod
    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        processing_event.collect_events(Billed())


def test_a_system_of_applications_processes_each_event_once(database: str) -> None:
    env = {"PERSISTENCE_MODULE": "kehu.persistence", "KEHU_DATABASE_URL": database}
    with MultiThreadedRunner[UUID](System(pipes=[[Shop, Billing]]), env=env) as runner:
        for _ in range(20):
            last = runner.get(Shop).save(Aggregate())[-1].notification.id
        billing = runner.get(Billing)
        billing.recorder.wait("Shop", last, timeout=30)
        assert billing.recorder.max_notification_id() == 20
