"""Which shards of the views are this process's to move: fair shares, leases, and a fence."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from uuid import uuid4

from domain.records import Record
from infra.database import Connection, Pool
from projections.view import Declaration

LEASE = 5.0
"""Seconds after which a process that has renewed nothing is taken for dead."""
IDLE = 4.0
"""How many leases an open transaction may wait for its process before PostgreSQL ends it."""
LOOKS = 4
"""How often in a lease the shares are made fair."""

RENEW = """
WITH mine AS (
    UPDATE kehu.workers SET lease_until = clock_timestamp() + $3 * interval '1 second'
     WHERE tenant = $1 AND name = $2 RETURNING name)
SELECT set_config('idle_in_transaction_session_timeout', $4, true),
       set_config('plan_cache_mode', 'force_custom_plan', true) FROM mine
"""
"""A plan for any number of shards, as PostgreSQL makes one after five uses, compares each with each."""
JOIN = """
INSERT INTO kehu.workers (tenant, name, lease_until, follows)
VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second', $4)
"""
BURY = """
WITH dead AS (
    DELETE FROM kehu.workers w USING (
        SELECT tenant, name FROM kehu.workers
         WHERE tenant = $1 AND lease_until < clock_timestamp() FOR UPDATE SKIP LOCKED) d
     WHERE w.tenant = d.tenant AND w.name = d.name RETURNING w.name)
UPDATE kehu.shards SET owner = NULL WHERE tenant = $1 AND owner IN (SELECT name FROM dead)
"""
WAKE = """
SELECT pg_terminate_backend(l.pid)
  FROM kehu.workers w
  JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = w.xmax AND l.granted
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE w.tenant = $1 AND w.lease_until < clock_timestamp() AND a.wait_event = 'ClientRead'
   AND a.query_start < clock_timestamp() - $2 * interval '1 second'
"""
"""Ends sessions whose process has stopped in the middle of a COPY: no timeout of PostgreSQL's does."""
SHARDS = """
SELECT s.view, s.generation, b.digest, s.shard, s.owner
  FROM kehu.shards s JOIN kehu.builds b USING (tenant, view, generation)
 WHERE s.tenant = $1 AND b.retired_at IS NULL ORDER BY s.view, s.generation, s.shard
"""
TAKE = """
WITH free AS (
    SELECT s.view, s.generation, s.shard
      FROM kehu.shards s
      JOIN unnest($3::text[], $4::int[], $5::int[]) AS k(view, generation, shard)
           USING (view, generation, shard)
     WHERE s.tenant = $1 AND s.owner IS NULL FOR UPDATE OF s SKIP LOCKED)
UPDATE kehu.shards s SET owner = $2 FROM free k
 WHERE s.tenant = $1 AND s.view = k.view AND s.generation = k.generation AND s.shard = k.shard
"""
"""What another process is just taking is not free; to wait for it might be to wait for each other."""
GIVE = """
UPDATE kehu.shards s SET owner = NULL
  FROM unnest($3::text[], $4::int[], $5::int[]) AS k(view, generation, shard)
 WHERE s.tenant = $1 AND s.view = k.view AND s.generation = k.generation AND s.shard = k.shard
   AND s.owner = $2
"""
LEAVE = """
WITH me AS (DELETE FROM kehu.workers WHERE tenant = $1 AND name = $2)
UPDATE kehu.shards SET owner = NULL WHERE tenant = $1 AND owner = $2
"""

Shard = tuple[str, int, int]
"""View, generation and number."""

_numbers = count(1)


class Fenced(Exception):
    """This process was taken for dead meanwhile, and others do its work: what it remembers may be wrong."""


class Holding(Record):
    """One shard of a build that this process has the code for."""

    shard: Shard
    follows: str
    owner: str | None


class Shares:
    """One process's place among those that follow a tenant's log."""

    def __init__(self, pool: Pool, tenant: str, declarations: Iterable[Declaration]) -> None:
        self._pool, self._tenant = pool, tenant
        self._follows = sorted(_code(d.name, d.digest) for d in declarations)
        self.name: str | None = None
        """Who this process is; another one each time it joins."""
        self._next = 0.0

    def look_again(self) -> None:
        """There may be shards to take or to give."""
        self._next = 0.0

    def lost(self) -> None:
        """Others have taken what was this process's."""
        self.name, self._next = None, 0.0

    async def renew(self, connection: Connection) -> None:
        """Hold what is owned until the transaction ends. Raises `Fenced`."""
        idle = f"{int(LEASE * IDLE * 1000)}ms"
        if await connection.fetchval(RENEW, self._tenant, self.name, LEASE, idle) is None:
            raise Fenced

    async def settle(self) -> bool:
        """From time to time: give up what is more than fair, take what is free; whether anything changed.

        Raises `Fenced`.
        """
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + LEASE / LOOKS
        await self._pool.execute(WAKE, self._tenant, LEASE)
        async with self._pool.acquire() as connection, connection.transaction():
            if self.name is None:
                name = f"{socket.gethostname()}-{os.getpid()}-{next(_numbers)}-{uuid4().hex[:12]}"
                await connection.execute(JOIN, self._tenant, name, LEASE, self._follows)
                self.name = name
            else:
                await self.renew(connection)
            await connection.execute(BURY, self._tenant)
            return await self._balance(connection)

    async def _balance(self, connection: Connection) -> bool:
        crowd = await connection.fetch("SELECT follows FROM kehu.workers WHERE tenant = $1", self._tenant)
        able = Counter(code for row in crowd for code in row["follows"])
        rows = await connection.fetch(SHARDS, self._tenant)
        known = set(self._follows)
        held = [
            Holding(shard=(row["view"], row["generation"], row["shard"]), follows=code, owner=row["owner"])
            for row in rows
            if (code := _code(row["view"], row["digest"])) in known
        ]
        assert self.name is not None
        surplus, free = fair(held, self.name, able)
        for statement, shards in ((GIVE, surplus), (TAKE, free)):
            if shards:
                columns = map(list, zip(*shards, strict=True))
                await connection.execute(statement, self._tenant, self.name, *columns)
        return bool(surplus or free)

    async def leave(self) -> None:
        """Give everything back."""
        if self.name is not None:
            await self._pool.execute(LEAVE, self._tenant, self.name)
        self.lost()


def fair(held: Sequence[Holding], me: str, able: Mapping[str, int]) -> tuple[list[Shard], list[Shard]]:
    """Which shards to give up and which free ones to take, so that of each build nobody holds too many."""
    builds: dict[tuple[str, int], list[Holding]] = {}
    for holding in held:
        builds.setdefault(holding.shard[:2], []).append(holding)
    surplus: list[Shard] = []
    free: list[Shard] = []
    for shards in builds.values():
        most = -(-len(shards) // max(able[shards[0].follows], 1))
        mine = [holding.shard for holding in shards if holding.owner == me]
        surplus += mine[most:]
        free += [holding.shard for holding in shards if holding.owner is None][: max(most - len(mine), 0)]
    return surplus, free


def _code(view: str, digest: str) -> str:
    return f"{view} {digest}"
