"""The test cases that the `eventsourcing` library publishes for persistence modules, on Kehu's log."""

from __future__ import annotations

from typing import Any

import pytest
from eventsourcing.dcb import tests as published_dcb
from eventsourcing.dcb.persistence import DCBInfrastructureFactory
from eventsourcing.persistence import InfrastructureFactory, Tracking
from eventsourcing.tests import application as published_application
from eventsourcing.tests import persistence as published
from eventsourcing.tests import projection as published_projection
from eventsourcing.utils import Environment

from infra.database import Connection
from infra.persistence.factory import KehuFactory
from infra.persistence.recorders import (
    KehuAggregateRecorder,
    KehuApplicationRecorder,
    KehuProcessRecorder,
    KehuTrackingRecorder,
)
from kehu.persistence import Factory, TrackingRecorder


class OnKehu:
    """Gives a test case a database of its own; what it opens is closed."""

    @pytest.fixture(autouse=True)
    def _environment(self, database: str, monkeypatch: pytest.MonkeyPatch) -> Any:
        self.variables = {"PERSISTENCE_MODULE": "kehu.persistence", "KEHU_DATABASE_URL": database}
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        self.factories: list[KehuFactory] = []
        yield
        for factory in self.factories:
            factory.close()

    def opened(self, name: str = "Shop") -> KehuFactory:
        factory = InfrastructureFactory.construct(Environment(name, self.variables))
        assert isinstance(factory, KehuFactory)
        self.factories.append(factory)
        return factory


class TestAggregateRecorder(OnKehu, published.AggregateRecorderTestCase):
    def create_recorder(self) -> KehuAggregateRecorder:
        return self.opened().aggregate_recorder()


class TestSnapshotRecorder(OnKehu, published.AggregateRecorderTestCase):
    def create_recorder(self) -> KehuAggregateRecorder:
        return self.opened().aggregate_recorder(purpose="snapshots")


class TestAggregateRecorderWithTextIds(OnKehu, published.AggregateRecorderTestCase):
    def new_originator_id(self) -> str:
        return f"kunde-张-{super().new_originator_id()}"

    def create_recorder(self) -> KehuAggregateRecorder:
        self.variables["ORIGINATOR_ID_TYPE"] = "text"
        return self.opened().aggregate_recorder()


class TestApplicationRecorder(OnKehu, published.ApplicationRecorderTestCase[KehuApplicationRecorder]):
    def create_recorder(self) -> KehuApplicationRecorder:
        return self.opened().application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OnKehu, published.TrackingRecorderTestCase):
    def create_recorder(self) -> KehuTrackingRecorder:
        return self.opened().tracking_recorder()


class TestProcessRecorder(OnKehu, published.ProcessRecorderTestCase):
    def create_recorder(self) -> KehuProcessRecorder:
        return self.opened().process_recorder()


class TestProcessRecorderTracks(OnKehu, published.TrackingRecorderTestCase):
    def create_recorder(self) -> KehuProcessRecorder:
        return self.opened().process_recorder()


class TestNotificationIdsDoNotInterleave(OnKehu, published.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> KehuApplicationRecorder:
        return self.opened().application_recorder()


class TestDCBRecorder(OnKehu, published_dcb.DCBRecorderTestCase):
    def dcb_factory(self) -> KehuFactory:
        factory = DCBInfrastructureFactory.construct(Environment("Courses", self.variables))
        assert isinstance(factory, KehuFactory)
        self.factories.append(factory)
        return factory

    def test_append_read(self) -> None:
        self._test_append_read(self.dcb_factory().dcb_recorder())

    def test_append_subscribe(self) -> None:
        self._test_append_subscribe(self.dcb_factory().dcb_recorder())


class TallRecorder(KehuTrackingRecorder):
    """A tracking recorder of one's own."""


class TestFactory(OnKehu, published.InfrastructureFactoryTestCase[KehuFactory]):
    def setUp(self) -> None:
        self.env = Environment("", self.variables)
        super().setUp()

    def expected_factory_class(self) -> type[KehuFactory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[KehuAggregateRecorder]:
        return KehuAggregateRecorder

    def expected_application_recorder_class(self) -> type[KehuApplicationRecorder]:
        return KehuApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[KehuTrackingRecorder]:
        return TrackingRecorder

    def tracking_recorder_subclass(self) -> type[KehuTrackingRecorder]:
        return TallRecorder

    def expected_process_recorder_class(self) -> type[KehuProcessRecorder]:
        return KehuProcessRecorder


class EventCounters(TrackingRecorder, published_projection.EventCountersView):
    """A view with a table of its own, changed in the transaction that moves the tracking."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._execute("CREATE TABLE IF NOT EXISTS counters (name text PRIMARY KEY, count bigint NOT NULL)")

    def _execute(self, statement: str) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(statement)

        self.transact(work)

    def _count(self, name: str) -> int:
        async def work(connection: Connection) -> int:
            return await connection.fetchval("SELECT count FROM counters WHERE name = $1", name) or 0

        return self.transact(work)

    def _increment(self, name: str, tracking: Tracking) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(
                "INSERT INTO counters AS c VALUES ($1, 1)"
                " ON CONFLICT (name) DO UPDATE SET count = c.count + 1",
                name,
            )

        self.track(tracking, work)

    def get_created_event_counter(self) -> int:
        return self._count("created")

    def get_subsequent_event_counter(self) -> int:
        return self._count("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)


class TestEventCountersView(OnKehu, published_projection.EventCountersViewTestCase):
    def construct_event_counters_view(self) -> EventCounters:
        view = self.opened("eventcounters").tracking_recorder(EventCounters)
        assert isinstance(view, EventCounters)
        return view


class TestProjectionOfAggregates(OnKehu, published_projection.AggregateEventCountersProjectionTestCase):
    view_class = EventCounters


class TestProjectionOfDecisions(OnKehu, published_projection.TaggedDecisionCountersProjectionTestCase):
    view_class = EventCounters
    env = {"MAPPER_TOPIC": "eventsourcing.dcb.msgpack:MessagePackMapper"}  # noqa: RUF012 # as published


class TestEventSourcedProjection(OnKehu, published_projection.EventSourcedProjectionTestCase):
    pass


class TestExampleApplication(OnKehu, published_application.ExampleApplicationTestCase):
    expected_factory_topic = "infra.persistence.factory:KehuFactory"
