"""Server-Sent Events, in both modes: each message once, across reconnects, and limits that are told."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api import callers, sse
from api.access import Access
from api.sse import TOKEN
from domain.roles import Role
from infra.keys import Keys
from infra.log import feeds
from tests.api.conftest import BUILT_IN
from tests.api.server import Api, Events, events, key_of, serving
from tests.api.test_changes import BEGIN, COMPLAINTS, TIERS, bought, ends
from tests.api.test_export import grown
from tests.api.test_subscriptions import EVENTS, followed, registered

NAMED = "{ customers(first: 1) { nodes { customerId } } }"
REGISTER = """mutation { registerCustomer(input: {customerId: "c0"}) { position errors { __typename } } }"""
DONE = {"event": "complete", "data": None}


async def code(answer: httpx.Response) -> tuple[int, str]:
    await answer.aread()
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def ended(stream: Events) -> dict[str, Any]:
    """The error that ends a stream; what comes before it is read."""
    while not (errors := (await stream.hear())["data"].get("errors")):
        pass
    assert await stream.hear() == DONE
    extensions: dict[str, Any] = errors[0]["extensions"]
    return extensions


# --- Distinct connections ----------------------------------------------------------------------------


async def test_a_query_and_a_mutation_are_answered_once(api: Api) -> None:
    async with api.events(REGISTER) as stream:
        assert await stream.next() == {"registerCustomer": {"position": 1, "errors": []}}
        assert await stream.hear() == DONE
    for _ in range(2):  # the second time by the plan of the first
        async with api.events(NAMED.replace("(", "(after: null ")) as stream:
            heard = await stream.hear()
            assert set(heard["data"]) == {"data", "extensions"}
            assert await stream.hear() == DONE
    async with api.events("subscription { nothing }") as stream:
        assert (await ended(stream))["code"] == "GRAPHQL_VALIDATION_FAILED"
    async with events(api.client, "GET", params={"query": REGISTER}) as stream:
        assert (await ended(stream))["code"] == "METHOD_NOT_ALLOWED"


async def test_a_subscription_is_a_stream_where_the_client_takes_one(api: Api) -> None:
    asked = {"query": "subscription { events(after: 0, filter: {until: 1}) { position } }"}
    await registered(api, 0, 1)
    both = {"accept": "application/graphql-response+json, text/event-stream"}
    answer = await api.client.post("/graphql", json=asked, headers=both)
    assert "id: 1\nevent: next\n" in answer.text
    answer = await api.client.post("/graphql", json={"query": "{ __typename }"}, headers=both)
    assert answer.json()["data"] == {"__typename": "Query"}
    answer = await api.client.post("/graphql", json=asked)
    assert await code(answer) == (405, "METHOD_NOT_ALLOWED")
    stranger = {"accept": "text/event-stream", "authorization": "Bearer nobody"}
    answer = await api.client.post("/graphql", json=asked, headers=stranger)
    assert await code(answer) == (401, "UNAUTHENTICATED")


async def test_who_comes_again_with_the_last_id_misses_and_repeats_nothing(api: Api) -> None:
    rng = random.Random(5)

    async def coming_and_going() -> list[int]:
        seen: list[int] = []
        last = None
        while not seen or seen[-1] < 120:
            async with api.events(EVENTS, last, after=0) as stream:
                for _ in range(rng.randint(1, 40)):
                    heard = await stream.hear()
                    seen.append(heard["data"]["data"]["events"]["position"])
                    last = heard["id"]
                    if seen[-1] == 120:
                        break
        return seen

    following = [asyncio.create_task(coming_and_going()) for _ in range(4)]
    for n in range(0, 120, 10):
        await registered(api, n, n + 10)
    for seen in await asyncio.gather(*following):
        assert seen == list(range(1, 121))
    async with api.events(EVENTS, "soon") as stream:
        assert (await ended(stream))["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(("query", "field"), [(TIERS, "tierChanges"), (COMPLAINTS, "complaints")])
async def test_many_messages_of_one_event_are_gone_on_with_in_their_midst(
    api: Api, query: str, field: str
) -> None:
    await bought(api, random.Random(1), days=3, customers=8)
    about = {"customerId": "c01", "category": "OTHER", "text": "?", "occurredAt": f"{BEGIN}T09:00:00Z"}
    for n in range(5):
        await api.done("receiveComplaint", complaintId=f"投诉-{n}", **about)
    last_day = await ends(api, BEGIN + timedelta(days=90))

    async def heard(last: str | None, most: int) -> list[str]:
        """The ids of messages up to the last day's end."""
        ids: list[str] = []
        async with api.events(query.replace("$after: Place", "$after: Place = 0"), last) as stream:
            while len(ids) < most:
                message = await stream.hear()
                told = message["data"]["data"][field]
                assert message["id"] == told["cursor"]
                ids.append(message["id"])
        return ids

    changes = await api.ask(
        "query Q($at: AsOf) @asOf(at: $at) { complaints { totalCount } }", at={"atLeast": last_day}
    )
    assert changes == {"complaints": {"totalCount": 5}}
    whole = await heard(None, 9)
    assert len({id.partition("/")[0] for id in whole}) < len(whole)  # several at one position
    pieces: list[str] = []
    while len(pieces) < 9:
        pieces += await heard(pieces[-1] if pieces else None, 2)
    assert pieces[:9] == whole


