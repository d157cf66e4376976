"""The log as lines of JSON over HTTP: whole, resumed, within one's rights, and cut off where it must end."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from api import callers, export
from domain.customers import RegisterCustomer
from domain.events import decode
from domain.interactions import Channel, Direction, LoopStage, RecordInteraction
from domain.roles import Role
from infra.keys import Keys
from infra.log.sealing import unseal
from tests.api.server import PATIENCE, Api, key_of
from tests.api.test_events import log
from tests.api.test_rights import asking, tell

URL = "/export/events"


async def exported(api: Api, **parameters: Any) -> list[dict[str, Any]]:
    answer = await api.client.get(URL, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == export.LINES
    return [json.loads(line) for line in answer.text.splitlines()]


async def refusal(client: httpx.AsyncClient, **parameters: Any) -> tuple[int, str]:
    answer = await client.get(URL, params=parameters)
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def test_the_export_tells_what_the_log_holds_with_the_stored_bytes(api: Api) -> None:
    await tell(api, 1, "mei")
    await asyncio.gather(exported(api), log(api))  # which itself is in the log, once a day

    lines, told = await exported(api), await log(api)
    keys = await api.tenant.log.keys.of({f"customer-{line['customerId']}" for line in lines})
    for line, event in zip(lines, told, strict=True):
        data, raw = line.pop("data"), base64.b64decode(line.pop("raw"))
        key = keys.get(f"customer-{line['customerId']}")
        plain = unseal(line["name"], raw, key, (api.tenant.name, line["stream"], line["version"]))
        assert b"SECRET" not in raw
        assert decode(line["name"], line.pop("schema"), plain) == decode(line["name"], 1, encode_again(data))
        assert data == json.loads(event.pop("data"))
        assert line == event
    stored = await api.tenant.pool.fetch("SELECT data FROM kehu.events ORDER BY position")
    again = await exported(api)
    assert [base64.b64decode(line["raw"]) for line in again] == [row[0] for row in stored]


def encode_again(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()


async def test_it_goes_on_after_a_position_and_ends_where_one_says(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 4)
    await tell(api, 1, "mei")
    await exported(api)  # which itself is in the log, once a day
    everything, last = await exported(api), await api.tenant.log.head()
    assert [line["position"] for line in everything] == list(range(1, last + 1))
    for after in range(last + 1):
        assert await exported(api, after=after) == everything[after:]
    assert await exported(api, after=2, until=7) == everything[2:7]
    answer = await api.client.get(URL, params={"stream": "nothing"})
    assert (answer.text, answer.headers[export.UNTIL]) == ("", str(last))


async def test_it_selects_as_the_log_does(api: Api) -> None:
    await tell(api, 1, "mei")
    await tell(api, 2, "li")
    everything = await exported(api)
    for parameters, holds in (
        ({"name": ["OrderPlaced", "PointsEarned"]}, lambda e: e["name"] in ("OrderPlaced", "PointsEarned")),
        ({"customerId": "c2"}, lambda e: e["customerId"] == "c2"),
        ({"stream": "order-o1"}, lambda e: e["stream"] == "order-o1"),
        ({"commandId": everything[3]["commandId"]}, lambda e: e["commandId"] == everything[3]["commandId"]),
        ({"actor": "mei", "customerId": "c1"}, lambda e: e["customerId"] == "c1"),
        ({"actor": "nobody"}, lambda e: False),
    ):
        assert await exported(api, **parameters) == [e for e in everything if holds(e)], parameters


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"afther": 1}, "BAD_USER_INPUT"),
        ({"after": "x"}, "BAD_USER_INPUT"),
        ({"stream": "\0"}, "BAD_USER_INPUT"),
        ({"after": 10**30}, "BAD_MOMENT"),
        ({"until": "1950-01-01"}, "BAD_MOMENT"),
    ],
)
async def test_what_cannot_be_is_refused(api: Api, parameters: dict[str, Any], code: str) -> None:
    assert await refusal(api.client, **parameters) == (400, code)


async def test_everybody_gets_what_the_policy_gives_them(api: Api) -> None:
    await tell(api, 1, "mei")
    await tell(api, 2, "li")
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        assert "SECRET1" in (await client.get(URL, params={"customerId": "c1"})).text
        assert await refusal(client) == (403, "FORBIDDEN")
        assert await refusal(client, customerId="c2") == (403, "FORBIDDEN")
    async with asking(api, await key_of(api.tenant, Role.ANALYST, "ann")) as client:
        answer = await client.get(URL)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == await api.tenant.log.head()
    assert {line["raw"] for line in lines} == {None}
    assert "SECRET" not in answer.text
    async with asking(api, "kehu_nonsense") as client:
        assert await refusal(client) == (401, "UNAUTHENTICATED")


async def grown(api: Api, contacts: int) -> None:
    """A log of many large events, after the first."""
    now = datetime.now(UTC)
    opened = RegisterCustomer(command_id="c", actor="mei", occurred_at=now, customer_id="1", name="王")
    said = RecordInteraction(
        command_id="-", actor="mei", occurred_at=now, interaction_id="-", customer_id="1", topic="x",
        channel=Channel.PHONE, direction=Direction.INBOUND, stage=LoopStage.AFTER, text="王" * 2_000,
    )  # fmt: skip
    for begin in range(0, contacts, 500):
        some = [str(n) for n in range(begin, begin + min(500, contacts - begin))]
        await api.tenant.engine.execute_many(
            [opened, *(msgspec.structs.replace(said, command_id=n, interaction_id=n) for n in some)]
        )


async def test_a_key_that_is_revoked_on_the_way_gets_no_more(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "REMEMBERED_FOR", timedelta(0))
    monkeypatch.setattr(export, "PAGE", 1)
    await grown(api, 1_000)
    keys = Keys(api.tenant.pool, "main")
    key, token = await keys.create("a", Role.AUDITOR, "a")
    async with asking(api, token) as client, client.stream("GET", URL) as answer:
        pieces = answer.aiter_lines()
        first = json.loads(await anext(pieces))
        await keys.revoke(key.id)
        last = await until_cut_off(pieces) or first["position"]
    assert first["position"] == 1 <= last < 1_000
    async with asking(api, token) as client:
        assert await refusal(client, after=last) == (401, "UNAUTHENTICATED")


async def test_a_client_that_reads_nothing_is_not_read_ahead_for_and_is_cut_off(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    monkeypatch.setattr(export, "PAGE", 10)
    monkeypatch.setattr(export.Export, "admit", noting(read))
    monkeypatch.setattr("api.streaming.PATIENCE", 0.2)
    await grown(api, 3_000)
    plain = {"accept-encoding": "identity"}
    async with asking(api, api.key) as client, client.stream("GET", URL, headers=plain) as answer:
        pieces = answer.aiter_lines()
        await anext(pieces)
        await asyncio.wait([*api.server.server_state.tasks], timeout=PATIENCE)
        assert 1 < len(read) < 200
        assert await until_cut_off(pieces) < 3_000


async def until_cut_off(lines: AsyncIterator[str]) -> int:
    """The last position before an answer breaks off; 0 where it does so at once."""
    read: list[int] = []
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        await reading(lines, read)
    return read[-1] if read else 0


async def reading(lines: AsyncIterator[str], read: list[int]) -> None:
    async for line in lines:
        read.append(json.loads(line)["position"])


def noting(read: list[int]) -> Any:
    """Passes everybody, and notes where an export stands."""

    async def admit(self: export.Export) -> None:
        read.append(self.after)

    return admit


async def test_one_caller_has_few_exports_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "EXPORTS", 1)
    await grown(api, 1_000)
    async with asking(api, api.key) as client:
        async with client.stream("GET", URL) as answer:
            assert answer.status_code == 200
            assert await refusal(client) == (429, "CONNECTION_LIMIT")
        while (await client.get(URL, params={"after": 999})).status_code != 200:
            pass


async def test_it_is_compressed_for_those_who_can_read_that(api: Api) -> None:
    await grown(api, 20)
    head = await api.tenant.log.head()
    answer = await api.client.get(URL, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.text.splitlines()) == head
