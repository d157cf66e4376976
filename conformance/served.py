"""A Kehu to be checked: `kehu serve` on a free port, with data of its own and a short story in its log."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.records import Record
from kehu.opening import database
from kehu.settings import Settings
from tests.api.conftest import BUILT_IN
from tests.api.server import serving
from tests.api.test_story import tell

KEHU = str(Path(sys.executable).with_name("kehu"))
OTHERS = 24
"""Customers beside the one of the story, so that lists have pages."""


class Served(Record):
    """Where the server answers, and to which key."""

    url: str
    key: str


@contextmanager
def served(directory: Path) -> Iterator[Served]:
    """A server with its data in this directory, the story in its log, and a key made for the tools."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("KEHU_")}
    with database(Settings(data=directory)) as dsn:
        asyncio.run(_tell(dsn))
        environment = {**others, "KEHU_DATA": str(directory), "KEHU_DATABASE_URL": dsn}
        command = [KEHU, "serve", "--port", "0", "--json"]
        with (
            (directory / "serve.log").open("w+") as log,
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            ) as process,
        ):
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError((directory / "serve.log").read_text().strip() or "it did not start")
                yield Served(url=json.loads(line)["url"], key=_key(environment))
            finally:
                process.terminate()


def _key(environment: dict[str, str]) -> str:
    create = [KEHU, "key", "create", "--name", "conformance", "--role", "admin", "--json"]
    done = subprocess.run(create, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    token: str = json.loads(done.stdout)["token"]
    return token


async def _tell(dsn: str) -> None:
    """The story of the tests, which goes through every mutation, and some customers with an order each."""
    async with serving(dsn, BUILT_IN) as api:
        for number in range(OTHERS):
            who = {"customerId": f"c{number}"}
            order = {"orderId": f"o{number}", "totalMinor": 100 * number, "currency": "EUR", "items": 1}
            await api.done(
                "registerCustomer", **who, name=f"客户 {number}", occurredAt="2026-01-02T09:00:00Z"
            )
            await api.done("recordPurchase", **who, **order, occurredAt="2026-01-03T09:00:00Z")
        await tell(api)
