"""Which builds this program can follow, how far everybody has come with them, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from domain.records import Record
from infra.database import Pool
from infra.views.builds import Build
from infra.views.populations import Group, able, bound
from projections.view import Declaration

BUILDS = """
SELECT b.view, b.generation, b.digest, b.serving, b.indexed, b.failed, s.positions, s.owners,
       h.position AS head, (SELECT count(*) FROM kehu.workers WHERE tenant = $1) AS crowd,
       EXISTS (SELECT FROM kehu.parked p WHERE p.tenant = $1 AND p.retry
                  AND p.view = b.view AND p.generation = b.generation) AS retry
  FROM kehu.heads h
  LEFT JOIN kehu.builds b ON b.tenant = h.tenant AND b.retired_at IS NULL
  LEFT JOIN LATERAL (
       SELECT array_agg(s.position ORDER BY s.shard) AS positions,
              array_agg(coalesce(s.owner, '') ORDER BY s.shard) AS owners
         FROM kehu.shards s
        WHERE s.tenant = $1 AND s.view = b.view AND s.generation = b.generation) s ON true
 WHERE h.tenant = $1 ORDER BY b.view, b.generation
"""

Which = Callable[[Iterable[int]], int]
"""`max` for the builds that stand furthest, `min` for those furthest behind."""


class Leg(Record):
    """The next stretch of the log for builds that stand at one position."""

    begin: int
    until: int
    group: Group


class Roster:
    """The builds of one tenant that a program can follow; it has their code."""

    def __init__(self, pool: Pool, tenant: str, declarations: Mapping[str, Declaration]) -> None:
        self._pool, self._tenant, self._declarations = pool, tenant, declarations
        self._builds: dict[tuple[str, int], Build] = {}
        self.head = 0
        """Where the log ended at the last look."""
        self.crowd = 0
        """How many processes followed it then."""
        self.settled = True
        """Whether every shard was somebody's, and nobody came or left."""

    def forget(self) -> None:
        """Keep nothing in memory."""
        self._builds = {}

    async def look(self, me: str | None) -> None:
        """Learn what has changed; what is in memory of this process's own shards is kept."""
        rows = await self._pool.fetch(BUILDS, self._tenant)
        before, self.crowd = self.crowd, rows[0]["crowd"] if rows else 0
        self.head, found, self.settled = rows[0]["head"] if rows else 0, {}, self.crowd == before
        for row in rows:
            declaration = self._declarations.get(row["view"])
            if declaration is None or declaration.digest != row["digest"] or row["positions"] is None:
                continue  # another program's
            key, owners = (row["view"], row["generation"]), row["owners"]
            build = self._builds.get(key) or Build(self._tenant, declaration, row["generation"])
            build.stands(row["positions"], frozenset(n for n, owner in enumerate(owners) if owner == me))
            build.serving, build.indexed, build.retry = row["serving"], row["indexed"], row["retry"]
            build.failed = row["failed"] or ""
            self.settled &= "" not in owners
            found[key] = build
        self._builds = found

    @property
    def working(self) -> list[Build]:
        """The builds that have not stopped."""
        return [build for build in self._builds.values() if not build.failed]

    @property
    def hopeful(self) -> list[Build]:
        """Those that can come to the log's end: no view that they read has stopped."""
        builds = self.working
        while True:
            names = {build.name for build in builds}
            left = [build for build in builds if names.issuperset(build.reads)]
            if len(left) == len(builds):
                return left
            builds = left

    @property
    def position(self) -> int:
        """Up to which event all of them are true."""
        return min((build.position for build in self.hopeful), default=self.head)

    def done(self, head: int) -> bool:
        """Whether nothing is left to do up to a position."""
        return all(b.position >= head and b.serving and b.indexed and not b.retry for b in self.hopeful)

    def leg(self, which: Which, batch: int) -> Leg | None:
        """The next stretch for this process's shards that stand furthest, or furthest behind."""
        builds = self.working
        groups: dict[int, dict[Build, frozenset[int]]] = {}
        for build in builds:
            for shard in build.mine:
                group = groups.setdefault(build.positions[shard], {})
                group[build] = group.get(build, frozenset()) | {shard}
        fit = {begin: some for begin, whole in groups.items() if (some := able(whole, builds, begin))}
        begin = which(fit.keys()) if fit else self.head
        if begin >= self.head:
            return None
        ends = [begin + batch, self.head, *(position for position in groups if position > begin)]
        limit = bound(fit[begin], builds, begin)
        return Leg(begin=begin, until=min(ends if limit is None else [*ends, limit]), group=fit[begin])
