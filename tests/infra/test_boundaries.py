"""Rules across streams hold whoever is faster: one holder of an identifier, no balance below zero."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain.commands import Command
from domain.commitments import MakeCommitment, PromisedBeyondTheStandard
from domain.customers import CustomerAlreadyRegistered, EndRelationship, RegisterCustomer, WinBackCustomer
from domain.errors import DomainError
from domain.events import Recorded
from domain.identifiers import AddIdentifier, IdentifierTaken, RejectIdentifier, VerifyIdentifier
from domain.orders import PlaceOrder
from domain.points import EarnPoints, ExpirePoints, PointsInsufficient, RedeemPoints
from domain.standards import KindStandard, PublishPromiseStandard
from domain.surveys import DesignSurvey, IssueSurvey
from infra.engine import Engine
from infra.log.units import Appended
from infra.plan import Rows
from tests.infra.wishes import NOON, wish

PASSPORT = {"kind": "passport", "value": "E12345678"}
CUSTOMERS = [f"c-{n}" for n in range(12)]


def registered(customer: str = "li") -> Command:
    return wish(RegisterCustomer, customer_id=customer)


def added(customer: str = "li") -> Command:
    return wish(AddIdentifier, customer_id=customer, **PASSPORT)


def verified(customer: str = "li") -> Command:
    return wish(VerifyIdentifier, customer_id=customer, **PASSPORT, evidence="seen")


def won_back(customer: str = "li") -> Command:
    return wish(WinBackCustomer, customer_id=customer, offer="tea")


def ended(customer: str = "li") -> Command:
    return wish(EndRelationship, customer_id=customer, cause="natural")


def earned(id: str, points: int, **more: Any) -> Command:
    return wish(EarnPoints, transaction_id=id, customer_id="li", points=points, reason="order", **more)


def redeemed(id: str, points: int, **more: Any) -> Command:
    return wish(RedeemPoints, transaction_id=id, customer_id="li", points=points, reason="gift", **more)


async def race(engines: list[Engine], commands: list[Command]) -> Counter[str]:
    """Send commands at once through several processes' engines; how each kind of answer came."""
    answers = await asyncio.gather(
        *(engines[n % len(engines)].execute(command) for n, command in enumerate(commands)),
        return_exceptions=True,
    )
    assert all(isinstance(answer, DomainError) or not isinstance(answer, BaseException) for answer in answers)
    return Counter(type(answer).__name__ for answer in answers)


def most_holders(history: list[Recorded[Any]]) -> int:
    """How many live customers held the identifier at once, at most."""
    proved: set[str | None] = set()
    left: set[str | None] = set()
    most = 0
    for happened in history:
        match happened.name:
            case "IdentifierVerified":
                proved.add(happened.customer_id)
            case "IdentifierRejected":
                proved.discard(happened.customer_id)
            case "RelationshipEnded":
                left.add(happened.customer_id)
            case "CustomerWonBack":
                left.discard(happened.customer_id)
        most = max(most, len(proved - left))
    return most


def balances(history: list[Recorded[Any]]) -> list[int]:
    """The balance after each movement."""
    signs = {"PointsEarned": 1, "PointsRedeemed": -1, "PointsExpired": -1}
    found = [0]
    for happened in history:
        if sign := signs.get(happened.name):
            found.append(found[-1] + sign * happened.event.points)
    return found


# --- Identifiers ----------------------------------------------------------------------------------


async def test_of_many_who_verify_one_identifier_at_once_one_holds_it(engine: Engine, other: Engine) -> None:
    await engine.execute_many([registered(c) for c in CUSTOMERS])
    for number in range(10):
        passport = {"kind": "passport", "value": f"E{number}"}
        await engine.execute_many([wish(AddIdentifier, customer_id=c, **passport) for c in CUSTOMERS])
        asked = [wish(VerifyIdentifier, customer_id=c, **passport, evidence="seen") for c in CUSTOMERS]
        assert await race([engine, other], [*asked]) == {"Executed": 1, "IdentifierTaken": len(CUSTOMERS) - 1}


async def test_whoever_leaves_comes_back_or_is_rejected_there_is_one_holder(
    engine: Engine, other: Engine
) -> None:
    await engine.execute_many([command for c in CUSTOMERS for command in (registered(c), added(c))])
    turns = [
        [verified(c) for c in CUSTOMERS],
        [ended(c) for c in CUSTOMERS[::2]] + [verified(c) for c in CUSTOMERS[1::2]],
        [won_back(c) for c in CUSTOMERS[::2]] + [verified(c) for c in CUSTOMERS],
        [ended(c) for c in CUSTOMERS[::3]]
        + [won_back(c) for c in CUSTOMERS]
        + [verified(c) for c in CUSTOMERS],
        [wish(RejectIdentifier, customer_id=c, **PASSPORT, reason="forged") for c in CUSTOMERS[:6]]
        + [verified(c) for c in CUSTOMERS[6:]],
    ]
    for commands in turns:
        await race([engine, other], commands)
    history = await engine.log.read()
    assert most_holders(history) == 1
    assert sum(happened.name == "IdentifierVerified" for happened in history) > 1
    doubled = [
        happened for happened in history if happened.name not in ("RelationshipEnded", "IdentifierRejected")
    ]
    assert most_holders(doubled) > 1


