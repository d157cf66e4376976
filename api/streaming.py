"""Answers that go out piece by piece: the next piece is made when the client has taken the last one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.errors import as_graphql, told

PATIENCE = 60.0
"""Seconds in which a client must take a piece; then the answer is cut off."""
_log = logging.getLogger(__name__)


class Streaming(StreamingResponse):
    """A response that is cut off, so that nobody takes it for whole, where it cannot go on.

    `ended` is called however it ends.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes],
        ended: Callable[[], None],
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces, self._ended = pieces, ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._pieces):
                await super().__call__(scope, receive, send)
        finally:
            self._ended()

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for piece in self._pieces:
                async with asyncio.timeout(PATIENCE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            _log.info("an answer was cut off: its client took nothing for %g s", PATIENCE)
        except Exception as error:
            code = (told(as_graphql(error)).extensions or {})["code"]
            _log.info("an answer was cut off: %s", code)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
