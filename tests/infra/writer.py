"""A process that writes: `python -m tests.infra.writer DSN NAME CLIENTS COMMANDS STREAMS SEED`.

What its clients are told goes to standard output at once, so that whoever kills this process knows what
must be there. It ends when its clients have sent all commands, or when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import sys

from infra.database import open_pool
from infra.engine import Engine
from infra.log.followers import Wakeups
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from tests.infra.processes import input_closed
from tests.torture.clients import Clients, insist


async def main(dsn: str, name: str, *numbers: str) -> None:
    count, commands, streams, seed = map(int, numbers)
    pool = await insist(lambda: open_pool(dsn, size=5))
    log = Log(pool, "main")
    wakeups = Wakeups(log)
    commit = GroupCommit(log, wakeups.committed)
    clients = Clients(
        Engine(log, commit),
        commit,
        name,
        count,
        commands,
        streams,
        seed,
        lambda line: print(line, flush=True),
    )
    told = asyncio.create_task(input_closed())
    told.add_done_callback(lambda _: clients.tell_to_end())
    await clients.write()
    await commit.close()
    await wakeups.close()
    await pool.close()
    told.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
