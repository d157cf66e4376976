"""What tests of the API need: a real server on a fresh database, and clients that speak to it from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kehu import builtin
from projections.view import views
from tests.api.server import Api, serving

BUILT_IN = [views[name] for name in builtin.NAMES]
"""Without the views that other tests declare."""


@pytest.fixture
async def api(database: str) -> AsyncIterator[Api]:
    """A server with the built-in views on a database of this test's own."""
    async with serving(database, BUILT_IN) as running:
        yield running