async def test_one_that_reads_nothing_is_ended_and_goes_on_where_it_was_over_sse(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "KEPT", 50)
    seen: list[int] = []
    async with api.events(EVENTS, after=0) as stream:
        await grown(api, 1)
        while len(seen) < 2:
            seen.append((await stream.next())["events"]["position"])
        for last in range(500, 3_000, 500):
            await grown(api, last)
        while "errors" not in (message := await stream.hear())["data"]:
            seen.append(message["data"]["data"]["events"]["position"])
        slow = message["data"]["errors"][0]["extensions"]
        assert await stream.hear() == DONE
    assert slow == {"code": "SLOW_CONSUMER", "after": seen[-1]}
    head = await api.tenant.log.head()
    async with api.events(EVENTS, str(seen[-1])) as stream:
        while seen[-1] < head:
            seen.append((await stream.next())["events"]["position"])
    assert seen == list(range(1, head + 1))


async def test_who_takes_nothing_for_long_is_cut_off(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.streaming.PATIENCE", 0.1)
    async with api.events(EVENTS, after=0):
        await grown(api, 3_000)
        while api.tenant.feeds.followers:  # noqa: ASYNC110  # nobody says so
            await asyncio.sleep(0.01)


async def test_a_stream_without_news_lives_until_its_key_ends(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "PING", 0.02)
    monkeypatch.setattr(callers, "REMEMBERED_FOR", timedelta(0))
    monkeypatch.setattr(feeds, "BEAT", 0.2)
    keys = Keys(api.tenant.pool, "main")
    key, token = await keys.create("a", Role.MANAGER, "mei")
    bearer = {"authorization": f"Bearer {token}"}
    async with events(api.client, "POST", json={"query": EVENTS}, headers=bearer) as stream:
        await followed(api)
        assert [await stream.line() for _ in range(6)] == [":", ""] * 3
        await keys.revoke(key.id)
        with pytest.raises(httpx.RemoteProtocolError):  # so that the client comes again and hears why
            await ended(stream)
    answer = await api.client.post("/graphql", json={"query": EVENTS}, headers=bearer)
    assert await code(answer) == (401, "UNAUTHENTICATED")


# --- A single connection -----------------------------------------------------------------------------


async def begin(api: Api, token: str, id: Any, query: str, **variables: Any) -> httpx.Response:
    body = {"query": query, "variables": variables, "extensions": {"operationId": id}}
    return await api.client.post("/graphql", json=body, headers={TOKEN: token})


async def reserve(api: Api) -> str:
    answer = await api.client.put("/graphql")
    assert answer.status_code == 201
    return answer.text


@asynccontextmanager
async def opened(api: Api, token: str) -> AsyncIterator[Events]:
    async with (
        httpx.AsyncClient(base_url=api.client.base_url) as browser,
        events(browser, "GET", params={"token": token}) as stream,
    ):
        yield stream


async def test_one_stream_carries_several_operations(api: Api) -> None:
    await registered(api, 0, 3)
    token = await reserve(api)
    early = "before the stream is open"
    assert (await begin(api, token, early, NAMED)).status_code == 202
    async with opened(api, token) as stream:
        ids = [early, early, "all", "all", "all"]
        assert (await begin(api, token, "all", EVENTS, after=0)).status_code == 202
        heard = [await stream.hear() for _ in ids]
        assert sorted(message["data"]["id"] for message in heard) == sorted(ids)
        assert await code(await begin(api, token, "all", EVENTS, after=0)) == (409, "CONFLICT")
        assert await code(await begin(api, token, 7, EVENTS)) == (400, "BAD_REQUEST")
        await begin(api, token, "wrong", "{ nothing }")
        message = (await stream.hear())["data"]
        assert message["id"] == "wrong"
        assert message["payload"]["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert await stream.hear() == {"event": "complete", "data": {"id": "wrong"}}
        answer = await api.client.delete("/graphql", params={"operationId": "all"}, headers={TOKEN: token})
        assert answer.status_code == 200
        await followed(api, 0)
        await registered(api, 3, 4)
        await begin(api, token, "new", EVENTS, after=3)
        message = (await stream.hear())["data"]
        assert (message["id"], message["payload"]["data"]["events"]["position"]) == ("new", 4)


async def test_a_stream_belongs_to_who_reserved_it_and_is_opened_once(api: Api) -> None:
    token = await reserve(api)
    other = {"authorization": f"Bearer {await key_of(api.tenant, Role.ADMIN, 'li')}", TOKEN: token}
    for method in ("POST", "DELETE"):
        answer = await api.client.request(method, "/graphql", json={"query": NAMED}, headers=other)
        assert await code(answer) == (404, "NOT_FOUND")
    takes = {"accept": "text/event-stream"}
    async with opened(api, token):
        answer = await api.client.get("/graphql", params={"token": token}, headers=takes)
        assert await code(answer) == (409, "CONFLICT")
        for n in range(sse.OPERATIONS):
            await begin(api, token, f"{n}", EVENTS)
        assert await code(await begin(api, token, "100", EVENTS)) == (429, "SUBSCRIPTION_LIMIT")
        await followed(api, sse.OPERATIONS)
    while api.tenant.feeds.followers:  # noqa: ASYNC110  # nobody says so
        await asyncio.sleep(0)
    answer = await api.client.get("/graphql", params={"token": token}, headers=takes)
    assert await code(answer) == (404, "NOT_FOUND")
    assert await code(await api.client.delete("/graphql")) == (404, "NOT_FOUND")


async def test_a_caller_has_so_many_streams_and_one_that_nobody_opens_is_given_up(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "RESERVED", 0.1)
    async with serving(database, BUILT_IN, Access(sockets=1)) as api:
        token = await reserve(api)
        takes = {"accept": "text/event-stream"}
        refused = await api.client.post("/graphql", json={"query": EVENTS}, headers=takes)
        assert await code(refused) == (429, "CONNECTION_LIMIT")
        while (await begin(api, token, 1, EVENTS)).status_code != 404:  # noqa: ASYNC110  # nobody says so
            await asyncio.sleep(0.01)
        async with api.events(EVENTS):
            assert await code(await api.client.put("/graphql")) == (429, "CONNECTION_LIMIT")


async def test_a_server_that_stops_tells_streams_where_to_go_on(api: Api) -> None:
    await registered(api, 0, 1)
    token = await reserve(api)
    async with api.events(EVENTS, after=0) as alone, opened(api, token) as shared:
        await begin(api, token, "1", EVENTS, after=0)
        await alone.next()
        await shared.hear()
        leave = api.server.config.app.state.leave  # type: ignore[union-attr]  # it is the application
        await leave()
        assert (await ended(alone))["code"] == "CLOSED"
        message = (await shared.hear())["data"]
        assert message["payload"]["errors"][0]["extensions"]["code"] == "CLOSED"
        assert json.dumps(await shared.hear()) == '{"event": "complete", "data": {"id": "1"}}'
        for stream in (alone, shared):
            with pytest.raises(StopAsyncIteration):
                await stream.line()
