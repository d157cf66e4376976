"""An identifier is claimed, proved or struck out; only one live customer holds it."""

from __future__ import annotations

import pytest

from domain.customers import (
    CUSTOMERS,
    ChurnCause,
    CustomerEnded,
    CustomerRegistered,
    CustomerUnknown,
    CustomerWonBack,
    EndRelationship,
    RelationshipEnded,
    WinBackCustomer,
)
from domain.errors import InvalidInput
from domain.events import Event
from domain.identifiers import (
    AddIdentifier,
    IdentifierAdded,
    IdentifierExists,
    IdentifierKind,
    IdentifierRejected,
    IdentifierTaken,
    IdentifierUnknown,
    IdentifierVerified,
    RejectIdentifier,
    VerifyIdentifier,
    identifier_tag,
)
from tests.domain.spec import given

PASSPORT = IdentifierKind.PASSPORT
TAG = identifier_tag(PASSPORT, "E12345678")
ASKED = {"customer_id": "c-1", "kind": "passport", "value": "E12345678"}

REGISTERED = CustomerRegistered(customer_id="c-1")
ADDED = IdentifierAdded(customer_id="c-1", kind=PASSPORT, value="E12345678")
VERIFIED = IdentifierVerified(customer_id="c-1", kind=PASSPORT, value="E12345678", evidence="seen")
REJECTED = IdentifierRejected(customer_id="c-1", kind=PASSPORT, value="E12345678", reason="forged")
ENDED = RelationshipEnded(customer_id="c-1", cause=ChurnCause.NATURAL, identifiers=(TAG,))
BACK = CustomerWonBack(customer_id="c-1", offer="tea", identifiers=(TAG,))
OTHERS = IdentifierVerified(customer_id="c-2", kind=PASSPORT, value="e12345678", evidence="seen")
OTHER_LEFT = RelationshipEnded(customer_id="c-2", cause=ChurnCause.NATURAL, identifiers=(TAG,))
OTHER_REJECTED = IdentifierRejected(customer_id="c-2", kind=PASSPORT, value="e12345678", reason="forged")


def test_an_identifier_is_noted_as_it_was_written() -> None:
    given(CUSTOMERS, REGISTERED).when(AddIdentifier, **ASKED).then(ADDED)


@pytest.mark.parametrize("written", ["e12345678", " E12345678 ", "Ｅ１２３４５６７８"])
def test_case_width_and_blanks_around_make_no_other_identifier(written: str) -> None:
    asked = ASKED | {"value": written}
    given(CUSTOMERS, REGISTERED, ADDED).when(AddIdentifier, **asked).refused(IdentifierExists, field="value")
    given(CUSTOMERS, REGISTERED, ADDED).when(VerifyIdentifier, **asked, evidence="seen").then(VERIFIED)
    given(CUSTOMERS, REGISTERED, ADDED).when(RejectIdentifier, **asked, reason="forged").then(REJECTED)


def test_another_kind_is_another_identifier() -> None:
    given(CUSTOMERS, REGISTERED, ADDED).when(AddIdentifier, **ASKED | {"kind": "account"}).then(
        IdentifierAdded(customer_id="c-1", kind=IdentifierKind.ACCOUNT, value="E12345678")
    )


def test_blanks_identify_nobody() -> None:
    given(CUSTOMERS, REGISTERED).when(AddIdentifier, **ASKED | {"value": " \u3000"}).refused(
        InvalidInput, field="value"
    )


@pytest.mark.parametrize("past", [[], [ADDED, REJECTED]])
def test_only_what_the_file_names_is_verified_or_rejected(past: list[Event]) -> None:
    known = given(CUSTOMERS, REGISTERED, *past)
    known.when(VerifyIdentifier, **ASKED, evidence="seen").refused(IdentifierUnknown, field="value")
    known.when(RejectIdentifier, **ASKED, reason="forged").refused(IdentifierUnknown, field="value")
    known.when(AddIdentifier, **ASKED).then(ADDED)


def test_new_evidence_verifies_again() -> None:
    given(CUSTOMERS, REGISTERED, ADDED, VERIFIED).when(VerifyIdentifier, **ASKED, evidence="renewed").then(
        IdentifierVerified(customer_id="c-1", kind=PASSPORT, value="E12345678", evidence="renewed")
    )


def test_one_live_customer_holds_an_identifier_and_the_refusal_tells_only_an_id() -> None:
    refusal = (
        given(CUSTOMERS, REGISTERED, ADDED)
        .and_elsewhere(OTHERS)
        .when(VerifyIdentifier, **ASKED, evidence="seen")
        .refused(IdentifierTaken, field="value")
    )
    assert refusal.details == {"holder": "c-2"}


@pytest.mark.parametrize("freed", [OTHER_LEFT, OTHER_REJECTED])
def test_who_leaves_or_is_rejected_frees_the_identifier(freed: Event) -> None:
    given(CUSTOMERS, REGISTERED, ADDED).and_elsewhere(OTHERS, freed).when(
        VerifyIdentifier, **ASKED, evidence="seen"
    ).then(VERIFIED)


def test_a_claim_alone_holds_nothing() -> None:
    claimed = IdentifierAdded(customer_id="c-2", kind=PASSPORT, value="E12345678")
    given(CUSTOMERS, REGISTERED, ADDED).and_elsewhere(claimed).when(
        VerifyIdentifier, **ASKED, evidence="seen"
    ).then(VERIFIED)


def test_ending_and_winning_back_name_the_verified_identifiers() -> None:
    past = [REGISTERED, ADDED, VERIFIED]
    given(CUSTOMERS, *past).when(EndRelationship, customer_id="c-1", cause="natural").then(ENDED)
    given(CUSTOMERS, *past, ENDED).when(WinBackCustomer, customer_id="c-1", offer="tea").then(BACK)
    given(CUSTOMERS, REGISTERED, ADDED).when(EndRelationship, customer_id="c-1", cause="natural").then(
        RelationshipEnded(customer_id="c-1", cause=ChurnCause.NATURAL)
    )


def test_who_comes_back_holds_the_identifier_again_unless_another_one_does() -> None:
    left = given(CUSTOMERS, REGISTERED, ADDED, VERIFIED, ENDED).and_elsewhere(OTHERS)
    left.when(WinBackCustomer, customer_id="c-1", offer="tea").refused(IdentifierTaken, field="customer_id")
    left.when(RejectIdentifier, **ASKED, reason="forged").then(REJECTED)
    given(CUSTOMERS, REGISTERED, ADDED, VERIFIED, ENDED, REJECTED).and_elsewhere(OTHERS).when(
        WinBackCustomer, customer_id="c-1", offer="tea"
    ).then(CustomerWonBack(customer_id="c-1", offer="tea"))


def test_a_file_must_be_open() -> None:
    given(CUSTOMERS).when(AddIdentifier, **ASKED).refused(CustomerUnknown, field="customer_id")
    given(CUSTOMERS).when(RejectIdentifier, **ASKED, reason="?").refused(CustomerUnknown, field="customer_id")
    given(CUSTOMERS, REGISTERED, ADDED, ENDED).when(VerifyIdentifier, **ASKED, evidence="seen").refused(
        CustomerEnded, field="customer_id"
    )


def test_the_tag_is_a_hash_and_never_changes() -> None:
    assert TAG == "identifier:9fd9493be828f09d377c493d09dc98e9"
    assert VERIFIED.tags == REJECTED.tags == OTHERS.tags == ENDED.tags == BACK.tags == (TAG,)
