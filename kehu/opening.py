"""Opens what a command works on: the embedded PostgreSQL or the given one, its schema, the tenant."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import asyncpg

from infra.database import Pool, connected
from infra.postgres.server import running
from infra.tenant import Tenant, open_tenant
from kehu.settings import Settings
from projections.view import Declaration

DATABASE = "kehu"
"""The database's name on the embedded server."""

_log = logging.getLogger(__name__)


class UnknownTenant(Exception):
    """There is no such tenant."""


class DatabaseUnavailable(Exception):
    """The PostgreSQL of KEHU_DATABASE_URL cannot be used."""


@contextmanager
def database(settings: Settings, report: Callable[[str], None] = _log.info) -> Iterator[str]:
    """The database's DSN, while the block lasts; Kehu's own server is started where none is given."""
    if settings.database_url is not None:
        asyncio.run(_reach(settings.database_url))
        yield settings.database_url
        return
    with running(settings.data / "postgres", report=report) as server:
        asyncio.run(_create(server))
        yield urlsplit(server)._replace(path=f"/{DATABASE}").geturl()


async def _reach(dsn: str) -> None:
    try:
        connection = await asyncpg.connect(dsn, timeout=20)
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or type(error).__name__
        raise DatabaseUnavailable(f"the PostgreSQL of KEHU_DATABASE_URL cannot be used: {reason}") from error
    await connection.close()


async def _create(server: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    except asyncpg.DuplicateDatabaseError:
        pass  # another process was faster
    finally:
        await connection.close()


@asynccontextmanager
async def opened(
    settings: Settings, dsn: str, declarations: Iterable[Declaration], *, must_exist: bool = False
) -> AsyncIterator[Tenant]:
    """The tenant on a migrated database. Raises `UnknownTenant` where it must exist and does not."""
    async with connected(dsn) as pool:
        if must_exist:
            await require_tenant(pool, settings.tenant)
        async with open_tenant(pool, settings.tenant, declarations) as tenant:
            yield tenant


async def require_tenant(pool: Pool, name: str) -> None:
    """Raises `UnknownTenant`, with advice, where there is none of that name."""
    if await pool.fetchval("SELECT true FROM kehu.heads WHERE tenant = $1", name):
        return
    others = [row[0] for row in await pool.fetch("SELECT tenant FROM kehu.heads ORDER BY 1 LIMIT 20")]
    known = f"say --tenant with one of: {', '.join(others)}; or " if others else ""
    advice = f"{known}make it with: kehu tenants --create {name}"
    raise UnknownTenant(f"there is no tenant {name!r}; {advice}")
