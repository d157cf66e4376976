"""Two processes' write paths on one log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infra.engine import Engine
from tests.infra.worlds import opened_world


@asynccontextmanager
async def opened(database: str) -> AsyncIterator[Engine]:
    """A write path of its own on the database, as another process would have it."""
    async with opened_world(database) as world:
        yield world.engine


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Engine]:
    async with opened(database) as engine:
        yield engine


@pytest.fixture
async def other(database: str) -> AsyncIterator[Engine]:
    async with opened(database) as engine:
        yield engine
