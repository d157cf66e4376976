"""Executes commands: load the state, let the domain decide, append under its version, or try again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from domain.commands import Command
from domain.customers import CUSTOMERS
from domain.decider import Boundary, Decider
from domain.deciders import BY_NAME, decider_of
from domain.errors import DomainError
from domain.events import Event, Recorded
from domain.merging import file_tag, front_of
from domain.naming import names_of
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from infra.log.units import Appended, CommandIdReused, Conflict, Unit
from infra.plan import EACH, Across, Loaded, Plan, Rows, fingerprint

TRIES = 5
"""How often commands are decided anew because somebody else was faster, before all others have to wait."""
CACHED = 50_000
"""States that are kept in memory."""


class Executed(msgspec.Struct, frozen=True, kw_only=True):
    """What a command led to."""

    appended: Appended
    state: Any
    """The aggregate's state right after the command."""

    @property
    def position(self) -> int:
        return self.appended.position


class Contended(Exception):
    """Others were faster every time: try again."""


class Engine:
    """The write path of one tenant."""

    def __init__(self, log: Log, commit: GroupCommit | Directly) -> None:
        self.log, self._commit = log, commit
        self._reads = _SharedReads(log)
        self._cache: OrderedDict[str, Loaded] = OrderedDict()
        self._seen: dict[str, Across] = {}
        """What only others change, by its tag."""
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def execute(self, command: Command) -> Executed:
        """Do a command once, however often it is sent.

        Raises `DomainError` where a rule forbids it, `CommandIdReused` where its id belongs to another
        command, `Busy` or `Closed` where it was not done and may be sent again.
        """
        decider = decider_of(type(command))
        tags = sorted(decider.contended(command))
        return await self._in_turn([decider.stream_of(command), *tags], decider, command)

    async def _in_turn(self, subjects: Sequence[str], decider: Decider[Any], command: Command) -> Executed:
        """Wait for all who decide on these; two at once could only make one of them begin anew."""
        first, *others = subjects
        async with self._turns.setdefault(first, asyncio.Lock()):
            if others:
                return await self._in_turn(others, decider, command)
            return await self._execute(decider, command)

    async def _execute(self, decider: Decider[Any], command: Command) -> Executed:
        try:
            return await self._try(decider, command)
        except Contended:
            async with self.log.locked() as log:
                executed = await Engine(log, Directly(log))._try(decider, command)
            self._commit.committed(executed.position)
            return executed

    async def _try(self, decider: Decider[Any], command: Command) -> Executed:
        for attempt in range(TRIES):
            plan = Plan(self._cache)
            if attempt == 0 and isinstance(command, decider.begins):
                plan.presume_new(decider, command)
            await self._load(plan, decider, [command])
            await self._load_named(plan, [command])
            try:
                state = plan.decide(decider, command)
            except DomainError:
                if await self._refresh(plan):
                    continue
                if done := await self._first_result(decider, command):
                    return done
                raise
            try:
                appended = await self._commit.append(plan.unit())
            except Conflict:
                self._forget(plan)
                continue
            if appended.repeated:
                self._forget(plan)
                return Executed(appended=appended, state=await self._state_at(decider, appended))
            self._remember(plan)
            return Executed(appended=appended, state=state)
        raise Contended(f"{type(command).__name__}: others were faster {TRIES} times; try again")

    async def state(self, decider: Decider[Any], stream: str) -> Any:
        """An aggregate's state as it is now, whoever changed it last."""
        while True:
            plan = Plan(self._cache)
            await self._load_streams(plan, decider, {stream})
            if not await self._refresh(plan):
                return plan.now[stream].state

    async def execute_many(
        self, commands: Sequence[Command], rows: Rows = EACH
    ) -> list[Appended | DomainError | None]:
        """Do commands in order, in one transaction; those of a row all or not at all.

        For each the unit that it became part of, its refusal, or None where it was done before.
        """
        try:
            return await self._try_many(commands, rows)
        except Contended:
            async with self.log.locked() as log:
                outcomes = await Engine(log, Directly(log))._try_many(commands, rows)
            self._commit.committed(max((o.position for o in outcomes if isinstance(o, Appended)), default=0))
            return outcomes

    async def _try_many(self, commands: Sequence[Command], rows: Rows) -> list[Appended | DomainError | None]:
        for _ in range(TRIES):
            plan = Plan(self._cache)
            fresh = await self._not_done(commands)
            await self._presume_new(plan, fresh.values())
            await self._load_all(plan, fresh.values())
            decided = plan.decide_all(fresh, rows)
            if any(decided.values()) and await self._refresh(plan):
                continue
            appended = None
            if plan.commands:
                try:
                    appended = await self._commit.append(plan.unit())
                except (Conflict, CommandIdReused):
                    self._forget(plan)
                    continue
                if appended.repeated:
                    self._forget(plan)
                    continue
                self._remember(plan)
            return [decided[n] or appended if n in decided else None for n in range(len(commands))]
        raise Contended(f"{len(commands)} commands: others were faster {TRIES} times; try again")

    async def _not_done(self, commands: Sequence[Command]) -> dict[int, Command]:
        """Those commands that the log does not know yet, by their place, in order."""
        known = await self.log.known_commands([c.command_id for c in commands])
        return {place: c for place, c in enumerate(commands) if c.command_id not in known}

    async def _presume_new(self, plan: Plan, commands: Iterable[Command]) -> None:
        """Read no stream that commands begin and that is not there yet: only versions are asked for."""
        beginning: dict[str, tuple[Decider[Any], Command]] = {}
        for command in commands:
            decider = decider_of(type(command))
            if isinstance(command, decider.begins):
                beginning.setdefault(decider.stream_of(command), (decider, command))
        there = await self.log.versions([stream for stream in beginning if not plan.has(stream)])
        for stream, (decider, command) in beginning.items():
            if stream not in there:
                plan.presume_new(decider, command)

    async def _load_all(self, plan: Plan, commands: Iterable[Command]) -> None:
        groups: dict[str, list[Command]] = {}
        for command in commands:
            groups.setdefault(decider_of(type(command)).name, []).append(command)
        for group in groups.values():
            await self._load(plan, decider_of(type(group[0])), group)
        await self._load_named(plan, [command for group in groups.values() for command in group])

    async def _load(self, plan: Plan, decider: Decider[Any], commands: Sequence[Command]) -> None:
        """Bring the states that these commands are decided on into the plan."""
        await self._load_streams(plan, decider, {decider.stream_of(c) for c in commands})
        if decider.guard is not None:
            owners = {owner for command in commands if (owner := plan.owner(decider, command))}
            await self._load_streams(plan, CUSTOMERS, {CUSTOMERS.stream(owner) for owner in owners})
        if decider.boundary is not None:
            for tag in {tag for command in commands for tag in plan.tags(decider, command)}:
                plan.across[tag] = await self._look_across(decider.boundary, tag)

    async def _look_across(self, boundary: Boundary[Any], tag: str) -> Across:
        """What the events of a tag make; of what only others change, those that are new are read alone."""
        across = self._seen.get(tag) or Across(boundary, 0, boundary.initial)
        if new := await self.log.read_tag(tag, after=across.position):
            state = boundary.replay((e.event for e in new), across.state)
            across = Across(boundary, new[-1].position, state)
        if boundary.foreign:
            self._seen[tag] = across
        return copy(across)

    async def _load_named(self, plan: Plan, commands: Sequence[Command]) -> None:
        """Bring what these commands name; all but customers stay there, so no version is expected of it."""
        naming = [command for command in commands if command.names]
        if not naming:
            return
        named = [each for command in naming for each in names_of(command)]
        customers = {CUSTOMERS.stream(id) for n, id in named if n.noun == CUSTOMERS.name}
        await self._load_streams(plan, CUSTOMERS, customers)
        wanted = {(decider := BY_NAME[n.noun]).stream(id): decider for n, id in named}
        missing = [stream for stream in wanted if not plan.lay_aside(stream)]
        found = await self._reads.streams(missing) if missing else {}
        for stream in missing:
            events = found.get(stream, [])
            state = wanted[stream].replay(e.event for e in events)
            plan.aside[stream] = Loaded(len(events), state)
        await self._load_fronts(plan, {f for c in naming for f in plan.apart(decider_of(type(c)), c)})

    async def _load_fronts(self, plan: Plan, files: set[str]) -> None:
        """Look up behind which files these stand, and those in turn."""
        while files:
            file = files.pop()
            merges = await self.log.read_tag(file_tag(file))
            plan.merges[file] = merges[-1].position if merges else 0
            if front := front_of(file, (merge.event for merge in merges)):
                plan.fronts[file] = front
                files |= {front} - plan.merges.keys()

    async def _load_streams(self, plan: Plan, decider: Decider[Any], streams: set[str]) -> None:
        missing = [stream for stream in streams if not plan.has(stream)]
        if not missing:
            return
        found = await self._reads.streams(missing)
        for stream in missing:
            events = found.get(stream, [])
            plan.bring(stream, Loaded(len(events), decider.replay(e.event for e in events)))

    async def _refresh(self, plan: Plan) -> bool:
        """Forget cached states that somebody else has changed; whether there was one."""
        built_on = {**plan.missing, **plan.base}
        changed = await self.log.versions(list(built_on))
        stale = [stream for stream, loaded in built_on.items() if changed.get(stream, 0) != loaded.version]
        for stream in stale:
            self._cache.pop(stream, None)
        return bool(stale)

    async def _first_result(self, decider: Decider[Any], command: Command) -> Executed | None:
        """The result of a command that was done before; None where it was not."""
        outcome = await self.log.result_of(command.command_id, fingerprint(command))
        if outcome is None:
            return None
        if not isinstance(outcome, Appended):
            raise outcome
        return Executed(appended=outcome, state=await self._state_at(decider, outcome))

    async def _state_at(self, decider: Decider[Any], appended: Appended) -> Any:
        events = await self.log.read_stream(appended.stream, until=appended.version)
        return decider.replay(e.event for e in events)

    def _remember(self, plan: Plan) -> None:
        for stream, loaded in plan.aside.items():
            self._cache.setdefault(stream, loaded)
        for stream, loaded in plan.now.items():
            self._cache[stream] = loaded
            self._cache.move_to_end(stream)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)

    def _forget(self, plan: Plan) -> None:
        """Drop what the plan was built on, but not what others have learned since."""
        for stream, loaded in plan.base.items():
            known = self._cache.get(stream)
            if known is not None and known.version <= loaded.version:
                del self._cache[stream]


class Directly:
    """Appends on a log that is locked, where nobody can be faster."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def append(self, unit: Unit) -> Appended:
        [outcome] = await self._log.append([unit])
        if isinstance(outcome, Appended):
            return outcome
        raise outcome

    def committed(self, position: int) -> None:
        """Followers are told by whoever ends the transaction."""


def _heard(task: asyncio.Task[Any]) -> None:
    """Those who wait hear of a failure; where all of them were cancelled, nobody has to."""
    if not task.cancelled():
        task.exception()


class _SharedReads:
    """Those who ask for streams in the same moment share a query."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._wanted: set[str] = set()
        self._next: asyncio.Task[dict[str, list[Recorded[Event]]]] | None = None

    async def streams(self, streams: Iterable[str]) -> dict[str, list[Recorded[Event]]]:
        """The events of these streams, and perhaps of others."""
        self._wanted.update(streams)
        if self._next is None:
            self._next = asyncio.create_task(self._read())
            self._next.add_done_callback(_heard)
        return await asyncio.shield(self._next)

    async def _read(self) -> dict[str, list[Recorded[Event]]]:
        wanted, self._wanted, self._next = self._wanted, set(), None
        return await self._log.read_streams([*wanted])