async def test_who_has_left_is_won_back_only_while_nobody_holds_the_identifier(
    engine: Engine, other: Engine
) -> None:
    for command in (registered(), added(), verified(), ended(), registered("wang"), added("wang")):
        await engine.execute(command)
    await other.execute(verified("wang"))
    with pytest.raises(IdentifierTaken, match="wang"):
        await engine.execute(won_back())
    await other.execute(ended("wang"))
    await engine.execute(won_back())
    with pytest.raises(IdentifierTaken, match="li"):
        await other.execute(won_back("wang"))


async def test_commands_of_one_batch_see_each_others_identifiers(engine: Engine, other: Engine) -> None:
    first, second = registered(), registered("wang")
    outcomes = await engine.execute_many(
        [
            first,
            second,
            added(),
            added("wang"),
            verified(),
            verified("wang"),
            ended(),
            verified("wang"),
            won_back(),
        ]
    )
    refused = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, IdentifierTaken)]
    assert refused == [5, 8]
    assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 7
    with pytest.raises(IdentifierTaken, match="wang"):
        await other.execute(won_back())


async def test_a_retried_verification_gives_its_first_result(engine: Engine, other: Engine) -> None:
    asked = verified()
    for command in (registered(), added()):
        await engine.execute(command)
    first = await engine.execute(asked)
    for command in (ended(), registered("wang"), added("wang"), verified("wang")):
        await other.execute(command)
    again = await other.execute(asked)
    assert (again.position, again.appended.repeated) == (first.position, True)


# --- Points ---------------------------------------------------------------------------------------


async def test_of_many_redemptions_at_once_as_many_succeed_as_the_balance_covers(
    engine: Engine, other: Engine
) -> None:
    await engine.execute(registered())
    for turn in range(10):
        await engine.execute(earned(f"e-{turn}", 20))
        answers = await race([engine, other], [redeemed(f"r-{turn}-{n}", 10) for n in range(8)])
        assert answers == {"Executed": 2, "PointsInsufficient": 6}
    assert balances(await engine.log.read())[-1] == 0


async def test_the_balance_stays_above_zero_whatever_happens_at_once(engine: Engine, other: Engine) -> None:
    await engine.execute(registered())
    for turn in range(4):
        day = f"2026-02-{turn + 10}"
        commands = [
            earned(f"e-{turn}-{n}", 3 + n, **({"expires_on": day} if n % 2 else {})) for n in range(6)
        ]
        commands += [redeemed(f"r-{turn}-{n}", 5) for n in range(8)]
        commands += [wish(ExpirePoints, transaction_id=f"x-{turn}", customer_id="li", through=day)]
        await race([engine, other], commands)
    history = await engine.log.read()
    assert min(balances(history)) == 0
    assert {happened.name for happened in history} >= {"PointsEarned", "PointsRedeemed"}
    assert min(balances([h for h in history if h.name != "PointsEarned"])) < 0


async def test_a_redemption_sent_twice_is_done_once(engine: Engine, other: Engine) -> None:
    await engine.execute_many([registered(), earned("e-1", 10)])
    asked = redeemed("r-1", 10)
    done = await asyncio.gather(*((engine, other)[n % 2].execute(asked) for n in range(10)))
    assert {answer.position for answer in done} == {3}
    assert balances(await engine.log.read()) == [0, 10, 0]


async def test_commands_of_one_batch_see_each_others_points(engine: Engine) -> None:
    outcomes = await engine.execute_many(
        [
            registered(),
            redeemed("r-0", 1),
            earned("e-1", 5),
            redeemed("r-1", 3),
            redeemed("r-2", 3),
            redeemed("r-3", 2),
        ]
    )
    refused = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, PointsInsufficient)]
    assert refused == [1, 4]
    assert balances(await engine.log.read()) == [0, 5, 2, 0]


async def test_who_is_overtaken_every_time_makes_all_others_wait(engine: Engine, other: Engine) -> None:
    await engine.execute_many([registered(), earned("e-1", 10)])
    commit, number = engine._commit.append, 0

    async def too_late(unit: Any) -> Appended:
        nonlocal number
        number += 1
        await other.execute(earned(f"other-{number}", 1))
        return await commit(unit)

    engine._commit.append = too_late  # type: ignore[method-assign]  # somebody else gets in between, every time
    await engine.execute(redeemed("r-1", 10))
    assert number > 1
    assert balances(await engine.log.read())[-1] == number


async def test_what_depends_on_no_boundary_has_no_such_condition(engine: Engine) -> None:
    await engine.execute(registered())
    units: list[Any] = []
    commit = engine._commit.append

    async def noted(unit: Any) -> Appended:
        units.append(unit)
        return await commit(unit)

    engine._commit.append = noted  # type: ignore[method-assign]  # only looks on
    order = wish(PlaceOrder, order_id="o", customer_id="li", total_minor=1, currency="CNY", items=1)
    for command in (added(), earned("e-1", 5), order, redeemed("r-1", 1)):
        await engine.execute(command)
    assert [[condition.tags for condition in unit.unless] for unit in units] == [[], [], [], [("points:li",)]]


