"""What a command names is there, and the same customer's, whoever wrote it and in whatever order it came."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.announcements import PrepareAnnouncement
from domain.articles import PublishArticle, UseArticle
from domain.commands import Command
from domain.complaints import ReceiveComplaint
from domain.customers import CustomerEnded, CustomerUnknown, EndRelationship, RegisterCustomer
from domain.erasure import CustomerErased, ErasePersonalData
from domain.errors import DomainError
from domain.files import RuleOnMatch, TellCustomer
from domain.groups import AssignParent, GroupGoesInCircles
from domain.interactions import RecordInteraction
from domain.leads import CaptureLead, QualifyLead
from domain.merging import MergeCustomers, ReverseMerge
from domain.naming import NamedOfAnother, NamedUnknown
from domain.opportunities import OpenOpportunity, WinOpportunity
from domain.orders import PlaceOrder, ReceivePayment
from domain.points import EarnPoints, RedeemPoints
from domain.quality import ScoreQuality
from domain.surveys import DesignSurvey, IssueSurvey
from infra.engine import Directly, Engine
from infra.imports.rehearsal import Rehearsal
from infra.log.units import Appended
from tests.domain.samples import sample
from tests.infra.test_archive import waiting
from tests.infra.wishes import wish

ORDER = {"total_minor": 700, "currency": "CNY", "items": 1}


def some(command: type[Command], **fields: Any) -> Command:
    """A valid command with these fields, and an id of its own."""
    return sample(command, command_id=wish(RegisterCustomer, customer_id="x").command_id, **fields)


def registered(customer: str = "li") -> Command:
    return wish(RegisterCustomer, customer_id=customer)


def ordered(order: str = "o", customer: str = "li") -> Command:
    return wish(PlaceOrder, order_id=order, customer_id=customer, **ORDER)


def complained(id: str, order: str | None, customer: str = "li") -> Command:
    return some(ReceiveComplaint, complaint_id=id, customer_id=customer, order_id=order)


def merged(kept: str, gone: str) -> Command:
    return wish(MergeCustomers, merge_id=f"{kept}-{gone}", customer_id=kept, merged_id=gone, reason="same")


async def refused(engine: Engine, command: Command, error: type[DomainError], field: str) -> None:
    """It is, for this rule and field, and leaves nothing behind."""
    before = await engine.log.head()
    with pytest.raises(error) as refusal:
        await engine.execute(command)
    assert type(refusal.value) is error
    assert refusal.value.at == field
    assert await engine.log.head() == before


NAMING: list[tuple[type[Command], str]] = [
    (RecordInteraction, "order_id"),
    (ReceiveComplaint, "order_id"),
    (EarnPoints, "order_id"),
    (RedeemPoints, "order_id"),
    (WinOpportunity, "order_id"),
    (IssueSurvey, "complaint_id"),
    (UseArticle, "interaction_id"),
    (ScoreQuality, "interaction_id"),
    (TellCustomer, "announcement_id"),
    (RuleOnMatch, "list_id"),
]


@pytest.mark.parametrize(("command", "field"), NAMING)
async def test_what_is_named_must_be_there(engine: Engine, command: type[Command], field: str) -> None:
    await engine.execute(registered("customer_id"))
    await engine.execute(some(DesignSurvey, highest=9))
    for begun in (PublishArticle, OpenOpportunity):
        await engine.execute(some(begun))
    await refused(engine, some(command, **{field: "nothing"}), NamedUnknown, field)


async def test_a_complaint_names_an_order_of_the_same_customer(engine: Engine, other: Engine) -> None:
    await engine.execute_many([registered(), registered("bo"), ordered()])
    await refused(engine, complained("1", "p"), NamedUnknown, "order_id")
    await refused(other, complained("1", "o", "bo"), NamedOfAnother, "order_id")
    await other.execute(complained("1", "o"))
    await engine.execute(complained("2", None))
    await other.execute(ordered("p"))
    await engine.execute(complained("3", "p"))


async def test_an_opportunitys_order_is_its_customers(engine: Engine) -> None:
    deal = some(OpenOpportunity, opportunity_id="d", customer_id="li")
    await engine.execute_many([registered(), registered("bo"), ordered("hers"), ordered("his", "bo"), deal])
    won = [wish(WinOpportunity, opportunity_id="d", order_id=order) for order in ("his", "hers")]
    await refused(engine, won[0], NamedOfAnother, "order_id")
    await engine.execute(won[1])


async def test_who_is_named_must_be_a_customer(engine: Engine) -> None:
    await engine.execute_many([registered(), some(CaptureLead, lead_id="l")])
    await refused(engine, merged("li", "nobody"), CustomerUnknown, "merged_id")
    await refused(
        engine, wish(QualifyLead, lead_id="l", customer_id="nobody"), CustomerUnknown, "customer_id"
    )
    await engine.execute_many(
        [registered("gone"), wish(ErasePersonalData, customer_id="gone", ground="request")]
    )
    await refused(engine, wish(QualifyLead, lead_id="l", customer_id="gone"), CustomerErased, "customer_id")
    await engine.execute(wish(QualifyLead, lead_id="l", customer_id="li"))


async def test_a_parent_is_a_customer_who_has_not_left(engine: Engine, other: Engine) -> None:
    def below(parent: str, customer: str = "li") -> Command:
        return wish(AssignParent, customer_id=customer, parent_id=parent)

    await engine.execute_many([registered(), registered("group")])
    await refused(engine, below("nobody"), CustomerUnknown, "parent_id")
    await engine.execute(below("group"))
    await refused(engine, below("li", "group"), GroupGoesInCircles, "parent_id")
    await engine.execute(wish(AssignParent, customer_id="li", parent_id=None))
    await other.execute(wish(EndRelationship, customer_id="group", cause="natural"))
    await refused(engine, below("group"), CustomerEnded, "parent_id")


async def test_files_that_were_merged_are_one_customer(engine: Engine, other: Engine) -> None:
    await engine.execute_many([registered(c) for c in ("a", "b", "c", "d")])
    await engine.execute_many([ordered(f"o-{c}", c) for c in ("a", "b", "c", "d")])
    await other.execute_many([merged("a", "b"), merged("c", "a")])
    for number, (order, customer) in enumerate([("o-b", "c"), ("o-c", "b"), ("o-a", "b"), ("o-b", "b")]):
        await engine.execute(complained(str(number), order, customer))
    await refused(engine, complained("x", "o-d", "b"), NamedOfAnother, "order_id")
    await other.execute(wish(ReverseMerge, merge_id="a-b", reason="two"))
    await refused(engine, complained("x", "o-b", "c"), NamedOfAnother, "order_id")


async def test_what_is_named_may_change_meanwhile(engine: Engine, other: Engine) -> None:
    """Only that it is there counts: nothing is expected of its version, so nobody has to decide anew."""
    await engine.execute_many([registered(), ordered()])
    await engine.execute(complained("1", "o"))
    units: list[Any] = []
    commit = engine._commit.append

    async def noted(unit: Any) -> Appended:
        units.append(unit)
        return await commit(unit)

    engine._commit.append = noted  # type: ignore[method-assign]  # only looks on
    await other.execute(wish(ReceivePayment, order_id="o", payment_id="p", amount_minor=1, currency="CNY"))
    await engine.execute(complained("2", "o"))
    assert [{*unit.expected} for unit in units] == [{"complaint-2", "customer-li"}]
    await engine.execute(wish(ReceivePayment, order_id="o", payment_id="q", amount_minor=1, currency="CNY"))


@pytest.mark.parametrize("rehearsed", [False, True])
async def test_an_import_names_what_an_earlier_row_of_it_made(engine: Engine, rehearsed: bool) -> None:
    await engine.execute_many([registered(), registered("bo"), ordered("old")])
    if rehearsed:
        engine = Engine(Rehearsal(engine.log), engine._commit)
    outcomes = await engine.execute_many(
        [
            complained("early", "new"),
            ordered("new"),
            complained("1", "new"),
            complained("2", "old"),
            complained("3", "new", "bo"),
            wish(ReceivePayment, order_id="old", payment_id="p", amount_minor=1, currency="CNY"),
            wish(TellCustomer, customer_id="li", announcement_id="n"),
            some(PrepareAnnouncement, announcement_id="n"),
            wish(TellCustomer, customer_id="li", announcement_id="n"),
        ]
    )
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "NamedUnknown",
        *["Appended"] * 3,
        "NamedOfAnother",
        "Appended",
        "NamedUnknown",
        *["Appended"] * 2,
    ]


async def test_a_command_sent_again_is_answered_though_its_parent_has_left(engine: Engine) -> None:
    asked = wish(AssignParent, customer_id="li", parent_id="group")
    await engine.execute_many([registered(), registered("group")])
    first = await engine.execute(asked)
    await engine.execute(wish(EndRelationship, customer_id="group", cause="natural"))
    again = await engine.execute(asked)
    assert (again.appended.repeated, again.position) == (True, first.position)


async def test_a_merge_that_is_taken_back_meanwhile_counts_no_more(engine: Engine, other: Engine) -> None:
    for command in (registered(), registered("wang"), ordered(customer="wang"), merged("li", "wang")):
        await engine.execute(command)
    async with engine.log.locked() as elsewhere:
        naming = asyncio.create_task(other.execute(complained("k", "o")))
        await waiting(engine.log.pool, naming)
        back = wish(ReverseMerge, merge_id="li-wang", reason="two persons")
        await Engine(elsewhere, Directly(elsewhere)).execute(back)
    with pytest.raises(NamedOfAnother):
        await naming
