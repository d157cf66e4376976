"""How open a server is: what it shows, to whom it listens, and how much it does for one caller."""

from __future__ import annotations

from typing import Any

from api.oidc import Issuer
from domain.records import Record

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
"""This machine's names for itself."""


class Access(Record):
    """For this machine alone; `production` closes what only developers need."""

    hosts: tuple[str, ...] | None = None
    """The only names that requests may call the server by; else a page elsewhere whose own name is made to
    point here (DNS rebinding) would be answered. None is any."""
    graphiql: bool = True
    introspection: bool = True
    suggestions: bool = True
    """Faults of a document say which names were perhaps meant."""
    trusted_only: bool = False
    """Only documents that `kehu trust` stored are answered."""
    origins: tuple[str, ...] = ()
    """Sites whose pages may ask (CORS), such as `https://crm.example`."""
    rate: float | None = None
    """Cost that a caller gets back each second; None is no limit."""
    burst: float = 100_000
    """Cost that a caller has saved up at most."""
    sockets: int = 2_000
    """WebSocket connections of one caller."""
    request_seconds: float = 30
    """After which an operation, and its statement, is cancelled."""
    body_seconds: float = 10
    """In which a request must have arrived whole."""
    oidc: Issuer | None = None
    logged: bool = False
    """Each request is a line of JSON in the log `kehu.access`."""

    @classmethod
    def local(cls, host: str, **more: Any) -> Access:
        """For a server that this machine alone reaches, at this address."""
        return cls(hosts=(*LOOPBACK, host), **more)

    @classmethod
    def production(cls, **more: Any) -> Access:
        """For a server that strangers can reach."""
        return cls(graphiql=False, introspection=False, suggestions=False, logged=True, **more)
