"""The oracle: what must be true of every log, whoever wrote it and whatever was killed meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from domain.events import Recorded


def faults(
    history: Sequence[Recorded[Any]],
    acknowledged: Iterable[str],
    followed: Sequence[int],
    tried: Iterable[str] | None = None,
) -> list[str]:
    """What is wrong with a history, given the commands that were acknowledged and what a follower saw."""
    found = []
    positions = [event.position for event in history]
    if positions != list(range(1, len(history) + 1)):
        found.append("positions are not 1..n")
    if any(before.recorded_at >= after.recorded_at for before, after in pairwise(history)):
        found.append("recorded_at does not increase")
    versions: Counter[str] = Counter()
    for event in history:
        versions[event.stream] += 1
        if event.version != versions[event.stream]:
            found.append(f"{event.stream} has version {event.version} in place {versions[event.stream]}")
    done = Counter(event.command_id for event in history)
    found += [f"{id} is there {count} times" for id, count in done.items() if count > 1]
    found += [f"{id} was acknowledged and is lost" for id in set(acknowledged) - done.keys()]
    if tried is not None:
        found += [f"{id} was never asked for" for id in done.keys() - set(tried)]
    if list(followed) != positions:
        found.append("the follower did not see every position once, in order")
    return found
