"""The generation that was replaced last serves again at once, and stays until its successor changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from infra.views import generations, projector
from infra.views.conditions import Window
from infra.views.lag import lags
from infra.views.reader import EVERYTHING, ViewReader
from projections.view import Declaration, View, views
from tests.infra.folding import folded
from tests.infra.populations import Rows
from tests.infra.worlds import VIEWS, World, opened_world

NAME = "spendings"


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with opened_world(database) as world:
        yield world


def changed(digest: str, received: int) -> list[Declaration]:
    """The views, one of which counts otherwise."""
    view = views[NAME]
    handlers = {
        kind: msgspec.structs.replace(
            handler, fold=lambda row, recorded, fold=handler.fold: counted(fold(row, recorded), received)
        )
        for kind, handler in view.handlers.items()
    }
    new = msgspec.structs.replace(view, digest=digest, handlers=handlers)
    return [new, *(other for other in VIEWS if other is not view)]


def counted(row: View, received: int) -> View:
    return row.but(received_minor=received)


async def bring_back(world: World) -> int:
    async with world.log.pool.acquire() as connection, connection.transaction():
        return await generations.bring_back(connection, "main", NAME)


async def answers(world: World) -> Rows:
    reader = ViewReader(world.log, views)
    standing = await reader.standing()
    table, at = reader.table(NAME, standing), standing.positions[NAME]
    page = await reader.page(table, at, sight=EVERYTHING, window=Window(size=1_000))
    return {views[NAME].key_of(found.row): found.row for found in page.rows}


async def states(world: World) -> dict[int, str]:
    return {lag.generation: lag.state for lag in await lags(world.log.pool, "main") if lag.view == NAME}


async def test_the_old_answers_are_back_at_once_and_a_restart_does_not_swap(world: World) -> None:
    await world.live(31, 300)
    await world.projector().catch_up()
    old = await answers(world)
    await world.projector(changed("second", 7)).catch_up()
    new = await answers(world)
    assert {row.received_minor for row in new.values()} == {7}  # type: ignore[attr-defined]  # a spending
    assert await states(world) == {1: "former", 2: "serving"}

    assert await bring_back(world) == 1
    assert await answers(world) == old != new
    await world.live(310, 50)
    await world.projector(changed("second", 7)).catch_up()
    assert await answers(world) == old, "its code is gone: it stays where it was"
    assert await states(world) == {1: "serving", 2: "withdrawn"}

    head = await world.projector().catch_up()
    assert (await world.positions())[NAME, 1] == head, "its code is there again: it goes on"

    await world.projector(changed("third", 8)).catch_up()
    assert {row.received_minor for row in (await answers(world)).values()} == {8}  # type: ignore[attr-defined]
    assert await states(world) == {1: "former", 3: "serving"}


async def test_a_rebuild_that_is_asked_for_serves_again_and_so_does_what_was_withdrawn(world: World) -> None:
    await world.live(32, 200)
    follower = world.projector()
    await follower.catch_up()
    with pytest.raises(generations.NothingToBringBack, match=NAME):
        await bring_back(world)
    second = world.projector(changed("second", 7))
    await second.catch_up()
    assert [await bring_back(world) for _ in range(3)] == [1, 2, 1]
    await second.rebuild([NAME])
    await second.catch_up()
    assert {row.received_minor for row in (await answers(world)).values()} == {7}  # type: ignore[attr-defined]
    assert await states(world) == {1: "former", 3: "serving"}


async def test_a_field_that_the_serving_generation_lacks_has_its_default(world: World) -> None:
    await world.live(33, 200)
    await world.projector().catch_up()
    await world.log.pool.execute(
        f"ALTER TABLE kehu_views.{NAME}_1 DROP COLUMN order_count;"
        f"ALTER TABLE kehu_views.{NAME}_1_past DROP COLUMN order_count;"
        f"UPDATE kehu.builds SET columns = array_remove(columns, 'order_count bigint') WHERE view = '{NAME}'"
    )
    assert {row.order_count for row in (await answers(world)).values()} == {0}  # type: ignore[attr-defined]


async def test_no_read_fails_or_mixes_while_a_changed_view_is_built_under_writes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An oracle folds the log up to the position that each answer names, for either declaration."""
    monkeypatch.setattr(projector, "BATCH", 40)
    await world.live(34, 400)
    await world.projector().catch_up()
    reader, new = ViewReader(world.log, views), changed("second", 7)
    read: list[tuple[int, int, Rows]] = []

    async def ask() -> None:
        while True:
            standing = await reader.standing()
            at, table = standing.positions[NAME], reader.table(NAME, standing)
            page = await reader.page(table, at, sight=EVERYTHING, window=Window(size=1_000))
            read.append((table.generation, at, {views[NAME].key_of(f.row): f.row for f in page.rows}))

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    follower = world.projector(new)
    for turn in range(4):
        await asyncio.gather(world.live(340 + turn, 60, chunk=5), follower.catch_up())
    for task in asking:
        task.cancel()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(end) for end in ended] == [asyncio.CancelledError] * 4
    assert {generation for generation, _, _ in read} == {1, 2}
    events = await world.log.read(limit=10**6)
    declared = {1: views[NAME], 2: new[0]}
    expected = {
        (generation, at): folded([declared[generation]], events[:at])[NAME] for generation, at, _ in read
    }
    assert all(rows == expected[generation, at] for generation, at, rows in read)
