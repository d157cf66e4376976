"""What the clients of a torture run send, each by a seed of its own, and what they are told.

A client notes every answer as a line: `done POSITION ID…` for a unit that was acknowledged (position 0:
somewhere), `refused ID…` for commands that it was told are not done.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from domain.commands import Command
from domain.customers import AssignOwner, EndRelationship, RegisterCustomer, WinBackCustomer
from domain.errors import DomainError
from domain.orders import PlaceOrder
from infra.engine import Engine, Executed
from infra.log.group_commit import UNREACHABLE, DoneAnyway, GroupCommit, Withdrawn, unreachable
from infra.log.units import Appended, Conflict, NoneSince, Unit
from tests.infra.history import Oracle
from tests.infra.wishes import wish, written

T = TypeVar("T")
Note = Callable[[str], None]

DELAY = random.Random(1)
"""For whoever has no delays of his own."""
COLD = 500
"""Customers that a client in bulk has for itself."""
BULK = (50, 200)
"""Commands that it sends at once."""
PATIENCE = 0.02
"""Seconds after which a fickle client gives up at the latest."""


class Client:
    """One of many that write the same streams: who it is, what it will send, whom it tells."""

    def __init__(
        self,
        engine: Engine,
        commit: GroupCommit,
        name: str,
        commands: int,
        streams: int,
        seed: int,
        note: Note,
    ) -> None:
        self.engine, self.commit, self.name, self.streams = engine, commit, name, streams
        self.chance = random.Random(f"{seed}-{name}")
        """What it sends; how long it waits is drawn apart, so that delays do not change the commands."""
        self.delay = random.Random(f"{seed}-{name}-delays")
        self.told_to_end = False
        self._commands, self._note = commands, note

    def ids(self) -> Iterator[str]:
        for count in range(self._commands):
            if self.told_to_end:
                return
            yield f"{self.name}-{count}"

    def done(self, position: int, *ids: str) -> None:
        if ids:
            self._note(f"done {position} {' '.join(ids)}")

    def refused(self, *ids: str) -> None:
        if ids:
            self._note(f"refused {' '.join(ids)}")

    async def insist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        return await insist(attempt, self.delay)

    def answered(self, id: str, executed: Executed) -> None:
        if executed.appended.events:
            self.done(executed.position, id)


async def insist(attempt: Callable[[], Awaitable[T]], delay: random.Random = DELAY) -> T:
    """Until PostgreSQL can be reached, as any client would: the same command again."""
    while True:
        try:
            return await attempt()
        except UNREACHABLE as failure:
            if not unreachable(failure):
                raise
        await asyncio.sleep(delay.uniform(0, 0.1))


def told(oracle: Oracle, lines: Sequence[str]) -> None:
    """Let the oracle judge what clients noted."""
    for line in lines:
        match line.split():
            case ["done", position, *ids]:
                oracle.done(ids, int(position) or None)
            case ["refused", *ids]:
                oracle.refused(ids)
            case _:
                raise ValueError(line)


def hot_command(chance: random.Random, id: str, streams: int) -> Command:
    """A command on one of the few streams that everybody writes; many are refused."""
    fields = {"command_id": id, "customer_id": f"c-{chance.randrange(streams)}"}
    match chance.randrange(20):
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


async def steady(client: Client) -> None:
    """One command after the other."""
    for id in client.ids():
        command = hot_command(client.chance, id, client.streams)
        try:
            client.answered(id, await client.insist(partial(client.engine.execute, command)))
        except DomainError:
            client.refused(id)


async def twin(client: Client) -> None:
    """The same commands under the same ids as the twin in every other process sends."""
    for id in client.ids():
        command = hot_command(client.chance, id, client.streams)
        try:
            client.answered(id, await client.insist(partial(client.engine.execute, command)))
        except DomainError:
            continue  # the other one may have more luck


async def fickle(client: Client) -> None:
    """Cancels its commands midway; some it gives up where it is told that they were not done."""
    for id in client.ids():
        command = hot_command(client.chance, id, client.streams)
        gives_up = client.chance.random() < 0.5
        try:
            client.answered(id, await client.insist(partial(_cancelled, client, command)))
        except DoneAnyway as late:
            if late.appended.events:
                client.done(late.appended.position, id)
        except (Withdrawn, DomainError) as refusal:
            if isinstance(refusal, DomainError) or gives_up:
                client.refused(id)
            else:
                await _again(client, command)
        except asyncio.CancelledError:
            await _again(client, command)


async def _cancelled(client: Client, command: Command) -> Executed:
    task = asyncio.create_task(client.engine.execute(command))
    await asyncio.wait([task], timeout=client.delay.uniform(0, PATIENCE))
    task.cancel()
    return await task


async def _again(client: Client, command: Command) -> None:
    id = command.command_id
    try:
        client.answered(id, await client.insist(partial(client.engine.execute, command)))
    except DomainError:
        client.refused(id)


async def bulk(client: Client) -> None:
    """Many commands in one unit: on cold streams of its own, and one on a stream that everybody writes."""
    known: set[str] = set()
    for id in client.ids():
        commands = [_cold_command(client, f"{id}.{n}", known) for n in range(client.chance.randint(*BULK))]
        commands.append(hot_command(client.chance, id, client.streams))
        outcomes = await client.insist(partial(client.engine.execute_many, commands))
        _answered_in_bulk(client, [command.command_id for command in commands[:-1]], outcomes[:-1])


def _cold_command(client: Client, id: str, known: set[str]) -> Command:
    customer = f"{client.name}-{client.chance.randrange(COLD)}"
    if customer in known:
        return wish(AssignOwner, command_id=id, customer_id=customer, owner=id)
    known.add(customer)
    return wish(RegisterCustomer, command_id=id, customer_id=customer)


def _answered_in_bulk(
    client: Client, ids: Sequence[str], outcomes: Sequence[Appended | DomainError | None]
) -> None:
    pairs = list(zip(ids, outcomes, strict=True))
    client.done(0, *(id for id, outcome in pairs if not isinstance(outcome, DomainError)))
    client.refused(*(id for id, outcome in pairs if isinstance(outcome, DomainError)))


async def race_for_a_version(client: Client) -> None:
    """Everybody wants to write the next version of one stream, in units of several events."""
    version = 0
    for id in client.ids():
        events = client.chance.randint(1, 3)
        unit = written("race", version, command_id=f"{id}*{events}", events=events)
        outcome = await _raced(client, unit)
        version = outcome.found if isinstance(outcome, Conflict) else outcome.version


async def race_for_a_seat(client: Client) -> None:
    """Everybody writes a stream of its own, if nobody took a seat since the last one that it knows of."""
    after = 0
    for count in client.ids():
        names = client.chance.choice([None, ("CustomerRegistered", "Other")])
        unless = NoneSince(names=names, tags=("seat",), after=after)
        id = f"{count}@{after}"
        outcome = await _raced(
            client, written(f"seat-{count}", 0, command_id=id, tags=("seat",), unless=(unless,))
        )
        after = outcome.found if isinstance(outcome, Conflict) else outcome.position


async def _raced(client: Client, unit: Unit) -> Appended | Conflict:
    """Racers note as others do; that each race has one winner shows in the versions and in `@…`."""
    (command,) = unit.commands
    try:
        appended = await client.insist(partial(client.commit.append, unit))
    except Conflict as conflict:
        client.refused(command.command_id)
        return conflict
    client.done(appended.position, command.command_id)
    return appended


Role = Callable[[Client], Awaitable[None]]
ROLES: Sequence[Role] = (steady, fickle, race_for_a_version, twin, race_for_a_seat, steady, fickle, bulk)


class Clients:
    """As many clients of a process as wanted, in all roles; twins bear the same name in every process."""

    def __init__(
        self, engine: Engine, commit: GroupCommit, name: str, count: int,
        commands: int, streams: int, seed: int, note: Note,
    ) -> None:  # fmt: skip
        self._all: list[tuple[Role, Client]] = []
        for number in range(count):
            role = ROLES[number % len(ROLES)]
            called = f"twin-{number}" if role is twin else f"{name}-{number}"
            self._all.append((role, Client(engine, commit, called, commands, streams, seed, note)))

    async def write(self) -> None:
        """Returns when all have sent what they had to send."""
        await asyncio.gather(*(role(client) for role, client in self._all))

    def tell_to_end(self) -> None:
        """Every client finishes what it is at."""
        for _, client in self._all:
            client.told_to_end = True
