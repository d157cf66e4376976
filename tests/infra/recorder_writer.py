"""A process that records: `python -m tests.infra.recorder_writer NAME THREADS WRITES SEED`.

Its database comes from the environment, as that of every application of the `eventsourcing` library.
"""

from __future__ import annotations

import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from eventsourcing.persistence import InfrastructureFactory, StoredEvent
from eventsourcing.utils import Environment


def main(name: str, threads: int, writes: int, seed: int) -> None:
    with InfrastructureFactory.construct(Environment(name, dict(os.environ))) as factory:
        recorder = factory.application_recorder()

        def write(thread: int) -> None:
            rng = random.Random(f"{seed}-{thread}")
            for _ in range(writes):
                id = uuid4()
                events = [StoredEvent(id, version, "live", b"{}") for version in range(rng.randint(1, 5))]
                recorder.insert_events(events)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(write, range(threads)))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
