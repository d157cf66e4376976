"""Notes in the file: each becomes one event, for customers who are with us, or for those who have left."""

from __future__ import annotations

import pytest

from domain.customers import (
    CUSTOMERS,
    ChurnCause,
    CustomerEnded,
    CustomerNotEnded,
    CustomerRegistered,
    CustomerUnknown,
    RelationshipEnded,
)
from domain.files import NOTES, AgreePrice, FileNote, OfferWinBack
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
    assert CUSTOMERS.replay([event], state) == state


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.__name__)
def test_nothing_is_noted_about_who_is_unknown(note: type[FileNote]) -> None:
    state, command = CUSTOMERS.initial, sample(note)
    with pytest.raises(CustomerUnknown):
        CUSTOMERS.decide(state, command, {})


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