DESIGN = wish(
    DesignSurvey,
    survey_id="s",
    kind="nps",
    variant="0-10",
    title="茶",
    lowest=0,
    highest=10,
    questions=[{"question_id": "q", "text": "?"}],
)
STANDARD = wish(PublishPromiseStandard, standard_version="1", effective_from="2026-01-01")


def promised(id: str) -> Command:
    by = NOON + timedelta(hours=72)
    return wish(MakeCommitment, commitment_id=id, customer_id="li", kind="repair", promised_at=by)


def issued(id: str) -> Command:
    return wish(IssueSurvey, survey_id="s", issue_id=id, customer_id="li", good_through="2026-04-01")


@pytest.mark.parametrize(
    ("before", "decided"), [(STANDARD, promised), (DESIGN, issued)], ids=["promises", "issues of a survey"]
)
async def test_those_who_only_read_a_boundary_decide_at_once(
    engine: Engine, before: Command, decided: Callable[[str], Command]
) -> None:
    await engine.execute(registered())
    await engine.execute(before)
    both, read = asyncio.Barrier(2), engine.log.read_tag

    async def meet(tag: str, *, after: int = 0) -> list[Recorded[Any]]:
        await both.wait()
        return await read(tag, after=after)

    engine.log.read_tag = meet  # type: ignore[assignment,method-assign]  # each waits until the other reads
    async with asyncio.timeout(10):
        assert await race([engine], [decided("1"), decided("2")]) == {"Executed": 2}


async def test_a_promise_is_held_to_a_standard_that_was_published_while_it_was_decided(
    engine: Engine, other: Engine
) -> None:
    await engine.execute(registered())
    commit, repair = engine._commit.append, KindStandard(kind="repair", most_hours=48)

    async def too_late(unit: Any) -> Appended:
        await other.execute(msgspec.structs.replace(STANDARD, by_kind=(repair,)))
        return await commit(unit)

    engine._commit.append = too_late  # type: ignore[method-assign]  # somebody else gets in between
    with pytest.raises(PromisedBeyondTheStandard):
        await engine.execute(promised("1"))
    assert "CommitmentMade" not in [happened.name for happened in await engine.log.read()]


async def test_what_was_published_elsewhere_counts_and_is_all_that_is_read_again(
    engine: Engine, other: Engine
) -> None:
    await engine.execute(registered())
    await engine.execute(STANDARD)
    read, found = engine.log.read_tag, list[int]()

    async def counted(tag: str, *, after: int = 0) -> list[Recorded[Any]]:
        events = await read(tag, after=after)
        found.append(len(events))
        return events

    engine.log.read_tag = counted  # type: ignore[assignment,method-assign]
    for id in ("1", "2"):
        await engine.execute(promised(id))
    repair = KindStandard(kind="repair", most_hours=48)
    await other.execute(
        msgspec.structs.replace(STANDARD, standard_version="2", by_kind=(repair,), command_id="2")
    )
    with pytest.raises(PromisedBeyondTheStandard):
        await engine.execute(promised("3"))
    assert found[:3] == [1, 0, 1]


# --- Rows -----------------------------------------------------------------------------------------


async def test_the_commands_of_a_row_are_done_all_or_not_at_all(engine: Engine) -> None:
    """What was refused leaves nothing behind: no points, no holder of a passport, no customer."""
    rows = [
        [registered("li"), registered("bo")],
        [earned("1", 10), redeemed("2", 20)],
        [redeemed("3", 1)],
        [added("bo"), verified("bo"), redeemed("4", 1)],
        [added("li"), verified("li"), earned("5", 7)],
        [registered("li"), redeemed("6", 7)],
        [registered("new"), redeemed("7", 1)],
        [added("new")],
    ]
    numbers = [n for n, row in enumerate(rows) for _ in row]
    commands = [command for row in rows for command in row]
    answers = iter(await engine.execute_many(commands, Rows(numbers, (CustomerAlreadyRegistered,))))
    found = [[type(next(answers)).__name__ for _ in row] for row in rows]
    assert found == [
        ["Appended", "Appended"],
        ["Withheld", "PointsInsufficient"],
        ["PointsInsufficient"],
        ["Withheld", "Withheld", "PointsInsufficient"],
        ["Appended", "Appended", "Appended"],
        ["CustomerAlreadyRegistered", "Appended"],
        ["Withheld", "PointsInsufficient"],
        ["CustomerUnknown"],
    ]
    events = [(r.stream, r.version, r.name) for r in await engine.log.read()]
    assert events == [
        ("customer-li", 1, "CustomerRegistered"),
        ("customer-bo", 1, "CustomerRegistered"),
        ("customer-li", 2, "IdentifierAdded"),
        ("customer-li", 3, "IdentifierVerified"),
        ("points-5", 1, "PointsEarned"),
        ("points-6", 1, "PointsRedeemed"),
    ]
