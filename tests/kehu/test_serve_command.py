"""`kehu serve` answers, stops cleanly, and says in one line why it cannot start."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.server import events
from tests.kehu.console import KEHU, environment, kehu

EXAMPLE = Path(__file__).parents[2] / "examples" / "channel_use.py"


FOLLOW = "subscription { events(after: 0) { position } }"
REGISTER = """mutation($id: String!) {
  registerCustomer(input: {customerId: $id, idempotencyKey: $id}) { position errors { __typename } }
}"""


def client_of(url: str, key: str) -> httpx.AsyncClient:
    """A client of the server with this machine's key."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=url.removesuffix("/graphql"), headers=headers, timeout=30)


async def register(client: httpx.AsyncClient, number: int) -> int:
    """The position after a customer is registered, or was so by the same command."""
    body = {"query": REGISTER, "variables": {"id": f"c{number}"}}
    done = (await client.post("/graphql", json=body)).json()["data"]["registerCustomer"]
    assert done["errors"] == []
    position: int = done["position"]
    return position


@asynccontextmanager
async def serving(
    database: str, *arguments: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    """A server on a free port, the address of its GraphQL, and this machine's key."""
    process = await asyncio.create_subprocess_exec(
        KEHU, "serve", "--port", "0", "--json", *arguments, env=environment(database), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        said = json.loads(line)
        yield process, said["url"], said["key"]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_answers_with_an_analysts_view_and_stops_at_a_signal(database: str, tmp_path: Path) -> None:
    buyers, contacts = tmp_path / "b.csv", tmp_path / "c.csv"
    buyers.write_text("customer,at,amount,currency\na,1997-01-01,1,USD\n")
    contacts.write_text("customer,at,channel,topic\na,1997-01-02,chat,x\na,1997-01-03,chat,y\n")
    assert kehu("import", buyers, "--as", "purchases", database=database).returncode == 0
    async with (
        serving(database, "--projection", str(EXAMPLE)) as (process, url, key),
        httpx.AsyncClient() as client,
    ):
        assert kehu("import", contacts, "--as", "interactions", database=database).returncode == 0
        query = "query($p: Int64!) @asOf(at: {atLeast: $p}) { channelUses { nodes { channel contacts } } }"
        bearer = {"authorization": f"Bearer {key}"}
        answer = await client.post(
            url, headers=bearer, json={"query": query, "variables": {"p": 6}}, timeout=30
        )
        nodes = [{"channel": "chat", "contacts": 2}]
        assert answer.json()["data"] == {"channelUses": {"nodes": nodes}}, answer.text
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    async with serving(database) as (_, url, key), client_of(url, key) as client:
        await register(client, 0)  # the view that nobody follows any more stays behind
        async with asyncio.timeout(30):
            while (await client.get("/ready")).json() != {"ready": True, "behind": 0}:
                pass


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_stops_while_a_stream_is_open(database: str, how: signal.Signals) -> None:
    async with serving(database) as (process, url, key), client_of(url, key) as client:
        async with events(client, "POST", json={"query": FOLLOW}) as stream:
            last = await register(client, 0)
            while (await stream.next())["events"]["position"] < last:
                pass
            process.send_signal(how)
            [error] = (await stream.hear())["data"]["errors"]
            assert error["extensions"]["code"] == "CLOSED"
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_who_follows_a_server_that_is_killed_goes_on_at_the_next_one(database: str) -> None:
    seen: list[int] = []
    last: str | None = None

    async def follow(client: httpx.AsyncClient, until: int) -> None:
        nonlocal last
        headers = {"last-event-id": last} if last else {}
        async with events(client, "POST", json={"query": FOLLOW}, headers=headers) as stream:
            while not seen or seen[-1] < until:
                heard = await stream.hear()
                seen.append(heard["data"]["data"]["events"]["position"])
                last = heard["id"]

    async with serving(database) as (process, url, key), client_of(url, key) as client:
        following = asyncio.create_task(follow(client, 1_000))
        for number in range(20):
            await register(client, number)
        while len(seen) < 10:  # noqa: ASYNC110  # nobody says so
            await asyncio.sleep(0)
        writing = [asyncio.create_task(register(client, number)) for number in range(20, 40)]
        process.kill()
        done = await asyncio.gather(following, *writing, return_exceptions=True)
        assert isinstance(done[0], httpx.TransportError)
    async with serving(database) as (_, url, key), client_of(url, key) as client:
        for number in range(15, 50):  # what was done already is answered again
            await register(client, number)
        await asyncio.wait_for(follow(client, 50), 30)
    assert seen == list(range(1, 51))


async def test_a_used_port_is_told_in_one_line(database: str) -> None:
    async with serving(database) as (_, url, _):
        result = await asyncio.to_thread(kehu, "serve", "--port", str(urlsplit(url).port), database=database)
        assert result.returncode == 1
        assert "Address already in use" in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_wrong_projection_is_told_in_one_line(database: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from kehu import nothing\n")
    result = kehu("serve", "--projection", file, database=database)
    assert result.returncode == 2
    assert f"{file}:1: " in result.stderr
    assert result.stderr.count("\n") == 1
