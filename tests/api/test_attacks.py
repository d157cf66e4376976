"""The attacks of the field: each is refused in bounded work, with a stable code."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from graphql import GraphQLError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from api.access import Access
from api.rates import Rates
from tests.api.conftest import BUILT_IN
from tests.api.server import PATIENCE, Api, Socket, serving
from tests.api.test_limits import bomb

INVALID = "GRAPHQL_VALIDATION_FAILED"
BOUND = 1.0
"""Seconds of work of client and server together, in which each refusal must have come."""
JSON = {"content-type": "application/json"}
NINES = "9" * 5_000
PROTOCOL = Subprotocol("graphql-transport-ws")
EVENTS = {"type": "subscribe", "id": "1", "payload": {"query": "subscription { events { position } }"}}
CIRCLE = "{ __schema { types { %s } } }" % ("fields { type { " * 8 + "name" + " } }" * 8)
DEEP = "{ customers " + "{ nodes { orders " * 20 + "{ totalCount }" + " } }" * 20 + " }"
LARGE = "{ customers(first: 1000) { nodes { orders(first: 1000) { nodes { orderId } } } } }"
TOO_COMPLEX = {
    "fragments": bomb(90),
    "aliases": "{ customers { " + " ".join(f"a{n}: totalCount" for n in range(150)) + " } }",
    "roots": "{ " + "customers { totalCount } " * 25 + "}",
    "namesakes": "{ customers { " + "totalCount " * 4_000 + "} }",
    "directives": "{ customers { totalCount " + "@skip(if: false) " * 300 + "} }",
    "conditions": "{ customers(filter: {any: [" + "{live: {eq: true}} " * 300 + "]}) { totalCount } }",
    "variables": "query (" + "$v%s: Int " * 101 % (*range(101),) + ") { __typename }",
    "introspections": "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(3)) + " }",
    "digits": f"{{ customers(first: {NINES}) {{ totalCount }} }}",
    "digits of a default": f"query ($n: Int = {NINES}) {{ customers(first: $n) {{ totalCount }} }}",
    "digits of a position": f"{{ eventLog(filter: {{since: {NINES}}}) {{ nodes {{ position }} }} }}",
    "chain": bomb(70).replace("nodes { name } ", ""),
    "depth": DEEP,
    "circle": CIRCLE,
    "pages": LARGE,
}
ATTACKS = {
    **{name: (query, "TOO_COMPLEX") for name, query in TOO_COMPLEX.items()},
    "tokens": ("{ customers { " + "a " * 20_000 + "} }", "GRAPHQL_PARSE_FAILED"),
    "nesting": ("{ a" * 5_000 + "}" * 5_000, "GRAPHQL_PARSE_FAILED"),
    "cycle": ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", INVALID),
    "moments": ("query Q " + "@asOf(at: {position: 1}) " * 40 + "{ __typename }", INVALID),
    "faults": ("{ " + " ".join(f"nothing{n}" for n in range(15)) + " }", INVALID),
}


async def test_hostile_documents_are_refused_in_bounded_work(api: Api) -> None:
    for name, (query, code) in ATTACKS.items():
        began = time.process_time()
        answer = await api.send(query)
        assert time.process_time() - began < BOUND, name
        assert "data" not in answer, name
        assert {error["extensions"]["code"] for error in answer["errors"]} == {code}, name
        assert len(answer["errors"]) <= 6, name


FILTER = "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }"


def within(times: int, words: str = "not") -> str:
    """An object within an object, so many times."""
    return f'{{"{words}": ' * times + "{}" + "}" * times


BODIES: dict[str, tuple[str | bytes, str]] = {
    "deep filter": (f'{{"query": "{FILTER}", "variables": {{"f": {within(300)}}}}}', "GRAPHQL_PARSE_FAILED"),
    "deep JSON": (f'{{"query": "{FILTER}", "variables": {{"f": {within(50_000)}}}}}', "BAD_REQUEST"),
    "brackets": ("[" * 100_000, "BAD_REQUEST"),
    "wide filter": (
        f'{{"query": "{FILTER}", "variables": {{"f": {{"any": [{", ".join([within(1)] * 9_000)}]}}}}}}',
        "TOO_COMPLEX",
    ),
    "digits": (
        '{"query": "query ($n: Int) { customers(first: $n) { totalCount } }", "variables": {"n": '
        + NINES
        + "}}",
        "BAD_REQUEST",
    ),
    "no number": (
        '{"query": "query ($n: Float) { duplicateCandidates(least: $n) { score } }",'
        ' "variables": {"n": 1e999}}',
        INVALID,
    ),
    "zero byte": (
        f'{{"query": "{FILTER}", "variables": {{"f": {{"name": {{"eq": "\\u0000"}}}}}}}}',
        "BAD_USER_INPUT",
    ),
    "half a character": (
        f'{{"query": "{FILTER}", "variables": {{"f": {{"name": {{"eq": "\\ud800"}}}}}}}}',
        "BAD_USER_INPUT",
    ),
    "large": ('{"query": "{ __typename }", "x": "' + "x" * 1_000_000 + '"}', "BODY_TOO_LARGE"),
    "forged cursor": (
        '{"query": "{ customers(after: \\"%s\\") { totalCount } }"}' % ("A" * 4_000),
        "BAD_CURSOR",
    ),
    "no query": ('{"query": 5}', "BAD_REQUEST"),
    "nothing": ("", "BAD_REQUEST"),
    "other letters": (b"\xff\xfe\x00", "BAD_REQUEST"),
}


async def test_hostile_bodies_are_refused_in_bounded_work(api: Api) -> None:
    for name, (body, code) in BODIES.items():
        began = time.process_time()
        answer = await api.client.post("/graphql", content=body, headers=JSON)
        assert time.process_time() - began < BOUND, name
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == [code], name


async def test_a_body_without_an_end_is_cut_off(api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    head = f"authorization: Bearer {api.key}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked"
    writer.write(f"POST /graphql HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n".encode())
    for _ in range(11):
        writer.write(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
    assert b" 413 " in await asyncio.wait_for(reader.readline(), PATIENCE)
    writer.close()


async def test_a_batch_is_refused(api: Api) -> None:
    answer = await api.client.post("/graphql", json=[{"query": "{ __typename }"}] * 100)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BATCHING_REFUSED")


async def test_a_body_that_drips_is_given_up(database: str) -> None:
    async with serving(database, BUILT_IN, Access(body_seconds=0.2)) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        head = f"authorization: Bearer {api.key}\r\ncontent-type: application/json\r\ncontent-length: 99\r\n"
        writer.write(f"POST /graphql HTTP/1.1\r\nhost: x\r\n{head}\r\n{{".encode())
        assert b" 408 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()


async def test_a_statement_that_takes_too_long_is_cancelled(database: str) -> None:
    reading = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessShareLock'"
    async with serving(database, BUILT_IN, Access(request_seconds=0.3)) as api:
        pool = api.tenant.pool
        async with pool.acquire() as holder, holder.transaction():
            await holder.execute("LOCK TABLE kehu_views.customers_1 IN ACCESS EXCLUSIVE MODE")
            answer = await api.client.post("/graphql", json={"query": "{ customers { position } }"})
            assert answer.status_code == 504
            assert answer.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"
            while await pool.fetchval(reading):
                pass


async def test_another_sites_page_has_no_cookie_to_use(api: Api) -> None:
    url, cookies = f"http://127.0.0.1:{api.port}", {"kehu_session": api.key}
    body = {"query": "{ __typename }"}
    async with httpx.AsyncClient(base_url=url, cookies=cookies) as browser:
        ours = {"origin": url, "sec-fetch-site": "same-origin"}
        same = await browser.post("/graphql", json=body, headers=ours)
        cross = [
            await browser.post("/graphql", json=body, headers={"origin": "https://evil.example"}),
            await browser.post("/graphql", json=body, headers={"sec-fetch-site": "cross-site"}),
            await browser.get("/graphql", params=body),
            await browser.post("/session", data={"key": api.key}, headers={"origin": "https://evil.example"}),
        ]
    assert same.status_code == 200
    assert [answer.status_code for answer in cross] == [401, 401, 401, 403]
    assert all("access-control-allow-origin" not in answer.headers for answer in cross)


async def test_what_a_form_of_another_site_can_send_is_not_read(api: Api) -> None:
    body = '{"query": "{ __typename }"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = await api.client.post("/graphql", content=body, headers={"content-type": kind})
        code = answer.json()["errors"][0]["extensions"]["code"]
        assert (answer.status_code, code) == (415, "UNSUPPORTED_MEDIA_TYPE"), kind


async def test_another_sites_page_opens_no_socket_with_our_cookie(api: Api) -> None:
    url, cookie = f"http://127.0.0.1:{api.port}", {"cookie": f"kehu_session={api.key}"}
    ours = connect(api.socket_url, subprotocols=[PROTOCOL], additional_headers={**cookie, "origin": url})
    async with ours as connection:
        socket = Socket(connection)
        await socket.say("connection_init")
        assert await socket.hear() == {"type": "connection_ack"}
    evil = {**cookie, "origin": "https://evil.example"}
    with pytest.raises(InvalidStatus, match="403"):
        await connect(api.socket_url, subprotocols=[PROTOCOL], additional_headers=evil)


UNSPEAKABLE: dict[str, list[dict[str, Any]]] = {
    "4401": [{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}],
    "4429": [{"type": "connection_init"}, {"type": "connection_init"}],
    "4400": [{"type": "nonsense"}],
    "4409": [{"type": "connection_init"}, EVENTS, EVENTS],
}
"""What must not be said, by the code with which the server hangs up."""


async def test_who_does_not_speak_the_protocol_is_hung_up_on(api: Api) -> None:
    async def talk(socket: Socket, said: list[dict[str, Any]]) -> None:
        for one in said:
            await socket.connection.send(json.dumps(one))
        while True:
            await socket.hear()

    key = {"authorization": f"Bearer {api.key}"}
    for code, said in UNSPEAKABLE.items():
        async with connect(api.socket_url, subprotocols=[PROTOCOL], additional_headers=key) as connection:
            with pytest.raises(ConnectionClosed, match=code):
                await talk(Socket(connection), said)


CLOSED = Access.production(rate=50, burst=200)


async def test_in_production_nothing_is_told_to_who_probes(database: str) -> None:
    async with serving(database, BUILT_IN, CLOSED) as api:
        probed = await api.send("{ custmers { totalCount } customers { nodes { nam } } }")
        assert "Did you mean" not in json.dumps(probed)
        query = "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }"
        variables = await api.send(query, f={"nam": 1})
        assert "Did you mean" not in json.dumps(variables)
        for query in ("{ __schema { types { name } } }", '{ __type(name: "Customer") { name } }'):
            errors = (await api.send(query))["errors"]
            assert {error["extensions"]["code"] for error in errors} == {INVALID}
        page = await api.client.get("/graphql", headers={"accept": "text/html"})
        assert page.status_code == 404
        del api.client.headers["authorization"]
        assert (await api.client.post("/graphql", json={"query": "{ __typename }"})).status_code == 401


async def test_who_asks_for_too_much_in_a_while_has_to_wait(database: str) -> None:
    async with serving(database, BUILT_IN, CLOSED) as api:
        query = "{ customers(first: 100) { nodes { name } } }"
        first = await api.send(query)
        assert first["extensions"]["cost"]["requested"] == 101
        assert first["extensions"]["cost"]["limit"] == 200
        refused = await api.client.post("/graphql", json={"query": "{ customers(first: 190) { position } }"})
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert int(refused.headers["retry-after"]) >= 1


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    rates = Rates(10, 100, clock=lambda: now[0])
    assert rates.take("a", 100) == {"requested": 100, "limit": 100, "remaining": 0}
    with pytest.raises(GraphQLError, match="try again in 5 s"):
        rates.take("a", 50)
    assert rates.take("b", 50)["remaining"] == 50
    now[0] = 5
    assert rates.take("a", 50)["remaining"] == 0


async def test_floods_of_subscriptions_and_sockets_are_bounded(database: str) -> None:
    async with serving(database, BUILT_IN, Access(sockets=1)) as api, api.socket() as socket:
        for n in range(101):
            await socket.subscribe(str(n), "subscription { events { position } }")
        refused = await socket.hear()
        assert (refused["type"], refused["id"]) == ("error", "100")
        assert refused["payload"][0]["extensions"]["code"] == "SUBSCRIPTION_LIMIT"
        with pytest.raises(ConnectionClosed, match="4403"):
            async with api.socket():
                pass


async def test_a_socket_needs_a_key(api: Api) -> None:
    with pytest.raises(ConnectionClosed, match="4403"):
        async with api.socket("kehu_000000000000_" + "x" * 43):
            pass
