"""How far an import has come: what survives when it is interrupted."""

from __future__ import annotations

import msgspec

from infra.database import Pool


class Standing(msgspec.Struct, kw_only=True):
    """How an import stands after its last chunk."""

    done: int = 0
    """Steps that are in the log or refused, in the order of the import; the ends of days do not count."""
    imported: int = 0
    repeated: int = 0
    """Rows that were in the log already."""
    rejected: int = 0
    rejects_size: int = 0
    """Bytes of the rejects file that belong to these steps."""
    finished: bool = False


class Ledger:
    """One import's line in `kehu.imports`; `fingerprint` says of which file, read how."""

    def __init__(self, pool: Pool, tenant: str, fingerprint: str) -> None:
        self._pool, self._key = pool, (tenant, fingerprint)

    async def open(self, file: str, kind: str) -> Standing:
        """How the import stands; a new one is begun."""
        await self._pool.execute(
            "INSERT INTO kehu.imports (tenant, fingerprint, file, kind) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT DO NOTHING",
            *self._key,
            file,
            kind,
        )
        row = await self._pool.fetchrow(
            "SELECT done, imported, repeated, rejected, rejects_size, finished_at IS NOT NULL AS finished"
            " FROM kehu.imports WHERE tenant = $1 AND fingerprint = $2",
            *self._key,
        )
        assert row is not None
        return Standing(**dict(row))

    async def save(self, standing: Standing) -> None:
        await self._pool.execute(
            "UPDATE kehu.imports"
            " SET done = $3, imported = $4, repeated = $5, rejected = $6, rejects_size = $7,"
            " finished_at = CASE WHEN $8::boolean THEN coalesce(finished_at, now()) END"
            " WHERE tenant = $1 AND fingerprint = $2",
            *self._key,
            *msgspec.structs.astuple(standing),
        )
