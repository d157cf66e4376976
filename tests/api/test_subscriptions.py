"""Subscribers get each message once, in order, across reconnects; who is slow or loses a right is ended."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from api import callers
from domain.roles import Role
from infra.keys import Keys
from infra.log import feeds
from tests.api.server import PATIENCE, Api, Socket, key_of
from tests.api.test_export import grown
from tests.api.test_rights import tell

EVENTS = """subscription Events($after: Int64, $filter: EventFilter) {
  events(after: $after, filter: $filter) { position name customerId data }
}"""


async def told(socket: Socket, until: int, id: str = "1") -> list[int]:
    """The positions of the next events, up to one."""
    positions: list[int] = []
    while not positions or positions[-1] < until:
        positions.append((await socket.next(id))["events"]["position"])
    return positions


async def ended(socket: Socket, id: str = "1") -> dict[str, Any]:
    """The error that ends a subscription; what comes before it is read."""
    while True:
        message = await socket.hear()
        if errors := message["payload"].get("errors"):
            assert await socket.hear() == {"id": id, "type": "complete"}
            extensions: dict[str, Any] = errors[0]["extensions"]
            return extensions


async def followed(api: Api, followers: int = 1) -> None:
    """Wait until there are so many followers."""
    while api.tenant.feeds.followers < followers:  # noqa: ASYNC110  # nobody says so
        await asyncio.sleep(0)


async def registered(api: Api, begin: int, end: int) -> None:
    await asyncio.gather(*(api.done("registerCustomer", customerId=f"c{n}") for n in range(begin, end)))


async def test_nothing_is_lost_or_repeated_by_who_comes_and_goes(api: Api) -> None:
    rng = random.Random(3)

    async def coming_and_going() -> list[int]:
        seen: list[int] = []
        while not seen or seen[-1] < 120:
            async with api.socket() as socket:
                await socket.subscribe("1", EVENTS, after=seen[-1] if seen else 0)
                for _ in range(rng.randint(1, 30)):
                    seen += await told(socket, 0)
                    if seen[-1] == 120:
                        break
        return seen

    following = [asyncio.create_task(coming_and_going()) for _ in range(5)]
    for n in range(0, 120, 10):
        await registered(api, n, n + 10)
    for seen in await asyncio.gather(*following):
        assert seen == list(range(1, 121))


async def test_equal_subscribers_share_one_feed_and_others_do_not_hear_of_it(api: Api) -> None:
    async with api.socket() as one, api.socket() as two:
        for socket in (one, two):
            for id in ("1", "2", "3"):
                await socket.subscribe(id, EVENTS, after=0, filter={"names": ["CustomerRegistered"]})
        await one.subscribe("c7", EVENTS, after=0, filter={"customerId": "c7"})
        await registered(api, 7, 8)
        assert {(await one.hear())["id"] for _ in range(4)} == {"1", "2", "3", "c7"}
        assert {(await two.hear())["id"] for _ in range(3)} == {"1", "2", "3"}
        assert (api.tenant.feeds.distinct, api.tenant.feeds.followers) == (2, 7)


async def test_what_is_shared_is_shared_by_those_who_may_see_it_alone(api: Api) -> None:
    analyst, auditor = [await key_of(api.tenant, role, "a") for role in (Role.ANALYST, Role.AUDITOR)]
    agents = [await key_of(api.tenant, Role.AGENT, name) for name in ("mei", "li")]
    last = await tell(api, 1, "mei")
    for after in (0, last):  # what was there, what is yet to come
        async with api.socket(analyst) as masked, api.socket(auditor) as plain, api.socket(agents[0]) as own:
            for socket in (masked, plain, own):
                await socket.subscribe("1", EVENTS, after=after, filter={"customerId": "c1"})
            async with api.socket(agents[1]) as other:
                await other.subscribe("1", EVENTS, after=after, filter={"customerId": "c1"})
                assert (await ended(other))["code"] == "FORBIDDEN"
            await followed(api, 3)
            assert api.tenant.feeds.distinct == 1
            if after:
                await api.done("changeProfile", customerId="c1", name="SECRET again")
            texts = [json.dumps(await socket.hear(), ensure_ascii=False) for socket in (masked, plain, own)]
            assert ["SECRET" in text for text in texts] == [False, True, True]


async def test_a_subscription_ends_where_its_filter_says(api: Api) -> None:
    await registered(api, 0, 3)
    async with api.socket() as socket:
        await socket.subscribe("1", EVENTS, filter={"since": 2, "until": 4}, after=0)
        assert await told(socket, 3) == [2, 3]
        await registered(api, 3, 6)
        assert await told(socket, 4) == [4]
        assert await socket.hear() == {"id": "1", "type": "complete"}


async def test_one_that_hears_nothing_ends_with_its_key_too(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "REMEMBERED_FOR", timedelta(0))
    monkeypatch.setattr(feeds, "BEAT", 0.05)
    keys = Keys(api.tenant.pool, "main")
    key, token = await keys.create("a", Role.MANAGER, "mei")
    async with api.socket(token) as socket:
        await socket.subscribe("1", EVENTS)
        await followed(api)
        await keys.revoke(key.id)
        assert (await ended(socket))["code"] == "UNAUTHENTICATED"


async def test_an_agent_hears_no_more_of_a_customer_who_is_theirs_no_more(api: Api) -> None:
    last = await tell(api, 1, "mei")
    async with api.socket(await key_of(api.tenant, Role.AGENT, "mei")) as socket:
        await socket.subscribe("1", EVENTS, after=last, filter={"customerId": "c1"})
        await api.done("changeProfile", customerId="c1", region="here")
        assert await told(socket, 0) == [last + 1]
        await api.done("assignOwner", customerId="c1", owner="li")
        assert (await ended(socket))["code"] == "FORBIDDEN"


async def test_one_that_reads_nothing_is_ended_and_goes_on_where_it_was(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "KEPT", 50)
    async with api.socket() as socket:
        await socket.subscribe("1", EVENTS, after=0)
        await grown(api, 1)
        seen = await told(socket, 2)
        socket.connection.transport.pause_reading()
        for last in range(500, 3_000, 500):
            await grown(api, last)
        socket.connection.transport.resume_reading()
        heard: list[dict[str, Any]] = []
        while "errors" not in (message := await socket.hear())["payload"]:
            heard.append(message)
        seen += [message["payload"]["data"]["events"]["position"] for message in heard]
        slow = message["payload"]["errors"][0]["extensions"]
    assert slow == {"code": "SLOW_CONSUMER", "after": seen[-1]}
    assert seen == list(range(1, seen[-1] + 1))
    async with api.socket() as socket:
        await socket.subscribe("1", EVENTS, after=slow["after"])
        head = await api.tenant.log.head()
        assert await told(socket, head) == list(range(seen[-1] + 1, head + 1))


async def test_a_server_that_stops_tells_where_to_go_on(api: Api) -> None:
    async with api.socket() as socket:
        await socket.subscribe("1", EVENTS, after=0)
        await registered(api, 0, 1)
        await told(socket, 1)
        await api.tenant.feeds.close()
        assert (await ended(socket))["code"] == "CLOSED"
        api.server.should_exit = True
        with pytest.raises(ConnectionClosed, match=r"1001|1012"):
            await asyncio.wait_for(socket.connection.recv(), PATIENCE)
