"""A process that follows the log: `python -m tests.infra.worker DSN LEASE BATCH`, until its input is closed.

Says its name once it owns something, and every position that all views have reached.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from infra.database import open_pool
from infra.log.followers import Wakeups
from infra.log.log import Log
from infra.views import projector, shares
from infra.views.projector import Projector
from tests.infra.processes import input_closed
from tests.infra.worlds import VIEWS


async def main(dsn: str, lease: str, batch: str) -> None:
    shares.LEASE, projector.BATCH = float(lease), int(batch)
    pool = await open_pool(dsn, size=4)
    log = Log(pool, "main")
    wakeups = Wakeups(log)
    following = asyncio.create_task(Projector(log, VIEWS).run(wakeups, lambda at: print(at, flush=True)))
    closed = asyncio.create_task(input_closed())
    await asyncio.wait({following, closed}, return_when=asyncio.FIRST_COMPLETED)
    following.cancel()
    closed.cancel()
    with suppress(asyncio.CancelledError):
        await following
    await wakeups.close()
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
