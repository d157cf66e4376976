"""`kehu demo` on some of its customers: the same log each time, whatever interrupts it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import asyncpg
import msgspec

from api.schema import build_schema
from domain.commands import Command
from domain.complaints import CloseComplaint, ReceiveComplaint, ReopenComplaint
from domain.customers import ChangeProfile
from domain.events import Event, Recorded
from domain.interactions import Channel, RecordInteraction
from infra.database import connected
from infra.log.log import Log
from kehu import cdnow, demo
from kehu.builtin import NAMES
from kehu.commands.demo import QUERIES
from kehu.simulation import END
from projections.view import reports, views
from tests.kehu.console import KEHU, kehu
from tests.kehu.test_import_command import fetch, kill_at_first_commit

CUSTOMERS = "2000"


def load(database: str) -> dict[str, Any]:
    result = kehu("demo", "--no-serve", "--customers", CUSTOMERS, "--json", database=database)
    assert result.returncode == 0, result.stderr
    did: dict[str, Any] = json.loads(result.stdout)
    return did


async def content(database: str) -> list[Recorded[Event]]:
    """The demo's whole log, as if all of it had been recorded at one moment."""
    async with connected(database) as pool:
        events = await Log(pool, f"{demo.TENANT}-{CUSTOMERS}").read(limit=10**6)
    return [msgspec.structs.replace(event, recorded_at=END) for event in events]


async def test_killed_in_the_middle_it_ends_with_the_same_log(database: str) -> None:
    await kill_at_first_commit([KEHU, "demo", "--no-serve", "--customers", CUSTOMERS], database)
    resumed = load(database)
    interrupted = await content(database)
    connection = await asyncpg.connect(database)
    await connection.execute("DROP SCHEMA kehu, kehu_views CASCADE")
    await connection.close()
    undisturbed = load(database)
    assert resumed["events"] == undisturbed["events"] == len(interrupted)
    assert interrupted == await content(database)
    again = load(database)
    assert again["loaded_before"]
    assert again["events"] == undisturbed["events"]
    assert await fetch(database, "SELECT count(*) FROM kehu.events WHERE name = 'DayEnded'") == [(546,)]


def commands(customers: int | None = None) -> list[Command]:
    return demo.simulated(cdnow.purchases(cdnow.find(), customers))


def test_the_simulation_is_the_same_each_time_and_tells_all_kinds_of_stories() -> None:
    made = commands()
    assert made == commands()
    kinds = Counter(type(command).__name__ for command in made)
    assert kinds["ChangeProfile"] == 1_501  # of so many customers, and a company that moved
    assert kinds["ReceiveComplaint"] > 400
    assert min(kinds[name] for name in ("RejectRemedy", "EscalateComplaint", "ReopenComplaint")) > 20
    closed = sum(isinstance(c, CloseComplaint) for c in made) - sum(
        isinstance(c, ReopenComplaint) for c in made
    )
    assert sum(isinstance(c, ReceiveComplaint) for c in made) - closed > 20
    assert {c.channel for c in made if isinstance(c, RecordInteraction)} == set(Channel)
    texts = "".join(c.text or "" for c in made if isinstance(c, RecordInteraction))
    assert "😊" in texts
    assert "唱片" in texts
    assert any(not (c.name or "").isascii() for c in made if isinstance(c, ChangeProfile))


def test_everything_simulated_says_so_and_has_an_id_of_its_own() -> None:
    made = commands(2_000)
    assert {command.source for command in made} == {"simulated"}
    assert len({command.command_id for command in made}) == len(made)
    assert max(command.occurred_at for command in made) <= END


def test_the_queries_that_the_demo_prints_fit_the_schema() -> None:
    from graphql import parse, validate

    schema = build_schema({name: views[name] for name in NAMES}, reports)._schema
    for title, query in QUERIES:
        assert not validate(schema, parse(query)), title
