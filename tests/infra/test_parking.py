"""An event that a fold refuses parks its key; a retry makes the history that a rebuild would have made."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest

from infra.views import generations
from infra.views.lag import lags
from infra.views.parking import ask, parked
from infra.views.projector import Projector
from projections.view import Declaration, views
from tests.infra.worlds import VIEWS, World, assert_true, opened_world


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with opened_world(database) as world:
        yield world


def refuse(row: Any) -> Any:
    raise ValueError("no such row")


def overflow(row: Any) -> Any:
    """Values that the table cannot hold."""
    return row.but(total_minor=2**70) if hasattr(row, "total_minor") else row.but(text="nul \0")


class Poison:
    """Makes a view's fold refuse some positions, until it is mended."""

    def __init__(self, name: str, how: Callable[[Any], Any]) -> None:
        self.view, self._how = views[name], how
        self.positions: set[int] = set()

    def declarations(self) -> list[Declaration]:
        handlers = {
            kind: msgspec.structs.replace(handler, fold=self._poisoned(handler.fold))
            for kind, handler in self.view.handlers.items()
        }
        sick = msgspec.structs.replace(self.view, handlers=handlers)
        return [sick, *(view for view in VIEWS if view is not self.view)]

    def _poisoned(self, fold: Callable[..., Any]) -> Callable[..., Any]:
        def poisoned(row: Any, recorded: Any, *policies: Any) -> Any:
            after = fold(row, recorded, *policies)
            return self._how(after) if recorded.position in self.positions else after

        return poisoned


async def places(world: World, view: str, *, every: int) -> set[int]:
    """Some positions whose events the view follows."""
    kinds = tuple(kind for kind, handler in views[view].handlers.items() if handler.rows is None)
    found = [e.position for e in await world.log.read(limit=10**6) if isinstance(e.event, kinds)]
    return set(found[1::every])


@pytest.mark.parametrize("how", [refuse, overflow])
@pytest.mark.parametrize(("name", "every"), [("orders", 4), ("complaints", 60)])
async def test_a_key_waits_and_a_retry_equals_a_rebuild(
    world: World, name: str, every: int, how: Callable[[Any], Any]
) -> None:
    await world.live(21, 900)
    poison = Poison(name, how)
    poison.positions = await places(world, name, every=every)
    sick = world.projector(poison.declarations())
    head = await sick.catch_up()
    assert {*(await world.positions()).values()} == {head}

    waiting = await parked(world.log.pool, "main")
    assert {key.view for key in waiting} == {name}
    assert {key.position for key in waiting} <= poison.positions
    assert all(f"at position {key.position}" in key.error for key in waiting)
    [lag] = [lag for lag in await lags(world.log.pool, "main") if lag.view == name]
    assert (lag.parked, lag.events, lag.failed) == (len(waiting), 0, None)
    keys = {tuple(key.key) for key in waiting}
    rows = await world.rows(views[name], head)
    assert rows.keys() - keys, "others flow on"

    await world.live(210, 300)
    head = await sick.catch_up()
    assert await ask(world.log.pool, "main", [name])
    await sick.catch_up()
    assert await parked(world.log.pool, "main"), "what is refused again waits again"
    assert not any(key.retry for key in await parked(world.log.pool, "main"))

    poison.positions.clear()
    await ask(world.log.pool, "main", [name])
    await sick.catch_up()
    assert await parked(world.log.pool, "main") == []
    retried = await world.digests([views[name]])
    await assert_true(world, [head // 3, head // 2, head], [views[name]])
    await sick.rebuild([name])
    await sick.catch_up()
    assert await world.digests([views[name]]) == retried


async def test_what_waits_is_remembered_by_the_next_process(world: World) -> None:
    await world.live(22, 300)
    poison = Poison("orders", refuse)
    poison.positions = await places(world, "orders", every=6)
    await world.projector(poison.declarations()).catch_up()
    before = [(key.key, key.position) for key in await parked(world.log.pool, "main")]
    await world.live(220, 300)
    poison.positions.clear()
    follower: Projector = world.projector(poison.declarations())
    head = await follower.catch_up()
    assert [(key.key, key.position) for key in await parked(world.log.pool, "main")] == before
    await ask(world.log.pool, "main", ["orders"])
    await follower.catch_up()
    await assert_true(world, [head // 2, head], [views["orders"]])


def let_it_step(serving: Projector, asking: Projector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The serving process moves on once, before the ninth step of the one that asks."""
    step, steps = asking.step, itertools.count(1)

    async def slowly() -> bool:
        if next(steps) == 9:
            await serving.step()
        return await step()

    monkeypatch.setattr(asking, "step", slowly)


async def test_who_asks_for_a_retry_waits_for_the_process_whose_keys_they_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.live(23, 300)
    poison = Poison("orders", refuse)
    poison.positions = await places(world, "orders", every=6)
    serving, asking = (world.projector(poison.declarations()) for _ in range(2))
    while await serving.step():
        pass
    assert await parked(world.log.pool, "main")
    poison.positions.clear()
    await ask(world.log.pool, "main", ["orders"])
    let_it_step(serving, asking, monkeypatch)
    await asking.catch_up()
    assert await parked(world.log.pool, "main") == []
    await serving.leave()


async def test_who_rebuilds_waits_for_the_process_that_swaps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.live(24, 300)
    serving, asking = world.projector(), world.projector()
    await serving.catch_up()
    await serving.rebuild(["orders"])
    with monkeypatch.context() as patched:
        patched.setattr(generations, "swap", AsyncMock(return_value=False))
        while await serving.step():
            pass
    let_it_step(serving, asking, monkeypatch)
    await asking.catch_up()
    states = {lag.generation: lag.state for lag in await lags(world.log.pool, "main") if lag.view == "orders"}
    assert states == {1: "former", 2: "serving"}
    await serving.leave()
