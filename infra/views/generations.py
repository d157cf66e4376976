"""Which generations of the views there are: begun, swapped in, brought back, dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from domain.erasure import PersonalDataErased
from infra.database import Connection, let_go, lock_definitions
from infra.views.tables import Table, drop
from projections.view import Declaration

SHARDS = 8
"""Into how many parts the rows of a new build are split."""
GRACE = timedelta(minutes=1)
"""How long readers may still use a generation that can not be brought back any more."""

PRESENT = """
SELECT view, digest FROM kehu.builds WHERE tenant = $1 AND (retired_at IS NULL OR withdrawn)
"""
BEGIN = """
INSERT INTO kehu.builds (tenant, view, generation, digest, columns, serving)
SELECT $1, $2, $3, $4, $5, NOT EXISTS (SELECT FROM kehu.builds WHERE tenant = $1 AND view = $2 AND serving)
"""
SPLIT = """
INSERT INTO kehu.shards (tenant, view, generation, shard) SELECT $1, $2, $3, generate_series(0, $4 - 1)
"""
SUPERSEDE = """
UPDATE kehu.builds SET retired_at = now()
 WHERE tenant = $1 AND view = $2 AND NOT serving AND retired_at IS NULL
"""
UNINDEXED = """
SELECT true FROM kehu.builds
 WHERE tenant = $1 AND view = $2 AND generation = $3 AND NOT indexed FOR NO KEY UPDATE
"""
INDEXED = "UPDATE kehu.builds SET indexed = true WHERE tenant = $1 AND view = $2 AND generation = $3"
_AS_FAR = """
SELECT min(position) FILTER (WHERE generation = $3) >= min(position) FILTER (WHERE generation <> $3)
  FROM (SELECT s.generation, s.position FROM kehu.shards s
         WHERE s.tenant = $1 AND s.view = $2 AND s.generation IN (
               SELECT generation FROM kehu.builds
                WHERE tenant = $1 AND view = $2 AND (serving OR generation = $3)) {}) s
"""
AS_FAR, AS_FAR_LOCKED = _AS_FAR.format(""), _AS_FAR.format("FOR SHARE")
"""Locked, those who move the shards wait: no reader sees an answer and then an older one."""
ROWS = """
SELECT generation, serving, former, retired_at FROM kehu.builds
 WHERE tenant = $1 AND view = $2 ORDER BY generation FOR UPDATE
"""
SERVE = """
UPDATE kehu.builds
   SET serving = generation = $3,
       former = serving AND generation <> $3,
       withdrawn = CASE WHEN generation = $3 THEN false ELSE withdrawn OR ($4 AND generation > $3) END,
       retired_at = CASE WHEN generation <> $3 AND ($4 OR generation < $3)
                         THEN coalesce(retired_at, now())
                         WHEN generation = $3 THEN NULL ELSE retired_at END
 WHERE tenant = $1 AND view = $2
"""
ERASED_LATER = """
SELECT DISTINCT customer_id FROM kehu.events
 WHERE tenant = $1 AND name = $3 AND position > (
       SELECT min(s.position) FROM kehu.shards s JOIN kehu.builds b USING (tenant, view, generation)
        WHERE s.tenant = $1 AND s.view = $2 AND b.former)
"""
"""Nothing is archived that a generation had not left behind before it was replaced."""
EXPIRED = """
SELECT view, generation FROM kehu.builds
 WHERE tenant = $1 AND NOT former AND retired_at < now() - $2::interval ORDER BY view, generation
"""
RETIRED = """
SELECT generation FROM kehu.builds
 WHERE tenant = $1 AND view = $2 AND retired_at IS NOT NULL
   AND (columns IS NULL OR $3 <@ ARRAY(SELECT split_part(c, ' ', 1) FROM unnest(columns) c))
