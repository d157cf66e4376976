"""Two processes' write paths on one log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infra.database import connected
from infra.engine import Engine
from infra.log.group_commit import GroupCommit
from infra.log.log import Log


@asynccontextmanager
async def opened(database: str) -> AsyncIterator[Engine]:
    """A write path of its own on the database, as another process would have it."""
    async with connected(database) as pool:
        log = Log(pool, "main")
        await log.create()
        commit = GroupCommit(log)
        try:
            yield Engine(log, commit)
        finally:
            await commit.close()


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Engine]:
    async with opened(database) as engine:
        yield engine


@pytest.fixture
async def other(database: str) -> AsyncIterator[Engine]:
    async with opened(database) as engine:
        yield engine
