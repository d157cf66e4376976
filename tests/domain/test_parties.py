"""Groups without circles, extra fields with types, lists, restrictions, and how numbers are found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.complaints import ReceiveComplaint
from domain.contacts import normalised_contact
from domain.customers import CUSTOMERS, ContactKind, Customer, CustomerRegistered, require_served
from domain.extras import (
    EXTRA_FIELDS,
    EXTRAS,
    DefineExtraField,
    ExtraFieldDefined,
    ExtraFieldExists,
    ExtraFieldSet,
    ExtraFieldUnknown,
    ExtraKind,
    ExtraValueInvalid,
    SetExtraField,
)
from domain.groups import GROUPS, AssignParent, GroupGoesInCircles, ParentAssigned
from domain.restrictions import (
    ApproveOverride,
    CustomerNotRestricted,
    CustomerRestricted,
    LiftRestriction,
    OverrideApproved,
    OwnRequestApproved,
    RestrictCustomer,
    RestrictionLifted,
    RestrictionPlaced,
)
from domain.screening import SCREENING_LISTS, LoadScreeningList
from tests.domain.samples import sample
from tests.domain.spec import NOW, given

REGISTERED = CustomerRegistered(customer_id="c", name="王")


# --- Groups ---------------------------------------------------------------------------------------


def test_a_group_is_a_tree() -> None:
    b_below_a = ParentAssigned(customer_id="b", parent_id="a")
    c_below_b = ParentAssigned(customer_id="c", parent_id="b")
    tree = given(GROUPS).and_elsewhere(b_below_a, c_below_b)
    tree.when(AssignParent, customer_id="d", parent_id="c").then(
        ParentAssigned(customer_id="d", parent_id="c")
    )
    tree.when(AssignParent, customer_id="a", parent_id="c").refused(GroupGoesInCircles, "parent_id")
    tree.when(AssignParent, customer_id="a", parent_id="a").refused(GroupGoesInCircles, "parent_id")
    given(GROUPS, b_below_a).when(AssignParent, customer_id="b", parent_id=None).then(
        ParentAssigned(customer_id="b", parent_id=None)
    )
    given(GROUPS, b_below_a).when(AssignParent, customer_id="b", parent_id="a").then()


# --- Extra fields ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (ExtraKind.NUMBER, "12.5", "twelve"),
        (ExtraKind.DATE, "2026-03-31", "31.3.2026"),
        (ExtraKind.FLAG, "true", "yes"),
    ],
)
def test_an_extra_value_has_the_type_of_its_field(kind: ExtraKind, good: str, bad: str) -> None:
    defined = given(EXTRAS).and_elsewhere(ExtraFieldDefined(field="f", kind=kind, label="F"))
    defined.when(SetExtraField, customer_id="c", field="f", value=good).then(
        ExtraFieldSet(customer_id="c", field="f", value=good)
    )
    defined.when(SetExtraField, customer_id="c", field="f", value=None).then(
        ExtraFieldSet(customer_id="c", field="f", value=None)
    )
    defined.when(SetExtraField, customer_id="c", field="f", value=bad).refused(ExtraValueInvalid, "value")


def test_an_extra_field_is_defined_once_and_before_it_is_set() -> None:
    defined = ExtraFieldDefined(field="f", kind=ExtraKind.TEXT, label="F")
    given(EXTRA_FIELDS).when(DefineExtraField, field="f", kind="text", label="F").then(defined)
    given(EXTRA_FIELDS, defined).when(DefineExtraField, field="f", kind="date", label="F").refused(
        ExtraFieldExists, "field"
    )
    given(EXTRAS).when(SetExtraField, customer_id="c", field="g", value="1").refused(
        ExtraFieldUnknown, "field"
    )


def test_a_screening_list_is_loaded_whole() -> None:
    entries = [{"entry_id": "1", "name": "张三"}, {"entry_id": "2", "value": "CN-1"}]
    [loaded] = (
        given(SCREENING_LISTS)
        .when(LoadScreeningList, list_id="pep", kind="exposed", entries=entries)
        .decide()
    )
    given(SCREENING_LISTS, loaded).when(LoadScreeningList, list_id="pep", kind="exposed", entries=[]).decide()


# --- Restrictions ---------------------------------------------------------------------------------

PLACED = RestrictionPlaced(customer_id="c", reason="拒付")


def test_commands_for_a_restricted_customer_are_refused_with_the_reason() -> None:
    restricted: Customer = CUSTOMERS.replay([REGISTERED, PLACED])
    with pytest.raises(CustomerRestricted, match="拒付"):
        require_served(restricted, sample(ReceiveComplaint))
    require_served(
        CUSTOMERS.replay([REGISTERED, PLACED, RestrictionLifted(customer_id="c", reason="paid")]),
        sample(ReceiveComplaint),
    )


def test_a_supervisor_lets_a_restricted_customer_be_served_through_a_day() -> None:
    approved = OverrideApproved(
        customer_id="c", asked_by="mei", credit_record="clean", good_through=NOW.date()
    )
    wish = {"customer_id": "c", "asked_by": "mei", "credit_record": "clean", "good_through": NOW.date()}
    given(CUSTOMERS, REGISTERED, PLACED).when(ApproveOverride, **wish).then(approved)
    given(CUSTOMERS, REGISTERED, PLACED).when(ApproveOverride, **wish | {"asked_by": "Li Na"}).refused(
        OwnRequestApproved, "asked_by"
    )
    given(CUSTOMERS, REGISTERED).when(ApproveOverride, **wish).refused(CustomerNotRestricted, "customer_id")
    excepted = CUSTOMERS.replay([REGISTERED, PLACED, approved])
    over_everywhere = datetime(NOW.year, NOW.month, NOW.day, 12, tzinfo=UTC) + timedelta(days=1)
    require_served(excepted, sample(ReceiveComplaint, occurred_at=over_everywhere - timedelta(seconds=1)))
    with pytest.raises(CustomerRestricted):
        require_served(excepted, sample(ReceiveComplaint, occurred_at=over_everywhere))


def test_a_customer_is_restricted_once_and_relieved_once() -> None:
    given(CUSTOMERS, REGISTERED).when(RestrictCustomer, customer_id="c", reason="拒付").then(PLACED)
    given(CUSTOMERS, REGISTERED, PLACED).when(RestrictCustomer, customer_id="c", reason="again").then()
    given(CUSTOMERS, REGISTERED).when(LiftRestriction, customer_id="c", reason="x").refused(
        CustomerNotRestricted, "customer_id"
    )
    assert date.min < NOW.date()


# --- Numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("138 0013 8000", "+8613800138000"),
        ("+86 (21) 5550-1003", "+862155501003"),
        ("０２１ ５５５０ １００３", "+862155501003"),
        ("+44 20 7946 0018", "+442079460018"),
        ("at Li's", "atlis"),
    ],
)
def test_a_phone_number_is_found_however_it_is_written(written: str, found: str) -> None:
    assert normalised_contact(ContactKind.PHONE, written) == found


def test_an_address_is_found_without_regard_to_case() -> None:
    assert normalised_contact(ContactKind.EMAIL, " Mei@Example.COM ") == "mei@example.com"
