"""A customer's file: opened once, corrected, reached, looked after, ended and won back."""

from __future__ import annotations

from datetime import date

import pytest

from domain.commands import Command, parse
from domain.customers import (
    CUSTOMERS,
    AddContactPoint,
    AssignOwner,
    ChangeProfile,
    ChurnCause,
    ContactKind,
    ContactPointAdded,
    ContactPointExists,
    ContactPointRemoved,
    ContactPointUnknown,
    Customer,
    CustomerAlreadyRegistered,
    CustomerEnded,
    CustomerNotEnded,
    CustomerRegistered,
    CustomerUnknown,
    CustomerWonBack,
    EndRelationship,
    OwnerAssigned,
    ProfileChanged,
    RegisterCustomer,
    Relation,
    RelationshipEnded,
    RemoveContactPoint,
    WinBackCustomer,
    require_served,
)
from domain.errors import InvalidInput
from domain.orders import FulfilOrder, PlaceOrder
from tests.domain.spec import BY, given

REGISTERED = CustomerRegistered(customer_id="c-1", name="王小明", region="华东")
PHONE = ContactPointAdded(
    customer_id="c-1", kind=ContactKind.PHONE, value="+86 138 0000 0000", label="mobile"
)
ENDED = RelationshipEnded(customer_id="c-1", cause=ChurnCause.COMPETITION)


def test_a_customer_is_registered_with_what_is_known() -> None:
    given(CUSTOMERS).when(
        RegisterCustomer, customer_id="c-1", name="王小明", relation="business", birthday="1990-02-28"
    ).then(
        CustomerRegistered(
            customer_id="c-1", name="王小明", relation=Relation.BUSINESS, birthday=date(1990, 2, 28)
        )
    )


def test_an_id_alone_opens_a_consumers_file() -> None:
    given(CUSTOMERS).when(RegisterCustomer, customer_id="c-1").then(CustomerRegistered(customer_id="c-1"))


@pytest.mark.parametrize("past", [[REGISTERED], [REGISTERED, ENDED]])
def test_an_id_is_registered_once(past: list[CustomerRegistered]) -> None:
    given(CUSTOMERS, *past).when(RegisterCustomer, customer_id="c-1").refused(
        CustomerAlreadyRegistered, field="customer_id"
    )


def test_a_change_stores_only_what_changed() -> None:
    given(CUSTOMERS, REGISTERED).when(
        ChangeProfile, customer_id="c-1", name="王小明", region="华南", language="zh"
    ).then(ProfileChanged(customer_id="c-1", region="华南", language="zh"))


def test_a_change_that_changes_nothing_is_no_event() -> None:
    changed = ProfileChanged(customer_id="c-1", region="华南")
    given(CUSTOMERS, REGISTERED, changed).when(ChangeProfile, customer_id="c-1", region="华南").then()
    given(CUSTOMERS, REGISTERED, changed).when(ChangeProfile, customer_id="c-1").then()


def test_a_contact_point_is_added_once() -> None:
    phone = {"customer_id": "c-1", "kind": "phone", "value": "+86 138 0000 0000"}
    given(CUSTOMERS, REGISTERED).when(AddContactPoint, **phone, label="mobile").then(PHONE)
    given(CUSTOMERS, REGISTERED, PHONE).when(AddContactPoint, **phone).refused(
        ContactPointExists, field="value"
    )
    given(CUSTOMERS, REGISTERED, PHONE).when(AddContactPoint, **phone | {"kind": "chat"}).then(
        ContactPointAdded(customer_id="c-1", kind=ContactKind.CHAT, value="+86 138 0000 0000")
    )


def test_only_a_known_contact_point_is_removed_and_it_can_come_back() -> None:
    phone = {"customer_id": "c-1", "kind": "phone", "value": "+86 138 0000 0000"}
    removed = ContactPointRemoved(customer_id="c-1", kind=ContactKind.PHONE, value="+86 138 0000 0000")
    given(CUSTOMERS, REGISTERED, PHONE).when(RemoveContactPoint, **phone).then(removed)
    given(CUSTOMERS, REGISTERED).when(RemoveContactPoint, **phone).refused(ContactPointUnknown, field="value")
    given(CUSTOMERS, REGISTERED, PHONE, removed).when(AddContactPoint, **phone, label="mobile").then(PHONE)


