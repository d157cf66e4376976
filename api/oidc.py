"""Callers with a token of an OIDC issuer: a signed JWT, checked against the issuer's published keys."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import jwt

from api.callers import Caller, stable_id
from domain.records import Record
from domain.roles import Role

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Public-key signatures alone; what a token's header says decides nothing."""
AGE, PAUSE = 600.0, 10.0
"""Seconds after which the issuer's keys are read again, and between two readings for a key not known."""
LARGEST_SET, PATIENCE = 1_000_000, 5.0
"""Bytes of a key set, and seconds in which it must arrive."""


class Issuer(Record):
    """An OIDC issuer, and what its tokens say."""

    issuer: str
    audience: str
    keys: str
    """Where its key set (JWKS) is: a URL, or a file."""
    role_claim: str = "kehu_role"
    tenant_claim: str = "kehu_tenant"
    leeway: float = 60
    """Seconds by which its clock and ours may differ."""

    def tokens(self, tenant: str) -> Jwts:
        return Jwts(self, tenant)


class Jwts:
    """Knows callers of one tenant by the issuer's tokens."""

    def __init__(self, issuer: Issuer, tenant: str) -> None:
        self._issuer, self._tenant, self._keys = issuer, tenant, KeySet(issuer.keys)

    async def caller(self, token: str) -> Caller | None:
        try:
            key = await self._keys.key(jwt.get_unverified_header(token).get("kid"))
            return None if key is None else self._caller(self._claims(token, key))
        except (jwt.PyJWTError, ValueError, OSError):
            return None

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._issuer.audience,
            issuer=self._issuer.issuer,
            leeway=self._issuer.leeway,
            options={"require": ["exp", "iat", "sub"]},
        )
        return claims

    def _caller(self, claims: dict[str, Any]) -> Caller | None:
        if claims.get(self._issuer.tenant_claim) != self._tenant:
            return None
        role = Role(claims.get(self._issuer.role_claim, ""))
        until = datetime.fromtimestamp(claims["exp"] + self._issuer.leeway, UTC)
        return Caller(id=stable_id("oidc", claims["sub"]), actor=claims["sub"], role=role, until=until)


class KeySet:
    """An issuer's public keys by id; a key that is not known is looked for again, but not at every try."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def key(self, kid: str | None) -> jwt.PyJWK | None:
        async with self._reading:
            age = time.monotonic() - self._read_at
            if age > AGE or (kid not in self._keys and age > PAUSE):
                self._read_at = time.monotonic()
                self._keys = _parsed(await asyncio.to_thread(_read, self._where))
        return self._keys.get(kid)


def _parsed(data: bytes) -> dict[str | None, jwt.PyJWK]:
    keys = jwt.PyJWKSet.from_json(data.decode()).keys
    return {key.key_id: key for key in keys if key.public_key_use in (None, "sig")}


def _read(where: str) -> bytes:
    """The key set's bytes, from an https URL (http on this machine alone) or a file."""
    parts = urlsplit(where)
    if parts.scheme not in ("http", "https"):
        with open(where, "rb") as file:
            return file.read(LARGEST_SET)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("the keys of an issuer are fetched over https only")
    with urllib.request.urlopen(where, timeout=PATIENCE) as answer:
        data: bytes = answer.read(LARGEST_SET)
    return data
