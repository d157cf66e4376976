"""Who asks: a person or a program with a role, known by an API key or by a token of an OIDC issuer."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from api.errors import refused
from domain.records import Record
from domain.roles import Role
from infra.keys import PREFIX, Key, Keys

ACTOR, LONGEST_ACTOR = "x-kehu-actor", 200
"""The header by which one who may speak for others says for whom, in UTF-8, and its letters at most."""
LONGEST_TOKEN = 8_192
REMEMBERED, REMEMBERED_FOR = 10_000, timedelta(seconds=5)
"""Keys that were found good are not looked up again for so long: a revoked one works no longer than that."""


class Caller(Record):
    """Somebody who may ask, and as whom."""

    id: str
    """Stable, and no name: what logs and limits know the caller by."""
    actor: str
    """Who acts, as the log names them; `customers.owner` holds the same name."""
    role: Role
    own_only: bool = False
    """They reach only their own customers, whatever the role reaches."""
    speaks: bool = False
    """They may name another actor: a program that acts for people."""
    until: datetime | None = None
    """When this ends by itself."""

    @property
    def scope(self) -> tuple[Role, bool]:
        """All of a caller that rights follow from, but for whose customers are theirs."""
        return self.role, self.own_only


class Tokens(Protocol):
    """Something that knows callers by tokens of its kind."""

    async def caller(self, token: str) -> Caller | None:
        """Who bears the token; None where it is not good."""


class KeyTokens:
    """Knows callers by Kehu's own API keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._good: OrderedDict[bytes, tuple[datetime, Caller]] = OrderedDict()

    async def caller(self, token: str) -> Caller | None:
        digest, now = hashlib.sha256(token.encode()).digest(), datetime.now(UTC)
        fresh_until, known = self._good.get(digest, (now, None))
        if known is not None and now < fresh_until and (known.until is None or now < known.until):
            return known
        key = await self._keys.holding(token)
        if key is None:
            self._good.pop(digest, None)
            return None
        self._good[digest] = now + REMEMBERED_FOR, (found := _of_key(key))
        if len(self._good) > REMEMBERED:
            self._good.popitem(last=False)
        return found


def _of_key(key: Key) -> Caller:
    return Caller(
        id=f"key:{key.id}",
        actor=key.actor,
        role=key.role,
        own_only=key.own_only,
        speaks=key.role is Role.ADMIN,
        until=key.expires_at,
    )


class Callers:
    """Tells a request's caller."""

    def __init__(self, keys: Keys, oidc: Tokens | None = None) -> None:
        self._keys, self._oidc = KeyTokens(keys), oidc

    async def caller(self, token: str | None, actor: str | None = None) -> Caller:
        """Who bears the token, speaking as `actor` if they may. Raises UNAUTHENTICATED or FORBIDDEN."""
        if not token:
            raise refused("UNAUTHENTICATED", "say who asks: authorization: Bearer KEY")
        tokens = self._keys if token.startswith(PREFIX) else self._oidc
        found = await tokens.caller(token) if tokens and len(token) <= LONGEST_TOKEN else None
        if found is None:
            raise refused("UNAUTHENTICATED", "the token is unknown, revoked or expired")
        return found if actor is None else _speaking(found, _name(actor))


def _speaking(caller: Caller, actor: str) -> Caller:
    if actor == caller.actor:
        return caller
    if not caller.speaks:
        raise refused("FORBIDDEN", f"only keys of the role admin may name another actor in {ACTOR}")
    return msgspec.structs.replace(caller, actor=actor)


def _name(said: str) -> str:
    """A header's text, which arrives with a letter for each byte."""
    try:
        name = said.encode("latin-1").decode()
    except UnicodeError:
        raise refused("BAD_REQUEST", f"the header {ACTOR} must be UTF-8") from None
    if not 0 < len(name) <= LONGEST_ACTOR:
        raise refused("BAD_REQUEST", f"the header {ACTOR} must have 1 to {LONGEST_ACTOR} letters")
    return name


def stable_id(kind: str, name: str) -> str:
    """An id that stays the same for a name and does not tell it."""
    return f"{kind}:{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def bearer(said: str | None) -> str | None:
    """The token in an `authorization` header."""
    scheme, _, token = (said or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
