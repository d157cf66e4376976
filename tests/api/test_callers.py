"""Who asks is known by an API key or by an OIDC issuer's token, and by nothing else."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api import oidc
from api.access import Access
from api.oidc import Issuer, Jwts
from domain.roles import Role
from infra.keys import Keys
from tests.api.conftest import BUILT_IN
from tests.api.server import Api, key_of, serving

ISSUER, AUDIENCE = "https://login.example", "kehu"
SAY = {"query": 'mutation { registerCustomer(input: {customerId: "1"}) { position } }'}


async def status(api: Api, token: str | None, **headers: str) -> int:
    """What somebody else is answered who comes with this token."""
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    url = f"http://127.0.0.1:{api.port}/graphql"
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, json={"query": "{ __typename }"}, headers=bearer | headers)
    return answer.status_code


# --- Keys -----------------------------------------------------------------------------------------


async def test_only_a_live_key_opens(api: Api) -> None:
    keys = Keys(api.tenant.pool, "main")
    good = await key_of(api.tenant, Role.AUDITOR, "a")
    late = await key_of(api.tenant, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    ended, token = await keys.create("b", Role.ADMIN, "b")
    assert await keys.revoke(ended.id)
    assert not await keys.revoke(ended.id)
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    assert [await status(api, t) for t in (good, late, token, forged, "kehu_x", "x" * 9_000, None)] == [
        200, 401, 401, 401, 401, 401, 401,
    ]  # fmt: skip
    assert {key.last_used for key in await keys.all() if key.actor == "a"} == {datetime.now(UTC).date()}


async def test_a_secret_is_not_kept(api: Api) -> None:
    token = await key_of(api.tenant)
    rows = await api.tenant.pool.fetch("SELECT k::text FROM kehu.keys k")
    assert not any(token.split("_", 2)[2] in row[0] for row in rows)


async def test_only_an_admins_key_speaks_for_others(api: Api) -> None:
    manager = await key_of(api.tenant, Role.MANAGER, "mo")
    assert await status(api, manager) == 200
    assert await status(api, manager, **{"x-kehu-actor": "mo"}) == 200
    answer = await api.client.post(
        "/graphql", json=SAY, headers={"authorization": f"Bearer {manager}", "x-kehu-actor": "li"}
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await api.tenant.log.head() == 0


# --- OIDC -----------------------------------------------------------------------------------------


class Issuing:
    """An issuer with a key set that is served over HTTP."""

    def __init__(self) -> None:
        self.keys: dict[str, RSAPrivateKey] = {}
        self.asked = 0
        self.url = ""

    def rotate(self, kid: str) -> None:
        self.keys = {kid: generate_private_key(public_exponent=65537, key_size=2048)}

    def token(self, kid: str = "one", key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "mei", "iat": now, "exp": now + 300,
            "kehu_role": "manager", "kehu_tenant": "main",
        }  # fmt: skip
        said = {name: value for name, value in (claims | changes).items() if value is not None}
        signing: Any = None if algorithm == "none" else key or self.keys[kid]
        return jwt.encode(said, signing, algorithm=algorithm, headers={"kid": kid})

    async def answer(self, _: Request) -> JSONResponse:
        self.asked += 1
        made = [
            json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig", "alg": "RS256"}
            for kid, key in self.keys.items()
        ]
        return JSONResponse({"keys": made})


@pytest.fixture
async def issuing() -> AsyncIterator[Issuing]:
    made = Issuing()
    made.rotate("one")
    async with _served(made):
        yield made


@asynccontextmanager
async def _served(made: Issuing) -> AsyncIterator[None]:
    app = Starlette(routes=[Route("/jwks", made.answer)])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    listening = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    made.url = f"http://127.0.0.1:{listening.getsockname()[1]}/jwks"
    yield
    server.should_exit = True
    await task


def wrong(issuing: Issuing) -> dict[str, str]:
    """Tokens that nobody may come in with."""
    other = generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    return {
        "issuer": issuing.token(iss="https://other.example"),
        "audience": issuing.token(aud="other"),
        "expired": issuing.token(iat=now - 900, exp=now - 61),
        "not yet": issuing.token(nbf=now + 120),
        "no end": issuing.token(exp=None),
        "no subject": issuing.token(sub=None),
        "no role": issuing.token(kehu_role=None),
        "unheard-of role": issuing.token(kehu_role="king"),
        "tenant": issuing.token(kehu_tenant="other"),
        "no tenant": issuing.token(kehu_tenant=None),
        "signature": issuing.token(key=other),
        "unsigned": issuing.token(algorithm="none"),
        "symmetric": issuing.token(key="k" * 64, algorithm="HS256"),
        "nonsense": "a.b.c",
    }


async def test_a_token_is_checked_in_every_part(issuing: Issuing) -> None:
    tokens = Jwts(Issuer(issuer=ISSUER, audience=AUDIENCE, keys=issuing.url), "main")
    now = int(time.time())
    caller = await tokens.caller(issuing.token())
    assert caller is not None
    assert (caller.actor, caller.role, caller.speaks) == ("mei", Role.MANAGER, False)
    assert "mei" not in caller.id
    assert await tokens.caller(issuing.token(exp=now - 30, iat=now - 90)) is not None  # clocks differ
    for what, token in wrong(issuing).items():
        assert await tokens.caller(token) is None, what


async def test_keys_rotate_and_unknown_ones_do_not_flood_the_issuer(
    issuing: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Jwts(Issuer(issuer=ISSUER, audience=AUDIENCE, keys=issuing.url), "main")
    old = issuing.token()
    assert await tokens.caller(old) is not None
    issuing.rotate("two")
    for _ in range(20):
        assert await tokens.caller(issuing.token("two")) is None
    assert issuing.asked == 1
    monkeypatch.setattr(oidc, "PAUSE", 0.0)
    assert await tokens.caller(issuing.token("two")) is not None
    assert await tokens.caller(old) is None


async def test_a_token_opens_the_api_and_its_bearer_is_the_actor(database: str, issuing: Issuing) -> None:
    access = Access(oidc=Issuer(issuer=ISSUER, audience=AUDIENCE, keys=issuing.url))
    async with serving(database, BUILT_IN, access) as api:
        del api.client.headers["x-kehu-actor"]
        headers = {"authorization": f"Bearer {issuing.token()}"}
        assert (await api.client.post("/graphql", json=SAY, headers=headers)).json()["data"]
        [event] = await api.tenant.log.read()
        assert event.actor == "mei"
        assert await status(api, "a.b.c") == 401
