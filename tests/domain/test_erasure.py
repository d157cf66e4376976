"""Erasing what is personal in a file: on which grounds, what stays, and what is refused afterwards."""

from __future__ import annotations

import pytest

from domain.commands import Command
from domain.customers import (
    CUSTOMERS,
    AddContactPoint,
    AssignOwner,
    ChangeProfile,
    ContactKind,
    ContactPointAdded,
    Customer,
    CustomerRegistered,
    CustomerUnknown,
    OwnerAssigned,
    WinBackCustomer,
)
from domain.erasure import CustomerErased, ErasePersonalData, ErasureGround, PersonalDataErased
from domain.errors import InvalidInput
from domain.files import RecordFileEntry
from domain.identifiers import AddIdentifier
from domain.restrictions import RestrictCustomer
from tests.domain.spec import given

REGISTERED = CustomerRegistered(customer_id="c-1", name="王小明", region="华东")
PHONE = ContactPointAdded(customer_id="c-1", kind=ContactKind.PHONE, value="138")
OWNED = OwnerAssigned(customer_id="c-1", owner="Zhang Wei")
GONE = PersonalDataErased(customer_id="c-1", ground=ErasureGround.REQUEST)
ASKED = {"customer_id": "c-1", "ground": "request"}


def test_personal_data_is_erased_on_a_ground_and_once() -> None:
    given(CUSTOMERS, REGISTERED).when(ErasePersonalData, **ASKED).then(GONE)
    given(CUSTOMERS, REGISTERED, GONE).when(ErasePersonalData, **ASKED).then()
    given(CUSTOMERS).when(ErasePersonalData, **ASKED).refused(CustomerUnknown, field="customer_id")
    given(CUSTOMERS, REGISTERED).when(ErasePersonalData, customer_id="c-1", ground="bored").refused(
        InvalidInput, field="ground"
    )


LATER: list[tuple[type[Command], dict[str, str]]] = [
    (ChangeProfile, {"region": "华南"}),
    (AddContactPoint, {"kind": "email", "value": "wang@example.com"}),
    (AddIdentifier, {"kind": "account", "value": "1"}),
    (AssignOwner, {"owner": "Zhang Wei"}),
    (RestrictCustomer, {"reason": "拒付"}),
    (RecordFileEntry, {"entry_id": "e", "layer": "core", "kind": "need", "text": "tea"}),
    (WinBackCustomer, {"offer": "a month for free"}),
]


@pytest.mark.parametrize(("wish", "fields"), LATER)
def test_the_file_stays_closed(wish: type[Command], fields: dict[str, str]) -> None:
    given(CUSTOMERS, REGISTERED, PHONE, GONE).when(wish, customer_id="c-1", **fields).refused(
        CustomerErased, field="customer_id"
    )


def test_what_the_next_decision_knows_is_not_personal() -> None:
    state = CUSTOMERS.replay([REGISTERED, PHONE, OWNED, GONE])
    assert state == Customer(customer_id="c-1", erased=True, region="华东", owner="Zhang Wei")
