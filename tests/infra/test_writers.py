"""Whatever several writers do to the same things at once, each context keeps its rules: the log is judged."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.campaigns import InviteCustomer
from domain.commands import Command
from domain.complaints import CloseComplaint, CommunicateDecision, ReceiveComplaint, VerifySatisfaction
from domain.customers import EndRelationship, RegisterCustomer, WinBackCustomer
from domain.deciders import DECIDERS, decider_of
from domain.erasure import ErasePersonalData
from domain.errors import DomainError
from domain.extras import DefineExtraField, SetExtraField
from domain.groups import AssignParent
from domain.identifiers import (
    AddIdentifier,
    IdentifierCommand,
    IdentifierKind,
    RejectIdentifier,
    VerifyIdentifier,
)
from domain.merging import MergeCustomers, ReverseMerge
from domain.points import EarnPoints, RedeemPoints
from domain.restrictions import ApproveOverride, LiftRestriction, RestrictCustomer
from domain.surveys import DesignSurvey, IssueSurvey, RecordResponse
from infra.engine import Engine, Executed
from infra.log.log import Log
from infra.log.units import Appended, CommandIdReused, Unit
from tests.domain.samples import sample
from tests.infra.conftest import opened
from tests.infra.invariants import faults
from tests.infra.judges import Fact, category
from tests.infra.lives import POOLS, random_wish
from tests.infra.wishes import wish

CONTEXTS: Mapping[str, str] = {
    "parties": "customer merge group extra_field extras screening_list staff",
    "engagement": "interaction commitment message incident article",
    "sales": "lead opportunity order campaign invitations subscription rival_observation",
    "complaints": "complaint crisis measure",
    "voice": "survey survey_issue",
    "care": "points claim visit announcement",
    "value": "cost lifetime_model tier_policy value_policy analysis_policy",
    "governance": "file_loan quality_score service_policy promise_standard deadlines calendar days",
}
"""Which aggregates belong to which context."""
ANYWHERE = (EndRelationship, WinBackCustomer, RestrictCustomer, LiftRestriction, ApproveOverride)
"""What happens to customers while everybody works for them."""
OFTEN: Mapping[type[Command], int] = {
    **dict.fromkeys((EndRelationship, RestrictCustomer, ApproveOverride, RegisterCustomer), 1),
    **dict.fromkeys((WinBackCustomer, LiftRestriction), 4),
    **dict.fromkeys((ReceiveComplaint, InviteCustomer, MergeCustomers, AssignParent, IssueSurvey), 20),
    SetExtraField: 30,
    **dict.fromkeys((CommunicateDecision, VerifySatisfaction, CloseComplaint), 60),
    **dict.fromkeys((VerifyIdentifier, RecordResponse, EarnPoints, RedeemPoints, DefineExtraField), 40),
    **dict.fromkeys((RejectIdentifier, ReverseMerge), 40),
    AddIdentifier: 80,
}
"""How often a command is given, where not eight times: most customers are served, and much is done."""
FEW = {"customer_id": 4, "order_id": 8, "complaint_id": 3, "interaction_id": 4, "transaction_id": 60}
"""How many there are of each at a time: writers shall meet."""
NEW = {decider.id_field or "" for decider in DECIDERS} - {"customer_id", "survey_id"}
"""Ids of which there are others from time to time, so that there is always something to begin."""
WRITERS, HANDS, TIMES, ROUNDS, AT_ONCE, CLASHES = 3, 2, 3, 3, 20, 4
Append = Callable[[Unit], Coroutine[Any, Any, Appended]]
Told = list[tuple[Command, Any]]
"""Each command, as often as it was sent, and what its sender was told."""


class Writers:
    """Several writers of one log, each with a cache and a group commit of its own, as processes have."""

    def __init__(self, engines: list[Engine], seed: int, kinds: Sequence[type[Command]]) -> None:
        self.engines, self.kinds = engines, kinds
        self.rng, self.now = random.Random(seed), datetime(2026, 1, 28, 7, tzinfo=UTC)
        self.told: Told = []
        self._across = [k for k in kinds if k not in ANYWHERE and decider_of(k).boundary and _tags(sample(k))]
        self._time = self._round = self._number = 0

    async def write(self) -> None:
        for self._time in range(TIMES):
            for self._round in range(ROUNDS):
                self.now += timedelta(hours=self.rng.choice([1, 9, 30]))
                await self._race()
                for _ in range(CLASHES):
                    await self._clash()
        if RegisterCustomer in self.kinds:  # whoever is erased never comes back: this is done last
            self.kinds = [*self.kinds, *[ErasePersonalData] * 10]
            await self._race()

    async def _race(self) -> None:
        """All write at once: some of it twice, some under an id that is taken, some as an import's chunk."""
        commands = [self.wish() for _ in range(AT_ONCE)]
        stolen = self.wish(command_id=self.rng.choice(commands).command_id)
        hands = [(engine, list[Command]()) for engine in self.engines for _ in range(HANDS)]
        for command in [*commands, stolen]:
            for _, todo in self.rng.sample(hands, self.rng.choice([1, 1, 1, 2, len(hands)])):
                todo.append(command)
        chunk = [*self.rng.sample(commands, 2), *(self.wish() for _ in range(6))]
        async with asyncio.TaskGroup() as racing:
            racing.create_task(self._import(self.rng.choice(self.engines), chunk))
            for engine, todo in hands:
                racing.create_task(self._work(engine, todo))

    async def _clash(self) -> None:
        """All decide in the same moment on what depends on the same things."""
        first = self.wish(self._kind(self._across or self.kinds))
        async with asyncio.TaskGroup() as clashing:
            for n, engine in enumerate(self.engines * HANDS):
                clashing.create_task(self._work(engine, [self._alike(first) if n else first]))

    def _alike(self, first: Command) -> Command:
        kind, tags = type(first), _tags(first)
        while tags.isdisjoint(_tags(command := self.wish(kind))) and tags:
            pass
        return command

    async def _work(self, engine: Engine, commands: Sequence[Command]) -> None:
        for command in commands:
            try:
                self.told.append((command, await engine.execute(command)))
            except (DomainError, CommandIdReused) as refusal:
                self.told.append((command, refusal))

    async def _import(self, engine: Engine, chunk: Sequence[Command]) -> None:
        self.told += zip(chunk, await engine.execute_many(chunk), strict=True)

    def wish(self, kind: type[Command] | None = None, **given: Any) -> Command:
        """A command of the context that the domain may allow or not."""
        self._number += 1
        told = self.now - timedelta(minutes=self.rng.choice([0, 0, 5, 3000]))
        when = {"command_id": f"w-{self._number}", "actor": self.rng.choice(["Li Na", "Tom"])}
        kind = kind or self._kind(self.kinds)
        command = random_wish(self.rng, kind, when | {"occurred_at": told} | given, self.now.date())
        ids = {field: getattr(command, field) for field in kind.__struct_fields__ if field in NEW}
        changes: dict[str, Any] = {field: f"{id}.{self._time}" for field, id in ids.items() if id}
        if self.rng.random() < 0.6:
            changes |= {named.field: None for named in kind.names if named.theirs}
        if isinstance(command, IdentifierCommand):
            changes["kind"] = IdentifierKind.PHONE
        return msgspec.structs.replace(command, **changes)

    def _kind(self, kinds: Sequence[type[Command]]) -> type[Command]:
        """Any of these; when a new time begins, most begin something."""
        new = self._round == 0
        weights = [100 if new and kind in decider_of(kind).begins else OFTEN.get(kind, 8) for kind in kinds]
        return self.rng.choices(kinds, weights)[0]


