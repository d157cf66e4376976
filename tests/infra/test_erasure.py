"""What is erased is nowhere any more: not in the log, its archives, a view, a memory, as of no moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from domain.commands import Command
from domain.complaints import AcknowledgeComplaint, OfferRemedy, ReceiveComplaint
from domain.customers import (
    AddContactPoint,
    ChangeProfile,
    CustomerEnded,
    EndRelationship,
    RegisterCustomer,
)
from domain.erasure import CustomerErased, ErasePersonalData, PersonalDataErased
from domain.events import ERASED
from domain.extras import DefineExtraField, SetExtraField
from domain.files import RecordFileEntry
from domain.identifiers import AddIdentifier, IdentifierTaken, RejectIdentifier, VerifyIdentifier
from domain.interactions import RecordInteraction, ResolveInteraction
from domain.leads import CaptureLead, QualifyLead
from domain.merging import MergeCustomers, ReverseMerge
from domain.restrictions import RestrictCustomer
from infra.archive.archiving import archive, due
from infra.archive.verifying import verify
from infra.database import Connection, Pool
from infra.engine import Directly, Engine
from infra.log.feeds import Feeds
from infra.log.followers import Wakeups
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from infra.log.reading import Selection
from infra.log.sealing import SEALED
from infra.views import generations, projector
from infra.views.builds import Build
from infra.views.projector import Projector
from infra.views.roster import Leg
from infra.views.tables import Table
from projections.view import views
from tests.infra.test_archive import SIZE, SMALL_RANGES, waiting
from tests.infra.wishes import wish
from tests.infra.worlds import VIEWS, World, opened_world

SECRET = "茉莉 Mòlì"
"""In everything that anybody says of the customer."""
LI, WANG = {"customer_id": "li"}, {"customer_id": "wang"}


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with opened_world(database) as world:
        await world.log.pool.execute(SMALL_RANGES)
        yield world


def life(customer: str, said: str) -> list[Command]:
    """What makes a customer's file, all of it said in these words."""
    me = {"customer_id": customer}
    return [
        wish(RegisterCustomer, **me, name=said, birthday="1980-03-03", region="华东"),
        wish(ChangeProfile, **me, name=f"{said} again"),
        wish(ChangeProfile, **me, region="North"),
        wish(AddContactPoint, **me, kind="postal", value=f"{said} Road 1"),
        wish(AddIdentifier, **me, kind="account", value=said),
        wish(VerifyIdentifier, **me, kind="account", value=said, evidence=f"{said} was there"),
        wish(AddIdentifier, **me, kind="passport", value=f"{said} 2"),
        wish(RejectIdentifier, **me, kind="passport", value=f"{said} 2", reason=f"not {said}'s"),
        wish(RecordFileEntry, **me, entry_id="e-1", layer="core", kind="need", text=f"{said} wants tea"),
        wish(SetExtraField, **me, field="tea", value=said),
        wish(
            RecordInteraction,
            **me,
            interaction_id=f"i-{customer}",
            channel="phone",
            direction="inbound",
            stage="before",
            text=f"{said} rang",
            topic="tea",
        ),
        wish(
            ReceiveComplaint,
            **me,
            complaint_id=f"k-{customer}",
            channel="phone",
            category="product",
            text=f"{said} is angry",
        ),
        wish(AcknowledgeComplaint, complaint_id=f"k-{customer}", apology=f"sorry, {said}"),
        offer(customer, f"new tea for {said}"),
        wish(RestrictCustomer, **me, reason=f"{said} shouted"),
    ]


def offer(customer: str, remedy: str) -> Command:
    return wish(OfferRemedy, complaint_id=f"k-{customer}", remedy=remedy, currency="CNY")


async def lived(world: World) -> None:
    await world.engine.execute(wish(DefineExtraField, field="tea", kind="text", label="tea"))
    seen = {"interest": "tea", "origin": "fair"}
    first = wish(CaptureLead, lead_id="l-1", name=SECRET, value=f"{SECRET}@example.org", **seen)
    became = wish(QualifyLead, lead_id="l-1", customer_id="li")
    other = wish(CaptureLead, lead_id="l-2", name="Wang", **seen)
    for command in [first, other, *life("li", SECRET), became, *life("wang", "Wang")]:
        await world.engine.execute(command)


ERASE = {"ground": "request"}


