"""What an `eventsourcing` application names as its PERSISTENCE_MODULE to run on Kehu's log."""

from __future__ import annotations

from infra.persistence.factory import KehuFactory as Factory
from infra.persistence.recorders import KehuTrackingRecorder as TrackingRecorder

__all__ = ["Factory", "TrackingRecorder"]
