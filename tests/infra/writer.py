"""A process that writes: `python -m tests.infra.writer DSN NAME CLIENTS COMMANDS STREAMS SEED`.

Many clients take orders and payments for the same few customers; each command's id goes to standard
output once it is acknowledged, so that whoever kills this process knows what must be there.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable

from domain.commands import Command
from domain.customers import AssignOwner, EndRelationship, RegisterCustomer, WinBackCustomer
from domain.errors import DomainError
from domain.orders import PlaceOrder
from infra.database import connected
from infra.engine import Engine
from infra.log.followers import Wakeups
from infra.log.group_commit import UNREACHABLE, GroupCommit
from infra.log.log import Log
from tests.infra.wishes import wish


async def write(
    engine: Engine,
    name: str,
    clients: int,
    commands: int,
    streams: int,
    seed: int,
    done: Callable[[str], None],
) -> None:
    """Have many clients write the same streams at once; `done` hears of every acknowledged command."""

    async def client(number: int) -> None:
        rng = random.Random(f"{seed}-{name}-{number}")
        for count in range(commands):
            command = _command(rng, f"{name}-{number}-{count}", streams)
            while True:
                try:
                    executed = await engine.execute(command)
                except DomainError:
                    break
                except UNREACHABLE:
                    continue  # as any client would: the same command again
                if executed.appended.events:
                    done(command.command_id)
                break

    await asyncio.gather(*map(client, range(clients)))


def _command(rng: random.Random, id: str, streams: int) -> Command:
    customer = f"c-{rng.randrange(streams)}"
    fields = {"command_id": id, "customer_id": customer}
    match rng.randrange(20):
        case 0:
            return wish(RegisterCustomer, **fields)
        case 1:
            return wish(EndRelationship, cause="natural", **fields)
        case 2 | 3 | 4:
            return wish(WinBackCustomer, offer="tea", **fields)
        case 5 | 6 | 7 | 8:
            return wish(PlaceOrder, order_id=id, total_minor=0, currency="CNY", items=1, **fields)
        case _:
            return wish(AssignOwner, owner=id, **fields)


async def main(dsn: str, name: str, *numbers: str) -> None:
    clients, commands, streams, seed = map(int, numbers)
    async with connected(dsn, size=5) as pool:
        log = Log(pool, "main")
        wakeups = Wakeups(log)
        commit = GroupCommit(log, wakeups.committed)
        await write(
            Engine(log, commit), name, clients, commands, streams, seed, lambda id: print(id, flush=True)
        )
        await commit.close()
        await wakeups.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
