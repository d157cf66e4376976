"""The auditors' log in pages, and subscriptions that begin where one says and skip nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.api.server import PATIENCE, Api
from tests.api.test_story import STORY, tell

LOG = """query Log($filter: EventFilter, $first: Int! = 50, $after: String) {
  eventLog(filter: $filter, first: $first, after: $after) {
    nodes { position stream version name recordedAt occurredAt customerId commandId actor onBehalfOf
            causationId correlationId source data }
    pageInfo { hasNextPage endCursor }
  }
}"""
EVENTS = """subscription Events($after: Int64, $of: String) {
  events(after: $after, filter: {customerId: $of}) { position name }
}"""


async def log(api: Api, **wanted: Any) -> list[dict[str, Any]]:
    """All events that a filter finds, four by four."""
    events: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await api.ask(LOG, filter=wanted, first=4, after=after))["eventLog"]
        events += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return events
        after = page["pageInfo"]["endCursor"]


async def test_the_log_can_be_read_in_pages_and_filtered(api: Api) -> None:
    await tell(api)
    await log(api)  # which itself is in the log, once a day
    told = await log(api)

    assert [e["position"] for e in told] == list(range(1, await api.tenant.log.head() + 1))
    done = [e for e in told if e["name"] != "PersonalDataRead"]
    assert len(done) == len(STORY) + 1  # a contact makes somebody responsible
    for wanted, holds in (
        ({"names": ["OrderPlaced", "DayEnded"]}, lambda e: e["name"] in ("OrderPlaced", "DayEnded")),
        ({"stream": "order-1"}, lambda e: e["stream"] == "order-1"),
        ({"customerId": "1"}, lambda e: e["customerId"] == "1"),
        (
            {"customerId": "1", "since": 9, "until": 20},
            lambda e: e["customerId"] == "1" and 9 <= e["position"] <= 20,
        ),
        ({"commandId": told[7]["commandId"]}, lambda e: e["commandId"] == told[7]["commandId"]),
        ({"actor": "nobody"}, lambda e: False),
        ({"actor": "mei"}, lambda e: True),
        ({"names": None}, lambda e: True),
    ):
        assert await log(api, **wanted) == [e for e in told if holds(e)], wanted


async def test_an_event_tells_who_when_why_and_for_whom(api: Api) -> None:
    await api.done(
        "registerCustomer",
        customerId="1",
        name="张三",
        idempotencyKey="k",
        occurredAt="2026-01-01T08:00:00+08:00",
        onBehalfOf="the boss",
        causationId="c",
        correlationId="conversation",
        source="simulated",
    )

    [event] = await log(api, correlationId="conversation")

    assert event.pop("recordedAt") > "2026-01-01T00:00:00+00:00"
    assert event.pop("data") == (
        '{"customer_id":"1","name":"张三","relation":"consumer","region":null,"language":null,"birthday":null}'
    )
    assert event == {
        "position": 1, "stream": "customer-1", "version": 1, "name": "CustomerRegistered",
        "occurredAt": "2026-01-01T00:00:00+00:00", "customerId": "1", "commandId": "k", "actor": "mei",
        "onBehalfOf": "the boss", "causationId": "c", "correlationId": "conversation", "source": "simulated",
    }  # fmt: skip


async def test_a_subscription_replays_then_follows(api: Api) -> None:
    for n in range(3):
        await api.done("registerCustomer", customerId=f"{n}")
    async with api.socket() as socket:
        await socket.subscribe("all", EVENTS, after=1)
        assert [(await socket.next("all"))["events"]["position"] for _ in range(2)] == [2, 3]
        await asyncio.gather(*(api.done("registerCustomer", customerId=f"n{n}") for n in range(20)))
        assert [(await socket.next("all"))["events"]["position"] for _ in range(20)] == list(range(4, 24))


async def test_a_subscription_can_follow_one_customer(api: Api) -> None:
    await api.done("registerCustomer", customerId="1")
    async with api.socket() as socket:
        await socket.subscribe("one", EVENTS, after=0, of="2")
        await api.done("changeProfile", customerId="1", name="Ada")
        await api.done("registerCustomer", customerId="2")
        assert (await socket.next("one"))["events"] == {"position": 3, "name": "CustomerRegistered"}


def operations() -> set[asyncio.Task[Any]]:
    """The server's tasks that answer somebody over a WebSocket."""
    return {task for task in asyncio.all_tasks() if "run_operation" in repr(task.get_coro())}


async def test_a_client_that_completes_or_leaves_leaves_nothing_behind(api: Api) -> None:
    async with api.socket() as socket:
        for id in ("1", "2"):
            await socket.subscribe(id, EVENTS, after=0)
        await api.done("registerCustomer", customerId="1")
        assert {(await socket.hear())["id"] for _ in range(2)} == {"1", "2"}
        running = operations()
        assert len(running) == 2
        await socket.say("complete", id="1")
        await socket.say("ping")
        assert await socket.hear() == {"type": "pong"}
        await api.done("registerCustomer", customerId="2")
        assert (await socket.next("2"))["events"]["position"] == 2
        assert len(operations()) == 1
    _, left = await asyncio.wait(running, timeout=PATIENCE)
    assert not left


async def test_a_server_that_stops_ends_its_subscriptions(api: Api) -> None:
    async with api.socket() as socket:
        await socket.subscribe("1", EVENTS, after=0)
        await api.done("registerCustomer", customerId="1")
        await socket.next("1")
        running = operations()
        api.server.should_exit = True
        with pytest.raises(ConnectionClosed, match=r"1001|1012"):
            await socket.hear()
    _, left = await asyncio.wait(running, timeout=PATIENCE)
    assert not left


async def test_only_the_new_protocol_is_spoken(api: Api) -> None:
    async with connect(api.socket_url, subprotocols=[Subprotocol("graphql-ws")]) as connection:
        with pytest.raises(ConnectionClosed, match="4406"):
            await asyncio.wait_for(connection.recv(), PATIENCE)


async def test_a_document_that_cannot_be_parsed_is_told_and_the_connection_stays(api: Api) -> None:
    async with api.socket() as socket:
        await socket.subscribe("1", "subscription {")
        message = await socket.hear()
        assert (message["type"], message["id"]) == ("error", "1")
        assert message["payload"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
        await socket.subscribe("2", "{ __typename }")
        assert await socket.next("2") == {"__typename": "Query"}


async def test_a_page_of_another_site_cannot_open_a_connection(api: Api) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        await connect(
            api.socket_url,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            origin=Origin("https://evil.example"),
        )
