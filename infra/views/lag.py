"""How far every generation of every view is, how far that is behind the log, and how many keys wait."""

from __future__ import annotations

from datetime import datetime

from domain.records import Record
from infra.database import Pool

LAG = """
SELECT b.view, b.generation, b.digest, b.serving, b.former, b.withdrawn, b.failed, b.created_at,
       p.position, h.position AS head, h.position - p.position AS events,
       coalesce(greatest(extract(epoch FROM clock_timestamp() - e.recorded_at), 0), 0)::float8 AS seconds,
       (SELECT count(*) FROM kehu.parked w
         WHERE w.tenant = b.tenant AND w.view = b.view AND w.generation = b.generation) AS parked,
       p.shards, p.workers
  FROM kehu.builds b
  JOIN kehu.heads h ON h.tenant = b.tenant
 CROSS JOIN LATERAL (
       SELECT min(s.position) AS position, count(*) AS shards, count(DISTINCT s.owner) AS workers
         FROM kehu.shards s
        WHERE s.tenant = b.tenant AND s.view = b.view AND s.generation = b.generation) p
  LEFT JOIN kehu.events e ON e.tenant = b.tenant AND e.position = p.position + 1
 WHERE b.tenant = $1 AND (b.retired_at IS NULL OR b.former) ORDER BY b.view, b.generation
"""
SIZE = """
SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
 WHERE c.relnamespace = 'kehu_views'::regnamespace AND c.relname = ANY ($1)
"""


class Lag(Record):
    """One generation of a view."""

    view: str
    generation: int
    digest: str
    serving: bool
    former: bool
    """It served before the one that serves, and can be brought back."""
    withdrawn: bool
    """It was taken back, and is not built again by itself."""
    failed: str | None
    created_at: datetime
    position: int
    head: int
    """Where the log ends."""
    events: int
    """How many events it is behind."""
    seconds: float
    """For how long the first of them has been in the log; 0 where there is none, or it is archived."""
    parked: int
    """Keys that wait, since their fold refused an event."""
    shards: int
    workers: int
    """How many processes move its shards."""

    @property
    def state(self) -> str:
        """In one word."""
        if self.failed is not None:
            return "stopped"
        if self.serving:
            return "serving"
        return "withdrawn" if self.withdrawn else "former" if self.former else "building"


async def lags(pool: Pool, tenant: str) -> list[Lag]:
    """Every generation that serves, is being built or can be brought back, by view."""
    return [Lag(**row) for row in await pool.fetch(LAG, tenant)]


async def size(pool: Pool, view: str, generation: int) -> int:
    """Bytes of a generation's tables with their indexes."""
    base = f"{view}_{generation}"
    return int(await pool.fetchval(SIZE, [base, f"{base}_past"]) or 0)
