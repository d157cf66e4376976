"""Every one of the 90 capabilities names commands, views, a query and a test that there are."""

from __future__ import annotations

import pytest
from graphql import parse, validate

from api.schema import build_schema
from domain.deciders import DECIDERS
from tests.api.conftest import BUILT_IN, REPORTS
from tests.kehu.capabilities import PAGE, Capability, capabilities

SCHEMA = build_schema({view.name: view for view in BUILT_IN}, REPORTS)
COMMANDS = {command.__name__ for decider in DECIDERS for command in decider.commands}
SHOWN = {view.name for view in BUILT_IN} | {*REPORTS}


def test_all_ninety_are_there() -> None:
    assert [row.number for row in capabilities()] == list(range(1, 91))


@pytest.mark.parametrize("row", capabilities(), ids=lambda row: str(row.number))
def test_a_row_names_what_there_is(row: Capability) -> None:
    assert set(row.commands) <= COMMANDS
    assert set(row.shown) <= SHOWN
    assert validate(SCHEMA._schema, parse(row.query)) == []
    assert "def test_" in (PAGE.parents[1] / row.test).read_text(encoding="utf-8")


def test_every_command_view_and_report_serves_a_capability() -> None:
    rows = capabilities()
    assert COMMANDS - {name for row in rows for name in row.commands} == set()
    assert SHOWN - {name for row in rows for name in row.shown} == set()
