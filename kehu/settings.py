"""Where Kehu finds its database and where it listens: from the environment, unless a flag says otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from domain.records import Record


class Settings(Record):
    """What can be set from outside."""

    database_url: str | None = None
    """KEHU_DATABASE_URL: a PostgreSQL server; without one Kehu starts its own."""
    data: Path = Path(".kehu")
    """KEHU_DATA: where Kehu's own PostgreSQL keeps its files."""
    tenant: str = "main"
    """KEHU_TENANT: whose log it is."""
    host: str = "127.0.0.1"
    """KEHU_HOST: the address to listen on."""
    port: int = 8000
    """KEHU_PORT: the port to listen on."""
    trusted_only: bool = False
    """KEHU_TRUSTED_ONLY=1: only documents that `kehu trust` stored are answered."""
    origins: tuple[str, ...] = ()
    """KEHU_ORIGINS: sites whose pages may ask, between blanks."""
    rate: float = 10_000
    """KEHU_RATE: cost that a caller gets back each second, on an address that others reach."""
    oidc_issuer: str | None = None
    """KEHU_OIDC_ISSUER: whose tokens are taken; KEHU_OIDC_AUDIENCE and KEHU_OIDC_KEYS belong to it."""
    oidc_audience: str = ""
    """KEHU_OIDC_AUDIENCE: for whom its tokens must be."""
    oidc_keys: str = ""
    """KEHU_OIDC_KEYS: the URL of its key set (JWKS), or a file."""

    traces: str | None = None
    """KEHU_TRACES: the URL of an OpenTelemetry collector (OTLP over HTTP), such as `http://127.0.0.1:4318`."""

    @property
    def database_words(self) -> str:
        """Where the data lies, without a password."""
        return f"{self.data.resolve()}" if self.database_url is None else "the server of KEHU_DATABASE_URL"


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force where no flag is given. Raises `ValueError` for a port that is none."""
    default = Settings()
    port = environment.get("KEHU_PORT") or str(default.port)
    if not port.isdecimal() or not 0 <= int(port) < 65536:
        raise ValueError(f"KEHU_PORT is {port!r}; it must be a number from 0 to 65535")
    issuer, rate = environment.get("KEHU_OIDC_ISSUER") or None, environment.get("KEHU_RATE") or "10000"
    audience, keys = environment.get("KEHU_OIDC_AUDIENCE", ""), environment.get("KEHU_OIDC_KEYS", "")
    if issuer and not (audience and keys):
        raise ValueError("KEHU_OIDC_ISSUER needs KEHU_OIDC_AUDIENCE and KEHU_OIDC_KEYS beside it")
    if not rate.isdecimal() or int(rate) == 0:
        raise ValueError(f"KEHU_RATE is {rate!r}; it must be a whole number above 0")
    return Settings(
        trusted_only=environment.get("KEHU_TRUSTED_ONLY", "0") not in ("", "0"),
        origins=tuple(environment.get("KEHU_ORIGINS", "").split()),
        rate=float(rate),
        oidc_issuer=issuer,
        oidc_audience=audience,
        traces=environment.get("KEHU_TRACES") or None,
        oidc_keys=keys,
        database_url=environment.get("KEHU_DATABASE_URL") or None,
        data=Path(environment.get("KEHU_DATA") or default.data),
        tenant=environment.get("KEHU_TENANT") or default.tenant,
        host=environment.get("KEHU_HOST") or default.host,
        port=int(port),
    )