"""
STAY = """
SELECT FROM kehu.builds WHERE tenant = $1 AND view = $2 ORDER BY generation FOR KEY SHARE
"""
"""Until the transaction ends, no generation of a view is swapped, brought back or dropped."""


class NothingToBringBack(Exception):
    """No earlier generation of the view is kept."""


async def begin(connection: Connection, tenant: str, declarations: Iterable[Declaration]) -> None:
    """Begin a new generation of each view; it serves at once where there is no other to serve meanwhile."""
    await lock_definitions(connection)
    for declaration in declarations:
        generation = await connection.fetchval(
            "SELECT coalesce(max(generation), 0) + 1 FROM kehu.builds WHERE view = $1", declaration.name
        )
        table, name = Table(declaration, generation), declaration.name
        await table.create(connection)
        await connection.execute(SUPERSEDE, tenant, name)
        await connection.execute(BEGIN, tenant, name, generation, declaration.digest, table.stored)
        shards = 1 if declaration.population else SHARDS
        await connection.execute(SPLIT, tenant, name, generation, shards)


async def begin_missing(connection: Connection, tenant: str, declarations: Sequence[Declaration]) -> None:
    """Begin the views that nobody builds yet, or that are declared otherwise than what is being built.

    Not those that were taken back as they are declared.
    """
    await lock_definitions(connection)
    present = {(row["view"], row["digest"]) for row in await connection.fetch(PRESENT, tenant)}
    await begin(connection, tenant, [d for d in declarations if (d.name, d.digest) not in present])


async def index(connection: Connection, tenant: str, table: Table) -> bool:
    """Make a build's indexes, once."""
    build = (tenant, table.declaration.name, table.generation)
    if await connection.fetchval(UNINDEXED, *build):
        await table.index(connection)
        await connection.execute(INDEXED, *build)
    return True


async def swap(connection: Connection, tenant: str, table: Table) -> bool:
    """Let a generation serve where it is as far as the one that does; whether it is.

    The one that it replaces can be brought back; what that one had yet to erase is taken out of it.
    """
    build = (tenant, table.declaration.name, table.generation)
    if not await connection.fetchval(AS_FAR, *build):
        return False
    await let_go(connection)
    rows = await connection.fetch(ROWS, tenant, table.declaration.name)
    candidates = [row["generation"] for row in rows if row["retired_at"] is None and not row["serving"]]
    if table.generation not in candidates or not await connection.fetchval(AS_FAR_LOCKED, *build):
        return False  # superseded meanwhile, or left behind
    await connection.execute(SERVE, *build, False)
    if table.declaration.erasable:
        found = await connection.fetch(ERASED_LATER, *build[:2], PersonalDataErased.TOPIC)
        if customers := [row[0] for row in found]:
            await strip(connection, tenant, table.declaration, customers)
    return True


async def bring_back(connection: Connection, tenant: str, view: str) -> int:
    """Let the generation serve again that was replaced last, and answer with it.

    What is withdrawn is kept, and not built again by itself. Raises `NothingToBringBack`.
    """
    await let_go(connection)
    rows = await connection.fetch(ROWS, tenant, view)
    former = [row["generation"] for row in rows if row["former"]]
    if not former:
        raise NothingToBringBack(f"no earlier generation of {view} is kept")
    await connection.execute(SERVE, tenant, view, former[0], True)
    return int(former[0])


async def strip(
    connection: Connection, tenant: str, declaration: Declaration, customers: Sequence[str]
) -> None:
    """Take the rows about these customers out of the generations that nobody keeps up any more."""
    await connection.execute(STAY, tenant, declaration.name)
    needed = [declaration.subject, *declaration.key]
    for (generation,) in await connection.fetch(RETIRED, tenant, declaration.name, needed):
        table = Table(declaration, generation)
        if keys := await table.about(connection, tenant, customers):
            await table.remove(connection, tenant, keys)


async def drop_expired(connection: Connection, tenant: str) -> None:
    """Drop the generations that nobody reads or brings back any more."""
    if not await connection.fetch(EXPIRED, tenant, GRACE):
        return
    await lock_definitions(connection)
    for view, generation in await connection.fetch(f"{EXPIRED} FOR UPDATE", tenant, GRACE):
        await drop(connection, view, generation)
        for table in ("parked", "shards", "builds"):
            await connection.execute(
                f"DELETE FROM kehu.{table} WHERE tenant = $1 AND view = $2 AND generation = $3",
                tenant,
                view,
                generation,
            )