def _tags(command: Command) -> set[str]:
    """Of the events in other streams on which its decision depends."""
    decider = decider_of(type(command))
    return {*decider.tags(decider.initial, command)}


def kinds_of(context: str) -> list[type[Command]]:
    own = [c for d in DECIDERS if d.name in CONTEXTS[context].split() for c in d.commands]
    named = {named.noun for command in own for named in command.names}
    before = [c for d in DECIDERS if d.name in named and d.name != "customer" for c in d.begins]
    kinds: list[type[Command]] = [*own, *before, *ANYWHERE]
    return [kind for kind in dict.fromkeys(kinds) if kind is not ErasePersonalData]


@pytest.fixture
async def engines(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Engine]]:
    for name, few in FEW.items():
        monkeypatch.setitem(POOLS, name, few)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(opened(database)) for _ in range(WRITERS)]


async def written(engines: list[Engine], context: str) -> tuple[Told, Sequence[Fact]]:
    """What writers of a context were told, and the log that they left."""
    writers = Writers(engines, seed=7, kinds=kinds_of(context))
    await engines[0].execute_many(
        [
            *(wish(RegisterCustomer, customer_id=f"cus-{n}") for n in range(FEW["customer_id"])),
            *(wish(DesignSurvey, **SURVEY, survey_id=f"sur-{n}") for n in range(POOLS["survey_id"])),
        ]
    )
    await writers.write()
    return writers.told, await engines[0].log.read(limit=10**6)