async def places(pool: Pool, text: str) -> set[str]:
    """The tables of the database in which a text stands somewhere, in whatever column."""
    tables = await pool.fetch(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'kehu%'"
    )
    found = set()
    for (table,) in tables:
        for form in (text, text.encode().hex()):
            if await pool.fetchval(
                f"SELECT EXISTS (SELECT FROM {table} t WHERE strpos(t::text, $1) > 0)", form
            ):
                found.add(table)
    return found


async def test_no_table_holds_it_any_more(world: World) -> None:
    await lived(world)
    views = world.projector()
    await views.catch_up()
    assert await places(world.log.pool, SECRET) >= {"kehu_views.customers_1", "kehu_views.customers_1_past"}
    assert "kehu.events" not in " ".join(await places(world.log.pool, SECRET)), "it is sealed there"
    await views.rebuild()
    await views.catch_up()
    assert "kehu_views.customers_1" in await places(world.log.pool, SECRET), "for a rollback"
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    await views.catch_up()
    assert await places(world.log.pool, SECRET) == set()
    assert await places(world.log.pool, "Wang rang") != set()
    assert [fault async for fault in verify(world.log)] == []


@pytest.mark.parametrize("batch", [1, 7, 20_000])
async def test_the_views_are_what_a_rebuild_makes_of_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(projector, "BATCH", batch)
    views = world.projector()
    await lived(world)
    await views.catch_up()
    for command in (
        wish(ErasePersonalData, **LI, **ERASE),
        wish(ResolveInteraction, interaction_id="i-li", within_remit=True),
        wish(ErasePersonalData, **WANG, **ERASE),
    ):
        await world.engine.execute(command)
        await views.catch_up()
    erased = await world.digests()
    await views.rebuild()
    await views.catch_up()
    assert await world.digests() == erased


async def test_what_stopped_before_it_could_erase_keeps_nothing_once_it_is_replaced(world: World) -> None:
    await lived(world)
    views = world.projector()
    await views.catch_up()
    await world.log.pool.execute("UPDATE kehu.builds SET failed = 'stopped'")
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    await views.catch_up()
    assert await places(world.log.pool, SECRET) != set()
    await views.rebuild()
    await views.catch_up()
    assert await places(world.log.pool, SECRET) == set()
    assert "kehu_views.customers_1" in await places(world.log.pool, "Wang"), "for a rollback"


async def replaced(world: World) -> None:
    """Everybody's file has a second generation, which serves."""
    await lived(world)
    follower = world.projector()
    await follower.catch_up()
    await follower.rebuild(["customers"])
    await follower.catch_up()


def stripping(connection: Connection) -> Coroutine[Any, Any, None]:
    return generations.strip(connection, "main", views["customers"], ["li"])


async def test_what_is_replaced_while_its_successor_erases_keeps_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(world)
    follower = world.projector()
    await follower.catch_up()
    await follower.rebuild(["customers"])
    with monkeypatch.context() as patched:
        patched.setattr(generations, "swap", AsyncMock(return_value=False))
        while await follower.step():
            pass
    [successor] = [build for build in follower._roster.working if not build.serving]
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))

    async def swap() -> bool:
        async with world.log.pool.acquire() as connection, connection.transaction():
            return await generations.swap(connection, "main", successor.table)

    async with world.log.pool.acquire() as connection, connection.transaction():
        await stripping(connection)  # another process moves the successor's shards
        swapping = asyncio.create_task(swap())
        await waiting(world.log.pool, swapping)
    assert await swapping
    assert "kehu_views.customers_1" not in await places(world.log.pool, SECRET)
    await follower.leave()


async def test_a_generation_is_dropped_while_somebody_is_erased(world: World) -> None:
    await replaced(world)
    pool = world.log.pool
    await pool.execute("UPDATE kehu.builds SET former = false, retired_at = '-infinity' WHERE former")

    async def alone(work: Callable[[Connection], Coroutine[Any, Any, None]]) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await work(connection)

    async with pool.acquire() as reading, reading.transaction():
        await reading.fetch("SELECT FROM kehu_views.customers_1")
        dropping = asyncio.create_task(alone(lambda c: generations.drop_expired(c, "main")))
        await waiting(pool, dropping)
        erasing = asyncio.create_task(alone(stripping))
        await waiting(pool, dropping, erasing)
    await asyncio.gather(dropping, erasing)
    assert await pool.fetchval("SELECT to_regclass('kehu_views.customers_1')") is None


