"""Kehu's own API keys: made once, shown once, kept as a digest; each belongs to one tenant."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from domain.records import Record
from domain.roles import Role
from infra.database import Pool

PREFIX = "kehu_"
"""How every key begins, so that scanners for leaked secrets know it."""
SHAPE = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{12}})_(?P<secret>[\w-]{{43}})\Z", re.ASCII)
COLUMNS = "id, name, role, actor, own_only, created_at, expires_at, revoked_at, last_used"


class Key(Record):
    """What is known of a key; its secret is not."""

    id: str
    name: str
    role: Role
    actor: str
    """Who acts with it, as the log will name them."""
    own_only: bool
    """It reaches only the customers whose owner is the actor, whatever its role reaches."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used: date | None
    """The day (UTC); no finer, so that a key's use is no diary."""


class Keys:
    """The keys of one tenant."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant

    async def create(
        self,
        name: str,
        role: Role,
        actor: str,
        *,
        own_only: bool = False,
        expires_at: datetime | None = None,
    ) -> tuple[Key, str]:
        """A new key, and the only copy of its token."""
        id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = await self._pool.fetchrow(
            "INSERT INTO kehu.keys (tenant, id, name, digest, role, actor, own_only, expires_at)"
            f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}",
            *(self._tenant, id, name, _digest(secret), role.value, actor, own_only, expires_at),
        )
        return _key(row), f"{PREFIX}{id}_{secret}"

    async def all(self) -> Sequence[Key]:
        """In the order in which they were made."""
        rows = await self._pool.fetch(
            f"SELECT {COLUMNS} FROM kehu.keys WHERE tenant = $1 ORDER BY created_at, id", self._tenant
        )
        return [_key(row) for row in rows]

    async def revoke(self, id: str) -> bool:
        """End a key now; whether there was one that was not revoked before."""
        done = await self._pool.fetchval(
            "UPDATE kehu.keys SET revoked_at = now()"
            " WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL RETURNING true",
            *(self._tenant, id),
        )
        return bool(done)

    async def holding(self, token: str) -> Key | None:
        """The live key behind a token, noted as used today; None where there is none."""
        said = SHAPE.match(token)
        if said is None:
            return None
        row = await self._pool.fetchrow(
            f"SELECT {COLUMNS}, digest FROM kehu.keys WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > now())",
            *(self._tenant, said["id"]),
        )
        if row is None or not hmac.compare_digest(row["digest"], _digest(said["secret"])):
            return None
        await self._pool.execute(
            "UPDATE kehu.keys SET last_used = (now() AT TIME ZONE 'UTC')::date WHERE tenant = $1 AND id = $2"
            " AND last_used IS DISTINCT FROM (now() AT TIME ZONE 'UTC')::date",
            *(self._tenant, said["id"]),
        )
        return _key(row)


def _digest(secret: str) -> bytes:
    """SHA-256: a secret of 256 random bits cannot be guessed from it, so a slow hash would protect nobody
    and only let strangers make the server work."""
    return hashlib.sha256(secret.encode()).digest()


def _key(row: Any) -> Key:
    return msgspec.convert({name: row[name] for name in Key.__struct_fields__}, Key)
