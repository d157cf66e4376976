"""Clients in processes of their own: together they append what they say, and a lost process is noticed."""

from __future__ import annotations

import sys

import pytest

from bench.appending import prepare
from bench.crowd import Lost, Share, crowd
from bench.harness import TINY, Run
from infra.database import connected
from infra.log.log import Log


async def test_clients_of_two_processes_append_to_one_tenant(postgres: str) -> None:
    run = Run(postgres, TINY)
    dsn = await run.database()
    await prepare(run, dsn)
    async with connected(dsn) as pool, crowd(2) as clients:
        log = Log(pool, "bench")
        before = await log.head()
        assert await clients.split(Share(writer="known", dsn=dsn, clients=4, seconds=0), 2) > 0
        events = await log.read(before)
    assert sorted((event.stream, event.version) for event in events) == [
        (f"customer-c{client}", version) for client in range(4) for version in (2, 3)
    ]


async def test_a_process_that_ends_in_a_round_is_an_error() -> None:
    async with crowd(1, sys.executable, "-c", "input()") as clients:
        with pytest.raises(Lost):
            await clients.rate([Share(writer="known", dsn="", clients=1, seconds=0)])
