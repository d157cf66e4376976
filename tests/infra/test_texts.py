"""What people write comes through log and views unchanged, or is refused before anything is decided."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

import projections.complaints
import projections.customers
import projections.interactions
import projections.orders  # noqa: F401  # these declare the views
from domain.commands import parse
from domain.complaints import ComplaintReceived, ReceiveComplaint
from domain.customers import AddContactPoint, ChangeProfile, RegisterCustomer
from domain.errors import InvalidInput
from domain.interactions import InteractionRecorded, RecordInteraction
from infra.database import connected
from infra.engine import Engine
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from infra.log.units import Appended
from infra.views.projector import Projector
from infra.views.tables import Table
from projections.view import View, views
from tests.infra.wishes import NOON, wish

TEXTS = {
    "chinese": "客户说：“这杯茶很好喝，下次还来。”——王小明，𠮷野家",
    "emoji": "👩‍👩‍👧‍👦 🇨🇳 🏳️‍🌈 ❤️ 😀",
    "right to left": "\u202eשלום, العالم\u202c!",
    "combining": "e\u0301 ≠ é, ก็, क्षि, Z\u0351\u036b\u0343",
    "quotes": 'it\'s "\\N" \\\\ {} $1 :name %s ${x} -- /* <b>&amp;',
    "white space": " \t leading\r\nand\n\u00a0\u2028\u3000trailing ",
    "control": "\x01\x1b[31m\x7f\ufeff\u200b",
    "null words": "NULL null None \\N",
    "10 kB": "茶🍵x\n" * 1_300,
    "100,000 letters": "".join(random.Random(31).choices('茶🍵 x\u0301\\"\n', k=100_000)),
}
FOLLOWED = ("customers", "orders", "customer_values", "interactions", "complaints")
UNSTORABLE = {"NUL": "a\x00b", "a high surrogate": "a\ud83db", "a low surrogate": "\udf75"}


class World:
    def __init__(self, log: Log, commit: GroupCommit) -> None:
        self.log, self.engine = log, Engine(log, commit)

    async def row(self, view: str, key: str, value: str) -> View:
        """A view's row after all that happened; both as it is live and as of the log's end."""
        declaration = views[view]
        head = await Projector(self.log, [views[name] for name in FOLLOWED]).catch_up()
        table = Table(declaration, 1)
        columns = ", ".join(f'"{column}"' for column in table.columns)
        (record,) = await self.log.pool.fetch(
            f'SELECT {columns} FROM {table.as_of(str(head))} v WHERE "{key}" = $2', self.log.tenant, value
        )
        return table.row(record)


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with connected(database) as pool:
        log = Log(pool, "main")
        await log.create()
        commit = GroupCommit(log)
        yield World(log, commit)
        await commit.close()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_a_text_comes_through_unchanged(world: World, text: str) -> None:
    name, actor, id = text[:200], text[-200:], "客户_é-1"
    outcomes = await world.engine.execute_many(
        [
            wish(RegisterCustomer, customer_id=id, name=name, actor=actor, source=name),
            wish(
                RecordInteraction,
                interaction_id="联系-1",
                customer_id=id,
                channel="chat",
                direction="inbound",
                stage="after",
                topic=name,
                text=text,
            ),
            wish(ReceiveComplaint, complaint_id="c-1", customer_id=id, category="other", text=text),
        ]
    )
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    registered, recorded, *_, received = await world.log.read_customer(id)
    assert (registered.event.name, registered.actor, registered.source) == (name, actor, name)  # type: ignore[attr-defined]  # registered
    assert isinstance(recorded.event, InteractionRecorded)
    assert (recorded.event.topic, recorded.event.text) == (name, text)
    assert isinstance(received.event, ComplaintReceived)
    assert received.event.text == text
    customer: Any = await world.row("customers", "customer_id", id)
    assert customer.name == name
    interaction: Any = await world.row("interactions", "interaction_id", "联系-1")
    assert (interaction.customer_id, interaction.topic, interaction.text) == (id, name, text)
    complaint: Any = await world.row("complaints", "complaint_id", "c-1")
    assert complaint.text == text


async def test_the_longest_ids_and_addresses_fit_into_every_index(world: World) -> None:
    rng = random.Random(32)

    def letters(count: int) -> str:
        return "".join(chr(rng.randrange(0x20000, 0x2A6DF)) for _ in range(count))

    id, value = letters(120), letters(500)
    await world.engine.execute(
        wish(RegisterCustomer, customer_id=id, name=letters(200), command_id=letters(120))
    )
    await world.engine.execute(wish(AddContactPoint, customer_id=id, kind="postal", value=value))
    await world.engine.execute(wish(ChangeProfile, customer_id=id, name=letters(200)))
    head = await Projector(world.log, [views["customers"], views["contact_points"]]).catch_up()
    found = await world.log.pool.fetch(
        f"SELECT value FROM {Table(views['contact_points'], 1).as_of(str(head))} v", world.log.tenant
    )
    assert [row["value"] for row in found] == [value]


@pytest.mark.parametrize("text", UNSTORABLE.values(), ids=UNSTORABLE)
@pytest.mark.parametrize("field", ["text", "topic", "actor", "source", "command_id", "customer_id"])
def test_what_postgresql_cannot_hold_is_refused_by_name(field: str, text: str) -> None:
    fields = {
        "command_id": "c-1",
        "actor": "Li Na",
        "occurred_at": NOON,
        "source": "web",
        "interaction_id": "i-1",
        "customer_id": "li",
        "channel": "chat",
        "direction": "inbound",
        "stage": "after",
        "topic": "tea",
        "text": "fine",
    }
    parse(RecordInteraction, fields)
    with pytest.raises(InvalidInput) as refused:
        parse(RecordInteraction, fields | {field: text})
    assert refused.value.at == field
