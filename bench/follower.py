"""A process that follows a log, as `python -m bench.follower`: told a DSN and views, it brings them up."""

from __future__ import annotations

import asyncio
import resource
import sys
import time

import msgspec

from domain.records import Record
from infra.database import connected
from infra.log.log import Log
from infra.views.projector import Projector
from kehu.builtin import NAMES
from projections.view import views

assert NAMES


class Order(Record):
    """What to bring up: the views of the tenant `bench`."""

    dsn: str
    views: tuple[str, ...]


async def main() -> None:
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        order = msgspec.json.decode(line, type=Order)
        async with connected(order.dsn) as pool:
            projector = Projector(Log(pool, "bench"), [views[name] for name in order.views])
            await projector.prepare()
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.buffer.readline)
            began = time.perf_counter()
            await projector.catch_up()
            took = time.perf_counter() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{took} {peak}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
