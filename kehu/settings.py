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
    return Settings(
        database_url=environment.get("KEHU_DATABASE_URL") or None,
        data=Path(environment.get("KEHU_DATA") or default.data),
        tenant=environment.get("KEHU_TENANT") or default.tenant,
        host=environment.get("KEHU_HOST") or default.host,
        port=int(port),
    )
