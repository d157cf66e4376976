"""A made-up business, always the same: customers with purchases and contacts, as commands or as a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from domain.commands import Command, parse
from domain.customers import RegisterCustomer
from domain.interactions import RecordInteraction
from domain.orders import RecordPurchase
from infra.engine import Engine

C = TypeVar("C", bound=Command)

BEGIN = datetime(2026, 1, 1, 9, tzinfo=UTC)
CHUNK = 1_500
"""Commands in one transaction."""
EVENTS_EACH = 41
"""Events of one customer: the registration, ten purchases with payments, ten contacts with a taker."""
REGIONS = ("北京", "上海", "广东", "四川", "Bayern", "Île-de-France", "Ohio")
CHANNELS = ("phone", "email", "chat", "visit")


def wish(cls: type[C], id: str, at: datetime, **fields: Any) -> C:
    return parse(
        cls, {"command_id": id, "actor": "bench", "occurred_at": at, "source": "simulated", **fields}
    )


def register(customer: int) -> RegisterCustomer:
    return wish(
        RegisterCustomer,
        f"c-{customer}",
        BEGIN + timedelta(minutes=customer),
        customer_id=f"c{customer}",
        name=f"客户 {customer}",
        region=REGIONS[customer % len(REGIONS)],
        language="zh" if customer % 2 else "en",
    )


def buy(customer: int, number: int) -> RecordPurchase:
    return wish(
        RecordPurchase,
        f"o-{customer}-{number}",
        BEGIN + timedelta(days=3 * number, minutes=customer),
        order_id=f"o{customer}-{number}",
        customer_id=f"c{customer}",
        total_minor=1 + customer * 7919 * number % 20_000,
        currency="CNY",
        items=number,
    )


def contact(customer: int, number: int) -> RecordInteraction:
    return wish(
        RecordInteraction,
        f"i-{customer}-{number}",
        BEGIN + timedelta(days=3 * number + 1, minutes=customer),
        interaction_id=f"i{customer}-{number}",
        customer_id=f"c{customer}",
        channel=CHANNELS[(customer + number) % len(CHANNELS)],
        direction="inbound",
        stage="after",
        topic="Where is my order?",
        text="您好,请问我上周买的唱片发货了吗?I need it before Friday.",
        order_id=f"o{customer}-{number}",
    )


def commands(customers: int) -> Iterator[Command]:
    """What happens, mixed as time mixes it: everybody comes, then buys and asks in turn."""
    yield from map(register, range(customers))
    for number in range(1, 11):
        yield from (buy(customer, number) for customer in range(customers))
        yield from (contact(customer, number) for customer in range(customers))


async def fill(engine: Engine, customers: int) -> int:
    """Let all of it happen; the log's head."""
    coming, chunks = commands(customers), 0
    while chunk := list(islice(coming, CHUNK)):
        await engine.execute_many(chunk)
        chunks += 1
        if chunks.bit_count() == 1:  # as the import does, so that PostgreSQL plans for what there is
            await engine.log.pool.execute("ANALYZE kehu.events, kehu.streams, kehu.commands")
    await engine.log.pool.execute("VACUUM ANALYZE")
    return await engine.log.head()


def purchases(path: Path, rows: int) -> None:
    """A CSV of purchases, each customer with ten."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("id", "customer", "at", "amount", "currency", "quantity"))
        for row in range(rows):
            bought = buy(row // 10, 1 + row % 10)
            amount = f"{bought.total_minor // 100}.{bought.total_minor % 100:02}"
            at = bought.occurred_at.isoformat()
            table.writerow((bought.order_id, bought.customer_id, at, amount, "CNY", bought.items))
