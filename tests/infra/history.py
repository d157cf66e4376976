"""The oracle: what must be true of every log, whoever wrote it and whatever was killed meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Protocol
from zlib import crc32

from domain.events import Recorded


class Fact(Protocol):
    """An event as far as the oracle asks about it; a log that keeps no times has None."""

    @property
    def position(self) -> int: ...
    @property
    def stream(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def recorded_at(self) -> datetime | None: ...
    @property
    def command_id(self) -> str: ...


class Trail:
    """What one reader saw, in constant memory: how far it is, a sum over it, and where it went wrong."""

    def __init__(self, position: int = 0, sum: int = 0) -> None:
        self.position, self.sum = position, sum
        self.faults: list[str] = []

    def see(self, events: Iterable[Fact]) -> None:
        for event in events:
            if event.position != self.position + 1:
                self.faults.append(f"saw {event.position} after {self.position}")
            self.position = event.position
            self.sum = crc32(f"{event.position} {event.command_id}".encode(), self.sum)


class Oracle:
    """Sees a whole history, in pages, and judges what clients and followers say about it.

    It keeps a place for each command and a version for each stream. A command has one event, or with an
    id `…*3` three; an id `…@7` in a stream `seat-…` says that it was decided when position 7 was the last
    one of those streams.
    """

    def __init__(self) -> None:
        self.trail = Trail()
        self.faults: list[str] = []
        self._versions: Counter[str] = Counter()
        self._last: dict[str, int] = {}
        self._more: Counter[str] = Counter()
        self._before: Fact | None = None
        self._seat = 0

    def see(self, events: Sequence[Fact]) -> None:
        """The next page of the history."""
        self.trail.see(events)
        for event in events:
            self._in_time(event)
            self._in_its_stream(event)
            self._once(event)
            self._as_decided(event)
            self._before = event

    def _in_time(self, event: Fact) -> None:
        before = self._before and self._before.recorded_at
        if before and event.recorded_at and before >= event.recorded_at:
            self.faults.append(f"recorded_at does not increase at {event.position}")

    def _in_its_stream(self, event: Fact) -> None:
        self._versions[event.stream] += 1
        if event.version != self._versions[event.stream]:
            self.faults.append(
                f"{event.stream} has version {event.version} in place {self._versions[event.stream]}"
            )

    def _once(self, event: Fact) -> None:
        id = event.command_id
        if id in self._last:
            if self._last[id] != event.position - 1 or self._more[id] + 1 == _events(id):
                self.faults.append(f"{id} is there again at {event.position}")
            self._more[id] += 1
        self._last[id] = event.position

    def _as_decided(self, event: Fact) -> None:
        if not event.stream.startswith("seat-"):
            return
        if self._seat != int(event.command_id.rpartition("@")[2]):
            self.faults.append(f"{event.command_id} won, and {self._seat} was the last seat")
        self._seat = event.position

    def done(self, ids: Sequence[str], position: int | None = None) -> None:
        """These commands were acknowledged; with a position, as one unit that ends there."""
        if lost := [id for id in ids if id not in self._last]:
            self.faults += [f"{id} was acknowledged and is lost" for id in lost]
        elif position is not None:
            if self._last[ids[-1]] != position:
                self.faults.append(f"{ids[-1]} was acknowledged at {position}, is at {self._last[ids[-1]]}")
            self.faults += [
                f"{first} and {then} are one unit, and apart"
                for first, then in pairwise(ids)
                if self._last[first] != self._last[then] - self._more[then] - 1
            ]

    def refused(self, ids: Iterable[str]) -> None:
        """Of these commands it was said that they are not done."""
        self.faults += [
            f"{id} was refused and is there at {self._last[id]}" for id in ids if id in self._last
        ]

    def tried(self, ids: Iterable[str]) -> None:
        """These are all commands that were asked for."""
        self.faults += [f"{id} was never asked for" for id in self._last.keys() - set(ids)]

    def followed(self, trail: Trail) -> None:
        """A follower saw this."""
        self.faults += [f"a follower {fault}" for fault in trail.faults]
        if not trail.faults and (trail.position, trail.sum) != (self.trail.position, self.trail.sum):
            self.faults.append(f"a follower saw another history up to {trail.position}")

    @property
    def verdict(self) -> list[str]:
        """Everything that is wrong."""
        partly = [id for id in self._last if "*" in id and self._more[id] + 1 < _events(id)]
        return [
            *(f"positions are not 1..n: {fault}" for fault in self.trail.faults),
            *(f"{id} is there in part" for id in partly),
            *self.faults,
        ]


def _events(id: str) -> int:
    return int(id.rpartition("*")[2]) if "*" in id else 1


def faults(
    history: Sequence[Recorded[Any]],
    acknowledged: Iterable[str],
    followed: Sequence[int],
    tried: Iterable[str] | None = None,
) -> list[str]:
    """What is wrong with a short history, given the commands acknowledged and the positions followed."""
    oracle = Oracle()
    oracle.see(history)
    for id in acknowledged:
        oracle.done([id])
    if tried is not None:
        oracle.tried(tried)
    if list(followed) != [event.position for event in history]:
        oracle.faults.append("the follower did not see every position once, in order")
    return oracle.verdict
