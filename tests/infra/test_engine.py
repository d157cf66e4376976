"""A command is decided on what is true, done once, and leaves nothing behind where it is refused."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from domain.commands import Command
from domain.customers import (
    AssignOwner,
    ChangeProfile,
    Customer,
    CustomerAlreadyRegistered,
    CustomerEnded,
    CustomerUnknown,
    EndRelationship,
    RegisterCustomer,
    WinBackCustomer,
)
from domain.errors import DomainError
from domain.events import Recorded
from domain.orders import CancelOrder, Order, OrderAlreadyPlaced, Overpaid, PlaceOrder, ReceivePayment
from infra.engine import Engine
from infra.log.units import Appended, CommandIdReused
from tests.infra.wishes import wish


def register(customer: str = "li", **fields: Any) -> RegisterCustomer:
    return wish(RegisterCustomer, customer_id=customer, **fields)


def order(order: str, customer: str = "li", **fields: Any) -> PlaceOrder:
    return wish(
        PlaceOrder,
        **{"total_minor": 700, "currency": "CNY", "items": 1} | fields,
        order_id=order,
        customer_id=customer,
    )


def payment(order: str, amount: int, **fields: Any) -> ReceivePayment:
    return wish(
        ReceivePayment,
        order_id=order,
        payment_id=f"p-{amount}",
        amount_minor=amount,
        currency="CNY",
        **fields,
    )


def end(customer: str = "li") -> EndRelationship:
    return wish(EndRelationship, customer_id=customer, cause="natural")


async def test_a_command_answers_with_its_place_and_the_state_it_made(engine: Engine) -> None:
    done = await engine.execute(register(name="李娜"))
    assert (done.position, done.appended.version, done.appended.repeated) == (1, 1, False)
    assert isinstance(done.state, Customer)
    assert (done.state.name, done.state.live) == ("李娜", True)
    (event,) = await engine.log.read()
    assert (event.stream, event.customer_id, event.actor) == ("customer-li", "li", "Li Na")


@pytest.mark.parametrize("through", ["the same engine", "another one"])
async def test_a_retried_command_gives_its_first_result_and_state(
    engine: Engine, other: Engine, through: str
) -> None:
    asked = register(name="Li")
    first = await engine.execute(asked)
    changed = await engine.execute(wish(ChangeProfile, customer_id="li", name="Wang"))
    paid = payment("o-1", 300)
    await engine.execute(order("o-1"))
    first_payment = await engine.execute(paid)
    await engine.execute(payment("o-1", 400))

    again = await (engine if through == "the same engine" else other).execute(asked)
    assert again.appended.repeated
    assert (again.position, again.appended.recorded_at) == (1, first.appended.recorded_at)
    assert again.state == first.state != changed.state
    paid_again = await (engine if through == "the same engine" else other).execute(paid)
    assert paid_again.state == first_payment.state
    assert isinstance(paid_again.state, Order)
    assert paid_again.state.paid_minor == 300
    assert await engine.log.head() == 5


async def test_a_command_that_changed_nothing_gives_its_first_result_too(engine: Engine) -> None:
    await engine.execute(register())
    idle = wish(ChangeProfile, customer_id="li")
    first = await engine.execute(idle)
    await engine.execute(wish(ChangeProfile, customer_id="li", name="Wang"))
    again = await engine.execute(idle)
    assert (again.state, again.position) == (first.state, first.position)
    assert again.appended.recorded_at == first.appended.recorded_at


async def test_the_same_command_many_times_at_once_is_done_once(engine: Engine, other: Engine) -> None:
    await engine.execute(register())
    asked = order("o-1")
    done = await asyncio.gather(*((engine, other)[n % 2].execute(asked) for n in range(40)))
    assert {(d.position, d.appended.recorded_at, d.state) for d in done} == {
        (2, done[0].appended.recorded_at, done[0].state)
    }
    assert await engine.log.head() == 2


async def test_an_id_of_another_command_is_refused_whatever_the_domain_says(engine: Engine) -> None:
    await engine.execute(register(command_id="c-1"))
    for asked in (
        register("wang", command_id="c-1"),
        wish(AssignOwner, customer_id="li", owner="T", command_id="c-1"),
    ):
        with pytest.raises(CommandIdReused):
            await engine.execute(asked)
    with pytest.raises(CommandIdReused):
        await engine.execute(payment("nothing", 1, command_id="c-1"))
    assert await engine.log.head() == 1


async def test_a_refusal_leaves_nothing(engine: Engine) -> None:
    asked = order("o-1")
    with pytest.raises(CustomerUnknown):
        await engine.execute(asked)
    assert await engine.log.head() == 0
    assert await engine.log.known_commands([asked.command_id]) == set()
    await engine.execute(register())
    assert (await engine.execute(asked)).position == 2


async def test_what_another_process_did_is_seen_before_a_refusal(engine: Engine, other: Engine) -> None:
    await engine.execute(register())
    await engine.execute(end())
    await other.execute(wish(WinBackCustomer, customer_id="li", offer="tea"))
    await engine.execute(order("o-1"))
    await engine.execute(order("o-2", total_minor=100))
    await other.execute(wish(CancelOrder, order_id="o-1", reason="late"))
    with pytest.raises(DomainError, match="o-1 is cancelled"):
        await engine.execute(payment("o-1", 1))
    await other.execute(payment("o-2", 60))
    with pytest.raises(Overpaid, match="has 40 left"):
        await engine.execute(payment("o-2", 50))
    await other.execute(end())
    with pytest.raises(CustomerEnded):
        await engine.execute(order("o-3"))


async def test_what_another_process_began_is_not_begun_again(engine: Engine, other: Engine) -> None:
    await engine.execute_many([register(), order("o-1")])
    with pytest.raises(OrderAlreadyPlaced):
        await other.execute(order("o-1", total_minor=100))
    outcomes = await other.execute_many([order("o-2"), order("o-1", total_minor=100), register()])
    assert [type(outcome) for outcome in outcomes] == [
        Appended,
        OrderAlreadyPlaced,
        CustomerAlreadyRegistered,
    ]
    assert [e.name for e in await engine.log.read()] == ["CustomerRegistered", "OrderPlaced", "OrderPlaced"]


def after_the_end(history: list[Recorded[Any]]) -> list[str]:
    """Whatever was ordered from customers who had left."""
    left: set[str | None] = set()
    wrong = []
    for event in history:
        match event.name:
            case "RelationshipEnded":
                left.add(event.customer_id)
            case "CustomerWonBack":
                left.discard(event.customer_id)
            case "OrderPlaced" if event.customer_id in left:
                wrong.append(f"{event.stream} at {event.position}")
    return wrong


async def test_nobody_who_has_left_orders_whoever_is_faster(engine: Engine, other: Engine) -> None:
    rng = random.Random(21)
    customers = [f"c-{n}" for n in range(12)]
    await engine.execute_many([register(customer) for customer in customers])

    async def attempt(command: Command) -> bool:
        try:
            await rng.choice([engine, other]).execute(command)
        except DomainError:
            return False
        return True

    for turn in range(15):
        asked: list[Command] = []
        for customer in customers:
            asked += [order(f"{customer}-{turn}-{n}", customer) for n in range(3)]
            asked.append(
                end(customer) if turn % 2 else wish(WinBackCustomer, customer_id=customer, offer="t")
            )
        rng.shuffle(asked)
        done = await asyncio.gather(*map(attempt, asked))
        assert any(done)
    history = await engine.log.read()
    assert after_the_end(history) == []
    assert sum(event.name == "OrderPlaced" for event in history) > 100
    assert sum(event.name == "RelationshipEnded" for event in history) > 50
    assert after_the_end([event for event in history if event.name != "CustomerWonBack"])


async def test_many_clients_of_one_stream_wait_for_their_turn(engine: Engine, other: Engine) -> None:
    await engine.execute(register())
    wanted = [wish(AssignOwner, customer_id="li", owner=f"owner {n}") for n in range(200)]
    done = await asyncio.gather(*((engine, other)[n % 2].execute(c) for n, c in enumerate(wanted)))
    assert sorted(d.appended.version for d in done) == list(range(2, 202))
    assert {d.state.owner for d in done} == {c.owner for c in wanted}


async def test_many_commands_are_one_transaction(engine: Engine) -> None:
    outcomes = await engine.execute_many(
        [register(), order("o-1"), payment("o-1", 300), register("wang"), order("o-2", "wang"), end("wang")]
    )
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert [e.stream for e in await engine.log.read()] == [
        "customer-li",
        "order-o-1",
        "order-o-1",
        "customer-wang",
        "order-o-2",
        "customer-wang",
    ]
    assert await engine.log.pool.fetchval("SELECT count(DISTINCT xmin::text) FROM kehu.events") == 1
    assert [e.customer_id for e in await engine.log.read()] == ["li"] * 3 + ["wang"] * 3


async def test_many_commands_with_refused_repeated_and_doubled_ones(engine: Engine, other: Engine) -> None:
    known, later = register(), payment("o-1", 300)
    await other.execute(known)
    doubled = order("o-1")
    commands = [
        known,
        doubled,
        doubled,
        order("o-2", "nobody"),
        payment("o-1", 900),
        later,
        register("li"),
    ]
    outcomes = await engine.execute_many(commands)
    kinds = [Appended, type(None), CustomerUnknown, Overpaid, Appended, CustomerAlreadyRegistered]
    assert [type(outcome) for outcome in outcomes] == [type(None), *kinds]
    assert [e.name for e in await engine.log.read()] == [
        "CustomerRegistered",
        "OrderPlaced",
        "PaymentReceived",
    ]
    again = await engine.execute_many(commands)
    assert [type(outcome) for outcome in again] == [
        *[type(None)] * 3,
        CustomerUnknown,
        Overpaid,
        type(None),
        CustomerAlreadyRegistered,
    ]
    assert await engine.log.head() == 3
    assert await engine.execute_many([]) == []
    assert (await engine.execute(later)).state.paid_minor == 300


async def test_a_refused_command_does_not_hide_a_later_one_of_its_id(engine: Engine) -> None:
    right, again = order("o-2"), order("o-2")
    wrong = order("o-1", "nobody")
    ids = {"command_id": right.command_id}
    wrong, again = (msgspec.structs.replace(command, **ids) for command in (wrong, again))
    outcomes = await engine.execute_many([register(), wrong, wrong, right, again, wrong])
    kinds = [Appended, CustomerUnknown, CustomerUnknown, Appended, type(None), type(None)]
    assert [type(outcome) for outcome in outcomes] == kinds
    assert [e.stream for e in await engine.log.read()] == ["customer-li", "order-o-2"]


async def test_many_commands_on_stale_states_are_decided_anew(engine: Engine, other: Engine) -> None:
    await engine.execute_many([register(), register("wang")])
    await other.execute(wish(AssignOwner, customer_id="li", owner="Tom"))
    await other.execute(end("wang"))
    outcomes = await engine.execute_many(
        [wish(AssignOwner, customer_id="li", owner="Li Na"), order("o-1", "wang"), order("o-2")]
    )
    assert [type(outcome) for outcome in outcomes] == [Appended, CustomerEnded, Appended]
    assert await engine.log.versions(["customer-li"]) == {"customer-li": 3}


async def test_batches_of_the_same_commands_at_once_are_done_once(engine: Engine, other: Engine) -> None:
    commands = [register(f"c-{n}") for n in range(50)]
    parts = [commands, commands[::-1], commands[10:30], commands[25:]]
    outcomes = await asyncio.gather(
        *((engine, other)[n % 2].execute_many(part) for n, part in enumerate(parts))
    )
    assert sum(isinstance(outcome, Appended) for part in outcomes for outcome in part) == 50
    assert sorted(e.stream for e in await engine.log.read()) == sorted(f"customer-c-{n}" for n in range(50))


async def test_who_is_never_fast_enough_makes_all_others_wait(engine: Engine, other: Engine) -> None:
    await engine.execute(register())
    commit, number = engine._commit.append, 0

    async def too_late(unit: Any) -> Appended:
        nonlocal number
        number += 1
        await other.execute(wish(AssignOwner, customer_id="li", owner=f"{number}"))
        return await commit(unit)

    engine._commit.append = too_late  # type: ignore[method-assign]  # somebody else gets in between, every time
    done = await engine.execute(wish(ChangeProfile, customer_id="li", name="Wang"))
    assert done.state.name == "Wang"
    assert number > 1