def test_one_owner_looks_after_the_customer() -> None:
    assigned = OwnerAssigned(customer_id="c-1", owner="Zhang Wei")
    given(CUSTOMERS, REGISTERED).when(AssignOwner, customer_id="c-1", owner="Zhang Wei").then(assigned)
    given(CUSTOMERS, REGISTERED, assigned).when(AssignOwner, customer_id="c-1", owner="Zhang Wei").then()


def test_a_relationship_ends_for_a_reason_and_only_once() -> None:
    ending = {"customer_id": "c-1", "cause": "competition"}
    given(CUSTOMERS, REGISTERED).when(EndRelationship, **ending).then(ENDED)
    given(CUSTOMERS, REGISTERED, ENDED).when(EndRelationship, **ending).refused(
        CustomerEnded, field="customer_id"
    )


def test_who_has_left_can_be_won_back() -> None:
    back = CustomerWonBack(customer_id="c-1", offer="三个月免月租")
    winning = {"customer_id": "c-1", "offer": "三个月免月租"}
    given(CUSTOMERS, REGISTERED, ENDED).when(WinBackCustomer, **winning).then(back)
    given(CUSTOMERS, REGISTERED).when(WinBackCustomer, **winning).refused(
        CustomerNotEnded, field="customer_id"
    )
    given(CUSTOMERS, REGISTERED, ENDED, back).when(EndRelationship, customer_id="c-1", cause="natural").then(
        RelationshipEnded(customer_id="c-1", cause=ChurnCause.NATURAL)
    )


ON_A_FILE: list[tuple[type[Command], dict[str, str]]] = [
    (ChangeProfile, {"region": "华南"}),
    (AddContactPoint, {"kind": "email", "value": "wang@example.com"}),
    (RemoveContactPoint, {"kind": "phone", "value": "+86 138 0000 0000"}),
    (AssignOwner, {"owner": "Zhang Wei"}),
    (EndRelationship, {"cause": "natural"}),
    (WinBackCustomer, {"offer": "a month for free"}),
]


@pytest.mark.parametrize(("wish", "fields"), ON_A_FILE)
def test_nothing_is_done_to_a_file_that_was_never_opened(wish: type[Command], fields: dict[str, str]) -> None:
    refusal = (
        given(CUSTOMERS).when(wish, customer_id="c-9", **fields).refused(CustomerUnknown, field="customer_id")
    )
    assert refusal.message == "There is no customer c-9."


@pytest.mark.parametrize(("wish", "fields"), ON_A_FILE[:-1])
def test_an_ended_relationship_is_left_alone(wish: type[Command], fields: dict[str, str]) -> None:
    given(CUSTOMERS, REGISTERED, PHONE, ENDED).when(wish, customer_id="c-1", **fields).refused(
        CustomerEnded, field="customer_id"
    )


def test_unknown_causes_of_leaving_are_refused() -> None:
    given(CUSTOMERS, REGISTERED).when(EndRelationship, customer_id="c-1", cause="bored").refused(
        InvalidInput, field="cause"
    )


def test_what_begins_for_a_customer_needs_a_live_one() -> None:
    order = parse(
        PlaceOrder,
        BY | {"order_id": "o-1", "customer_id": "c-1", "total_minor": 1, "currency": "USD", "items": 1},
    )
    require_served(CUSTOMERS.replay([REGISTERED]), order)
    with pytest.raises(CustomerUnknown):
        require_served(Customer(), order)
    with pytest.raises(CustomerEnded):
        require_served(CUSTOMERS.replay([REGISTERED, ENDED]), order)


def test_open_matters_of_one_who_left_are_settled() -> None:
    fulfil = parse(FulfilOrder, BY | {"order_id": "o-1"})
    require_served(CUSTOMERS.replay([REGISTERED, ENDED]), fulfil)