async def test_a_build_is_indexed_while_somebody_is_erased(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(world)
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    monkeypatch.setattr(projector, "BATCH", await world.log.head() - 1)
    about, indexing = Table.about, list[asyncio.Task[bool]]()

    async def index(table: Table) -> bool:
        async with world.log.pool.acquire() as connection, connection.transaction():
            return await generations.index(connection, "main", table)

    async def meanwhile(table: Table, *arguments: Any) -> Any:
        keys = await about(table, *arguments)
        if keys and not indexing:
            indexing.append(asyncio.create_task(index(table)))
            await waiting(world.log.pool, *indexing)
        return keys

    monkeypatch.setattr(Table, "about", meanwhile)
    follower = world.projector()
    try:
        await follower.prepare()
        for _ in range(2):
            await follower._move(await standing(follower), careful=False)
    finally:
        assert await asyncio.gather(*indexing) == [True]
        await follower.leave()


async def standing(follower: Projector) -> Leg:
    """What it would move next."""
    await follower._look()
    leg = follower._roster.leg(max, projector.BATCH)
    assert leg is not None
    return leg


async def test_what_a_key_said_of_another_customer_stays(world: World) -> None:
    """Zhao's file was Wang's alias, then Li's, then Wang's again; Li is forgotten."""
    for id in ("li", "wang", "zhao"):
        await world.engine.execute(wish(RegisterCustomer, customer_id=id))
    moments = []
    for merge, front in (("m-1", "wang"), ("m-2", "li"), ("m-3", "wang")):
        merged = {"merge_id": merge, "customer_id": front, "merged_id": "zhao"}
        await world.engine.execute(wish(MergeCustomers, **merged, reason=f"{front} said so"))
        moments.append(await world.log.head())
        await world.engine.execute(wish(ReverseMerge, merge_id=merge, reason="a mistake"))
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    await world.projector().catch_up()

    aliases = views["customer_aliases"]
    told = [row.reason for at in moments for row in (await world.rows(aliases, at)).values()]  # type: ignore[attr-defined]
    assert told == ["wang said so", ERASED, "wang said so"]


async def test_a_crash_in_the_middle_leaves_it_to_the_next_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(world)
    await world.projector().catch_up()
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    erase, left = Build.erase, [0, 2, 5]

    async def dies(build: Build, *arguments: Any) -> None:
        await erase(build, *arguments)
        left[0] -= 1
        if left[0] < 0:
            left.pop(0)
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Build, "erase", dies)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                await world.projector().catch_up()
    await world.projector().catch_up()
    assert await places(world.log.pool, SECRET) == set()


async def test_what_happened_stays_and_who_it_was_does_not(world: World) -> None:
    await lived(world)
    before = await world.log.read_customer("li")
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    after = await world.log.read_customer("li")
    assert [e.name for e in after] == [*(e.name for e in before), "PersonalDataErased"]
    registered, complaint = after[0].event, next(e.event for e in after if e.name == "ComplaintReceived")
    assert (registered.name, registered.birthday, registered.region) == (ERASED, None, "华东")  # type: ignore[attr-defined]
    assert (complaint.text, str(complaint.category)) == (ERASED, "product")  # type: ignore[attr-defined]
    assert await world.log.read_customer("wang") == [
        e for e in await world.log.read() if e.customer_id == "wang"
    ]
    assert isinstance(after[-1].event, PersonalDataErased)


async def test_an_erased_file_stays_closed(world: World) -> None:
    await lived(world)
    first = await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    for again in (
        wish(ChangeProfile, **LI, name="Li"),
        wish(EndRelationship, **LI, cause="natural"),
        wish(
            RecordInteraction,
            **LI,
            interaction_id="i-9",
            channel="phone",
            direction="inbound",
            stage="after",
            topic="?",
        ),
    ):
        with pytest.raises((CustomerErased, CustomerEnded)):
            await world.engine.execute(again)
    second = await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    assert second.position == first.position == await world.log.head(), "it is done once"


async def test_an_identifier_is_free_again_and_not_to_be_guessed(world: World) -> None:
    await lived(world)
    same = {"customer_id": "wang", "kind": "account", "value": SECRET}
    await world.engine.execute(wish(AddIdentifier, **same))
    with pytest.raises(IdentifierTaken):
        await world.engine.execute(wish(VerifyIdentifier, **same, evidence="seen"))
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    tagged = "SELECT count(*) FROM kehu.tags WHERE tag LIKE 'identifier:%'"
    assert await world.log.pool.fetchval(tagged) == 2, "Wang's alone: verified, and rejected"
    await world.engine.execute(wish(VerifyIdentifier, **same, evidence="seen"))


