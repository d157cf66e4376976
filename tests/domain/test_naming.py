"""What a command names must be there; every id that belongs to another aggregate is declared so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from domain.commands import METADATA, Command, Named
from domain.complaints import Complaint
from domain.customers import Customer, CustomerEnded, CustomerUnknown
from domain.deciders import BY_NAME, DECIDERS, INTERNAL
from domain.erasure import CustomerErased
from domain.errors import DomainError
from domain.merging import CustomersMerged, MergeReversed, front_of
from domain.naming import NamedOfAnother, NamedUnknown, names_of, require_named
from domain.orders import Order
from domain.points import EarnPoints
from tests.domain.samples import sample

ORDER = Named(field="order_id", noun="order", theirs=True)
SOME_ORDER = Named(field="order_id", noun="order")
COMPLAINT = Named(field="complaint_id", noun="complaint", theirs=True)
KNOWN = Named(field="customer_id", noun="customer")
WITH_US = Named(field="parent_id", noun="customer", live=True)
COMMANDS = [command for decider in DECIDERS for command in decider.commands]
CHECKED = {
    ("IssueSurvey", "survey_id"),
    ("RecordResponse", "survey_id"),
    ("InviteCustomer", "campaign_id"),
    ("AnswerCampaign", "campaign_id"),
}
"""By the boundary of their decider."""


def refused(named: Named, state: Any, customer: str = "li", front: dict[str, str] | None = None) -> Any:
    """Why what is named may not be; None where it may."""
    fronts = front or {}
    try:
        require_named(named, "7", state, customer, lambda file: fronts.get(file, file))
    except DomainError as error:
        return type(error), error.at
    return None


def test_what_is_named_must_be_there() -> None:
    assert refused(SOME_ORDER, None) == (NamedUnknown, "order_id")
    assert refused(SOME_ORDER, Order(order_id="7", customer_id="bo")) is None
    assert NamedUnknown(noun="screening list", id="x").message.startswith("There is no screening list x")


def test_and_must_be_the_same_customers_where_it_is_somebodys() -> None:
    assert refused(ORDER, Order(order_id="7", customer_id="li")) is None
    assert refused(ORDER, Order(order_id="7", customer_id="bo")) == (NamedOfAnother, "order_id")
    assert refused(COMPLAINT, Complaint(customer_id="bo")) == (NamedOfAnother, "complaint_id")


def test_two_files_of_one_person_are_the_same_customer() -> None:
    bought = Order(order_id="7", customer_id="bo")
    assert refused(ORDER, bought, front={"bo": "li"}) is None
    assert refused(ORDER, bought, front={"li": "bo"}) is None
    assert refused(ORDER, bought, front={"li": "front", "bo": "front"}) is None
    assert refused(ORDER, bought, front={"bo": "front"}) == (NamedOfAnother, "order_id")


def test_a_customer_who_is_named_must_be_registered_and_where_it_matters_be_with_us() -> None:
    gone = Customer(customer_id="7", live=False)
    assert refused(KNOWN, None) == (CustomerUnknown, "customer_id")
    assert refused(KNOWN, gone) is None
    assert refused(KNOWN, Customer(customer_id="7", erased=True)) == (CustomerErased, "customer_id")
    assert refused(WITH_US, gone) == (CustomerEnded, "parent_id")
    assert refused(WITH_US, Customer(customer_id="7", live=True)) is None


def test_behind_whom_a_file_stands_only_its_last_merge_tells() -> None:
    first = CustomersMerged(merge_id="m", customer_id="a", merged_id="b", reason="?")
    back = MergeReversed(merge_id="m", customer_id="a", merged_id="b", reason="?")
    then = CustomersMerged(merge_id="n", customer_id="c", merged_id="b", reason="?")
    assert front_of("b", []) is None
    assert (front_of("b", [first]), front_of("a", [first])) == ("a", None)
    assert front_of("b", [first, back]) is None
    assert front_of("b", [first, back, then]) == "c"


def test_an_id_that_is_left_out_names_nothing() -> None:
    assert [*names_of(sample(EarnPoints, order_id=None))] == []
    assert [*names_of(sample(EarnPoints, order_id="7"))] == [(ORDER, "7")]


def fields() -> Iterator[tuple[type[Command], str]]:
    """Those that callers fill in; Kehu itself names what it has just shown."""
    for decider in DECIDERS:
        for command in {*decider.commands} - INTERNAL:
            for name in command.__struct_fields__:
                if name not in METADATA and name != decider.id_field:
                    yield command, name


@pytest.mark.parametrize(("command", "named"), [(c, n) for c in COMMANDS for n in c.names])
def test_what_is_declared_as_a_name_is_one(command: type[Command], named: Named) -> None:
    assert named.field in command.__struct_fields__
    assert named.noun in BY_NAME
    assert not named.theirs or hasattr(BY_NAME[named.noun].initial, "customer_id")
    assert not named.live or hasattr(BY_NAME[named.noun].initial, "live")


def test_every_id_of_another_aggregate_is_declared_or_checked_by_the_decision() -> None:
    """A customer whom a guard or the decider itself looks up need not be declared."""
    ids = {decider.id_field for decider in DECIDERS} - {"member", "field", None}
    known = {c for d in DECIDERS if d.guard or d.id_field == "customer_id" for c in d.commands}
    forgotten = {
        (command.__name__, name)
        for command, name in fields()
        if name in ids
        and name not in {named.field for named in command.names}
        and not (name == "customer_id" and command in known)
    }
    assert forgotten == CHECKED
