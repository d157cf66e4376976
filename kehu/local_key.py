"""The key of whoever sits at this machine: made once, kept in a file that only its owner can read."""

from __future__ import annotations

import os
from pathlib import Path

from domain.roles import Role
from infra.keys import Keys
from infra.tenant import Tenant
from kehu.settings import Settings

NAME, ACTOR = "local", "local"
"""What the key is called, and who acts with it where `x-kehu-actor` names nobody else."""


def key_file(settings: Settings) -> Path:
    return settings.data / f"{settings.tenant}.key"


async def local_key(tenant: Tenant, settings: Settings) -> str:
    """The token of this machine's admin key; a new one where there is none yet, or none that is good."""
    file, keys = key_file(settings), Keys(tenant.pool, tenant.name)
    if file.exists():
        token = file.read_text(encoding="ascii").strip()
        if await keys.holding(token) is not None:
            return token
    _, token = await keys.create(NAME, Role.ADMIN, ACTOR)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(f"{token}\n")
    return token
