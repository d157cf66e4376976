"""Load over HTTP: connections that each send a request, wait for the answer and send the next one."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

Request = Callable[[int], bytes]
"""The bytes of the request with this number."""

END = b"\r\n\r\n"


class RefusedRequest(Exception):
    """The server answered with another status than 200, or with errors."""


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def post(asked: dict[str, Any], key: str) -> bytes:
    """A request of GraphQL, with a document or with the id of one that is trusted."""
    body = json.dumps(asked).encode()
    kind = f"Content-Type: application/json\r\nAccept: application/json\r\nAuthorization: Bearer {key}"
    head = f"POST /graphql HTTP/1.1\r\nHost: bench\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def ask(port: int, request: bytes) -> bytes:
    """One answer's body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await _exchange(reader, writer, request)
    finally:
        writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = (await reader.readuntil(END)).lower()
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"http/1.1 200") or body.startswith(b'{"errors"'):
        raise RefusedRequest(body[:500].decode())
    return body


async def load(port: int, request: Request, connections: int, seconds: float) -> float:
    """Requests a second."""
    numbers = itertools.count()
    end = time.perf_counter() + seconds

    async def connection() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for done in itertools.count(1):
                await _exchange(reader, writer, request(next(numbers)))
                if time.perf_counter() > end:
                    return done
            raise AssertionError
        finally:
            writer.close()

    began = time.perf_counter()
    done = sum(await asyncio.gather(*(connection() for _ in range(connections))))
    return done / (time.perf_counter() - began)
