"""Notes in the file: each becomes one event, for customers who are with us, or for those who have left."""

from __future__ import annotations

import pytest

from domain.customers import (
    CUSTOMERS,
    ChangeProfile,
    ChurnCause,
    CustomerEnded,
    CustomerNotEnded,
    CustomerRegistered,
    CustomerUnknown,
    OwnerAssigned,
    ProfileChanged,
    RelationshipEnded,
    opener_is_creator,
)
from domain.erasure import ErasureGround, PersonalDataErased
from domain.files import NOTES, AgreePrice, AssignFileRole, FileNote, FileRole, FileRoleAssigned, OfferWinBack
from domain.money import UnknownCurrency
from tests.domain.samples import sample
from tests.domain.spec import across, given

HERE = CustomerRegistered(customer_id="customer_id")
GONE = RelationshipEnded(customer_id="customer_id", cause=ChurnCause.NATURAL)


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.__name__)
def test_a_note_becomes_its_event_and_says_the_same(note: type[FileNote]) -> None:
    past = (HERE, GONE) if note.ended else (HERE,)
    state, command = CUSTOMERS.replay(past), sample(note)
    [event] = CUSTOMERS.decide(state, command, *across(CUSTOMERS, state, command, past))
    assert type(event) is NOTES[note]
    for field in event.__struct_fields__:
        assert getattr(event, field) == getattr(command, field)
    assert type(event) is FileRoleAssigned or CUSTOMERS.replay([event], state) == state


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.__name__)
def test_nothing_is_noted_about_who_is_unknown(note: type[FileNote]) -> None:
    state, command = CUSTOMERS.initial, sample(note)
    with pytest.raises(CustomerUnknown):
        CUSTOMERS.decide(state, command, {})


def named(role: FileRole, member: str | None) -> FileRoleAssigned:
    return FileRoleAssigned(customer_id="customer_id", role=role, member=member)


def test_one_member_has_a_role_in_the_file_until_another_one_or_nobody_is_named() -> None:
    wish = {"customer_id": "customer_id", "role": "operator"}
    given(CUSTOMERS, HERE).when(AssignFileRole, **wish, member="mei").then(named(FileRole.OPERATOR, "mei"))
    given(CUSTOMERS, HERE).when(AssignFileRole, **wish, member=None).then(named(FileRole.OPERATOR, None))
    past = [named(FileRole.OPERATOR, "mei"), named(FileRole.CUSTODIAN, "mei"), named(FileRole.OPERATOR, "li")]
    assert CUSTOMERS.replay([HERE, *past]).roles == {FileRole.OPERATOR: "li", FileRole.CUSTODIAN: "mei"}
    ended = CUSTOMERS.replay([HERE, *past, named(FileRole.CUSTODIAN, None)])
    assert ended.roles[FileRole.CUSTODIAN] is None


def test_who_opened_the_file_is_its_creator_until_somebody_is_named_or_owns_the_customer() -> None:
    assert opener_is_creator(CUSTOMERS.replay([HERE, named(FileRole.OPERATOR, "li")]))
    for later in (
        OwnerAssigned(customer_id="customer_id", owner="li"),
        named(FileRole.CREATOR, "li"),
        named(FileRole.CREATOR, None),
    ):
        assert not opener_is_creator(CUSTOMERS.replay([HERE, later]))


def test_a_profile_change_notifies_the_operator_that_the_file_has_then() -> None:
    wish = {"customer_id": "customer_id", "region": "华南"}
    alone = ProfileChanged(customer_id="customer_id", region="华南")
    told = ProfileChanged(customer_id="customer_id", region="华南", operator="mei")
    mei, nobody = (named(FileRole.OPERATOR, who) for who in ("mei", None))
    given(CUSTOMERS, HERE).when(ChangeProfile, **wish).then(alone)
    given(CUSTOMERS, HERE, mei).when(ChangeProfile, **wish).then(told)
    given(CUSTOMERS, HERE, mei, nobody).when(ChangeProfile, **wish).then(alone)


def test_roles_in_a_file_are_not_personal_and_outlast_erasure() -> None:
    erased = PersonalDataErased(customer_id="customer_id", ground=ErasureGround.REQUEST)
    state = CUSTOMERS.replay([HERE, named(FileRole.CUSTODIAN, "li"), erased])
    assert state.roles == {FileRole.CUSTODIAN: "li"}


def test_who_has_left_gets_offers_alone() -> None:
    for note in NOTES:
        state = CUSTOMERS.replay((HERE,) if note.ended else (HERE, GONE))
        with pytest.raises(CustomerNotEnded if note.ended else CustomerEnded):
            CUSTOMERS.decide(state, sample(note), {})
    given(CUSTOMERS, HERE).when(OfferWinBack, customer_id="customer_id", offer="x").refused(
        CustomerNotEnded, "customer_id"
    )


def test_an_agreed_price_has_a_currency_that_exists() -> None:
    with pytest.raises(UnknownCurrency):
        CUSTOMERS.decide(CUSTOMERS.replay([HERE]), sample(AgreePrice, currency="XXQ"), {})
