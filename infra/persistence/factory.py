"""Makes the recorders that an application asks for, from its environment."""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar, cast
from uuid import UUID

from eventsourcing.dcb.persistence import DCBInfrastructureFactory
from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from infra.persistence.datastore import Datastore
from infra.persistence.decisions import KehuDCBRecorder
from infra.persistence.recorders import (
    KehuAggregateRecorder,
    KehuApplicationRecorder,
    KehuProcessRecorder,
    KehuTrackingRecorder,
)

R = TypeVar("R")

NAMELESS = "eventsourcing"
"""The application where the environment names none."""


class KehuFactory(
    InfrastructureFactory[KehuTrackingRecorder], DCBInfrastructureFactory[KehuTrackingRecorder]
):
    """The recorders of one application, on one tenant's log; nothing is opened before one is asked for."""

    KEHU_DATABASE_URL = "KEHU_DATABASE_URL"
    KEHU_TENANT = "KEHU_TENANT"
    KEHU_POOL_SIZE = "KEHU_POOL_SIZE"
    ORIGINATOR_ID_TYPE = "ORIGINATOR_ID_TYPE"
    CREATE_TABLE = "CREATE_TABLE"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.application = self.env.name or NAMELESS
        self._opening = Lock()
        self._datastore: Datastore | None = None

    @property
    def datastore(self) -> Datastore:
        """The tenant's log, open."""
        with self._opening:
            if self._datastore is None:
                self._datastore = Datastore(
                    self._database_url(),
                    self.env.get(self.KEHU_TENANT) or self.application,
                    pool_size=self._pool_size(),
                    create=strtobool(self.env.get(self.CREATE_TABLE) or "yes"),
                )
            return self._datastore

    def aggregate_recorder(self, purpose: str = "events") -> KehuAggregateRecorder:
        return KehuAggregateRecorder(
            self.datastore, application=self.application, purpose=purpose, id_type=self._id_type()
        )

    def application_recorder(self) -> KehuApplicationRecorder:
        recorder = self._class(self.APPLICATION_RECORDER_TOPIC, KehuApplicationRecorder)
        return recorder(self.datastore, application=self.application, id_type=self._id_type())

    def tracking_recorder(
        self, tracking_recorder_class: type[KehuTrackingRecorder] | None = None
    ) -> KehuTrackingRecorder:
        recorder = tracking_recorder_class or self._class(self.TRACKING_RECORDER_TOPIC, KehuTrackingRecorder)
        return recorder(self.datastore, follower=self.application)

    def process_recorder(self) -> KehuProcessRecorder:
        recorder = self._class(self.PROCESS_RECORDER_TOPIC, KehuProcessRecorder)
        return recorder(self.datastore, application=self.application, id_type=self._id_type())

    def dcb_recorder(self) -> KehuDCBRecorder:
        return KehuDCBRecorder(self.datastore, application=self.application)

    def close(self) -> None:
        with self._opening:
            if self._datastore is not None:
                self._datastore.close()

    def __exit__(self, *error: Any) -> None:
        self.close()
        super().__exit__(*error)

    def _class(self, key: str, default: type[R]) -> type[R]:
        """The class that the environment names, or the usual one."""
        topic = self.env.get(key)
        return cast(type[R], resolve_topic(topic)) if topic else default

    def _database_url(self) -> str:
        url = self.env.get(self.KEHU_DATABASE_URL)
        if not url:
            raise OSError(f"no database: set {self.KEHU_DATABASE_URL} to that of a PostgreSQL server")
        return url

    def _pool_size(self) -> int:
        size = self.env.get(self.KEHU_POOL_SIZE) or "10"
        if not size.isdecimal() or int(size) < 3:
            raise OSError(f"{self.KEHU_POOL_SIZE} is {size!r}; it must be a number of connections, 3 or more")
        return int(size)

    def _id_type(self) -> type[UUID] | type[str]:
        match self.env.get(self.ORIGINATOR_ID_TYPE, "uuid").lower():
            case "uuid":
                return UUID
            case "text":
                return str
            case other:
                raise OSError(f"{self.ORIGINATOR_ID_TYPE} is {other!r}; it must be 'uuid' or 'text'")