async def test_archives_need_not_be_written_anew(world: World, tmp_path: Path) -> None:
    await lived(world)
    for n in range(3 * SIZE):
        await world.engine.execute(wish(ChangeProfile, **LI, name=f"{SECRET} {n}"))
    await world.projector().catch_up()
    files = await archive(world.log, tmp_path, await due(world.log, 2 * SIZE))
    assert len(files) == 2
    named = (await world.log.read_customer("li"))[0].event
    assert named.name == SECRET  # type: ignore[attr-defined]
    assert not any(SECRET.encode() in file.read_bytes() for file in files)
    await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
    for log in (world.log, Log(world.log.pool, world.log.tenant)):
        events = [e.event for e in await log.read_customer("li")]
        assert {getattr(event, "name", None) for event in events} == {None, ERASED}
    assert [fault async for fault in verify(world.log)] == []
    tagged = "SELECT count(*) FROM kehu.tags WHERE tag LIKE 'identifier:%'"
    assert await world.log.pool.fetchval(tagged) == 2


async def test_what_a_lead_said_is_erased_who_becomes_the_customer_meanwhile(world: World) -> None:
    lead = wish(
        CaptureLead, lead_id="l-1", name=SECRET, value="li@example.org", interest="tea", origin="fair"
    )
    for command in (lead, wish(RegisterCustomer, **LI)):
        await world.engine.execute(command)
    async with world.log.locked() as elsewhere:
        erasing = asyncio.create_task(world.engine.execute(wish(ErasePersonalData, **LI, **ERASE)))
        await waiting(world.log.pool, erasing)
        await Engine(elsewhere, Directly(elsewhere)).execute(wish(QualifyLead, lead_id="l-1", **LI))
    assert (await erasing).position == await world.log.head() == 4
    captured, qualified = await world.log.read_stream("lead-l-1")
    assert qualified.customer_id == "li"
    assert captured.event.name == ERASED  # type: ignore[attr-defined]


async def test_a_process_that_still_knows_the_key_writes_what_nobody_can_read(world: World) -> None:
    await lived(world)
    other = Log(world.log.pool, world.log.tenant)
    commit = GroupCommit(other)
    engine = Engine(other, commit)
    try:
        await engine.execute(offer("li", f"sugar for {SECRET}"))
        await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
        late = await engine.execute(offer("li", f"cream for {SECRET}"))
    finally:
        await commit.close()
    (told,) = await world.log.read_at([late.position])
    assert told.event.remedy == ERASED  # type: ignore[attr-defined]


async def test_what_somebody_changed_in_a_sealed_part_is_found(world: World) -> None:
    await lived(world)
    await world.log.pool.execute(
        "UPDATE kehu.events SET data = (SELECT o.data FROM kehu.events o WHERE o.customer_id = 'wang'"
        " AND o.name = 'CustomerRegistered') WHERE customer_id = 'li' AND name = 'CustomerRegistered'"
    )
    (fault,) = [fault async for fault in verify(world.log)]
    assert "CustomerRegistered cannot be decoded" in fault


async def test_a_follower_who_comes_late_is_told_without_it(world: World) -> None:
    await lived(world)
    wakeups = Wakeups(world.log)
    feeds, wanted = Feeds(world.log, wakeups), Selection(customer_id="li")
    try:
        async with aclosing(feeds.follow(wanted, await world.log.head())) as following:
            coming = asyncio.ensure_future(anext(following))
            while not feeds.followers:  # noqa: ASYNC110  # nobody says so
                await asyncio.sleep(0)
            await world.engine.execute(offer("li", f"cream for {SECRET}"))
            ((told,), _) = await coming
            assert SECRET in told.recorded.event.remedy  # type: ignore[attr-defined]
            await world.engine.execute(wish(ErasePersonalData, **LI, **ERASE))
            await anext(following)
            assert told.recorded.event.remedy == ERASED  # type: ignore[attr-defined]
    finally:
        await feeds.close()
        await wakeups.close()


async def test_stored_bytes_tell_which_fields_are_sealed(world: World) -> None:
    await lived(world)
    data = await world.log.pool.fetchval(
        "SELECT data FROM kehu.events WHERE name = 'CustomerRegistered' LIMIT 1"
    )
    assert data.startswith(SEALED)
    assert b"birthday" in data.partition(b":")[2].partition(b":")[0]
    assert b'"region":"\xe5\x8d\x8e\xe4\xb8\x9c"' in data
    assert len(VIEWS) > 50
