"""What tests of the API need: a real server on a fresh database, and a client that speaks from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kehu import builtin
from projections.view import reports, views
from tests.api.server import Api, serving
from tests.conftest import copied

BUILT_IN = [
    view for view in views.values() if view.row.__module__.startswith(f"{builtin.projections.__name__}.")
]
REPORTS = {
    name: report for name, report in reports.items() if report.row.__module__.startswith("projections.")
}
"""Without those that other tests declare."""


@pytest.fixture
async def database(postgres: str, viewed: str) -> AsyncIterator[str]:
    """A fresh database of this test's own, as a DSN; it has the built-in views, and no events."""
    async with copied(postgres, viewed) as dsn:
        yield dsn


@pytest.fixture
async def api(database: str) -> AsyncIterator[Api]:
    """A server with the built-in views on a database of this test's own."""
    async with serving(database, BUILT_IN) as running:
        yield running