@pytest.mark.parametrize("context", CONTEXTS)
async def test_several_writers_at_once_break_no_rule(engines: list[Engine], context: str) -> None:
    told, history = await written(engines, context)
    assert faults(history) == []
    assert await untrue(told, history, engines[0].log) == []
    assert {category(happened) for happened in history} >= {*CONTEXTS[context].split()}
    refused = {type(answer).__name__ for _, answer in told if isinstance(answer, DomainError)}
    assert len(refused) > 5


async def test_writers_who_append_without_their_conditions_break_rules(engines: list[Engine]) -> None:
    pair, both, points = engines[:2], asyncio.Barrier(2), {"customer_id": "li", "points": 10}
    await pair[0].execute_many(
        [
            wish(RegisterCustomer, customer_id="li"),
            wish(EarnPoints, **points, transaction_id="e", reason="order"),
        ]
    )
    for engine in pair:
        engine._commit.append = careless(engine._commit.append, both)  # type: ignore[method-assign, assignment]  # on purpose
    redeemed = [wish(RedeemPoints, **points, transaction_id=id, reason="gift") for id in ("1", "2")]
    await asyncio.gather(*(engine.execute(command) for engine, command in zip(pair, redeemed, strict=True)))
    assert faults(await pair[0].log.read()) != []


def careless(append: Append, decided: asyncio.Barrier) -> Append:
    """Forgets that a decision holds only while nothing else has happened to a customer: once all have
    decided, all append."""

    async def anyhow(unit: Unit) -> Appended:
        await decided.wait()
        own = {command.stream for command in unit.commands}
        expected = {stream: version for stream, version in unit.expected.items() if stream in own}
        return await append(msgspec.structs.replace(unit, expected=expected, unless=[]))

    return anyhow


SURVEY = {
    "kind": "csat",
    "variant": "0-100",
    "title": "?",
    "lowest": 0,
    "highest": 100,
    "questions": [{"question_id": f"que-{n}", "text": "?"} for n in range(POOLS["question_id"])],
}


async def untrue(told: Told, history: Sequence[Fact], log: Log) -> list[str]:
    """What writers were told that the log does not bear out."""
    places = {happened.command_id: happened.position for happened in history}
    known = await log.known_commands([command.command_id for command, _ in told])
    asked = {command.command_id for command, _ in told}
    done = {c.command_id for c, answer in told if not isinstance(answer, DomainError | CommandIdReused)}
    answers = {(c.command_id, answer.position) for c, answer in told if isinstance(answer, Executed)}
    found = [f"{id} was acknowledged and is lost" for id in done - known]
    found += [f"{id} was refused and is there" for id in (known | (asked & places.keys())) - done]
    for id, times in Counter(id for id, _ in answers).items():
        if times > 1:
            found.append(f"{id} was acknowledged at {times} places")
    return found + [
        f"{id} was acknowledged at {position} and stands at {places[id]}"
        for id, position in answers
        if places.get(id, position) != position
    ]
