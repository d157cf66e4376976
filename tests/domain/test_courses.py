"""Matters that go through steps: random wishes never lead anywhere that the course does not allow."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from domain.commands import Command
from domain.course import Matter, MatterAlreadyBegun, MatterNotAtThisStep, MatterUnknown
from domain.decider import Decider
from domain.deciders import DECIDERS
from domain.errors import DomainError
from domain.events import Event, decode, encode
from domain.incidents import INCIDENTS, EndorseIncident, IncidentReported, SignIncident
from domain.loans import LOANS, LendFile, LoanDueInThePast
from domain.money import UnknownCurrency
from domain.opportunities import OPPORTUNITIES, OpenOpportunity
from tests.domain.samples import sample
from tests.domain.spec import across, given

COURSES = [decider for decider in DECIDERS if decider.initial == Matter()]


def wishes(decider: Decider[Any]) -> list[Command]:
    return [sample(command) for command in decider.commands]


def test_there_are_many() -> None:
    assert len(COURSES) >= 19


@pytest.mark.parametrize("decider", COURSES, ids=lambda decider: decider.name)
def test_any_order_of_wishes_keeps_a_matter_on_its_course(decider: Decider[Any]) -> None:
    random = Random(decider.name)
    for _ in range(30):
        state, past = decider.initial, list[Event]()
        for wish in random.choices(wishes(decider), k=12):
            begins, refused = type(wish) in decider.begins, None
            try:
                happened = decider.decide(state, wish, *across(decider, state, wish, []))
            except (MatterUnknown, MatterAlreadyBegun, MatterNotAtThisStep) as error:
                refused = error
            assert isinstance(refused, MatterUnknown) == (not past and not begins)
            assert isinstance(refused, MatterAlreadyBegun) == (bool(past) and begins)
            if refused is not None:
                assert refused.at == decider.id_field
                continue
            [event] = happened
            assert decode(event.TOPIC, event.class_version, encode(event)) == event
            past.append(event)
            state = decider.replay([event], state)
            assert state == decider.replay(past)
            assert state.step
        for number, event in enumerate(past):
            assert (type(event) is type(past[0])) == (number == 0) or len(decider.begins) > 1


@pytest.mark.parametrize("decider", COURSES, ids=lambda decider: decider.name)
def test_every_step_can_be_reached(decider: Decider[Any]) -> None:
    seen, frontier = set[str](), [decider.initial]
    done: set[type[Command]] = set()
    while frontier:
        state = frontier.pop()
        for wish in wishes(decider):
            try:
                happened = decider.decide(state, wish, *across(decider, state, wish, []))
            except DomainError:
                continue
            done.add(type(wish))
            after = decider.replay(happened, state)
            if after.step not in seen:
                seen.add(after.step)
                frontier.append(after)
    assert done == {*decider.commands}


def test_the_manager_endorses_only_what_is_signed() -> None:
    reported = IncidentReported(incident_id="i", place="hall", symptom="smoke", remedy="air")
    given(INCIDENTS, reported).when(EndorseIncident, incident_id="i").refused(
        MatterNotAtThisStep, "incident_id"
    )
    given(INCIDENTS).when(SignIncident, incident_id="i").refused(MatterUnknown, "incident_id")


def test_a_loan_ends_in_the_future() -> None:
    """It is half past nine in the morning of the second of March, and at UTC−12 still the first."""
    loan = {"loan_id": "l", "customer_id": "c", "borrower": "mei", "purpose": "offer"}
    given(LOANS).when(LendFile, **loan, due_on="2026-02-28").refused(LoanDueInThePast, "due_on")
    given(LOANS).when(LendFile, **loan, due_on="2026-03-01").decide()


def test_money_has_a_currency_that_exists() -> None:
    given(OPPORTUNITIES).when(
        OpenOpportunity,
        opportunity_id="o",
        customer_id="c",
        title="x",
        amount_minor=1,
        currency="XXQ",
        percent=5,
    ).refused(UnknownCurrency, "currency")
