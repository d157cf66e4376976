"""What a complaint's deadline makes of reopening, looking again, and deciding twice."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.complaints import (
    Category,
    ComplaintAssessed,
    ComplaintClosed,
    ComplaintReceived,
    ComplaintReopened,
    DecisionCommunicated,
    Severity,
)
from domain.events import Event, Recorded
from domain.policies import Policies
from projections.complaints import Complaint
from projections.view import views

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
RECEIVED = ComplaintReceived(complaint_id="k", customer_id="c", category=Category.PRICE, text="too dear")
ASSESSED = ComplaintAssessed(
    complaint_id="k", severity=Severity.HIGH, safety=False, complexity=1, impact=1, immediate=False
)
DECIDED = DecisionCommunicated(complaint_id="k", decision="a discount")
CLOSED = ComplaintClosed(complaint_id="k", root_cause="list price")
REOPENED = ComplaintReopened(complaint_id="k", reason="again")


def after(*story: tuple[datetime, Event]) -> Complaint:
    """The view's row after these events; by default half a working day is four hours."""
    declaration = views["complaints"]
    row = declaration.blank(("k",))
    for position, (at, event) in enumerate(story, start=1):
        recorded = Recorded(position, "complaint-k", position, at, at, event, "c", "id", "Li Na")
        handler = declaration.handlers[type(event)]
        folded = handler.after(row, recorded, Policies(), None)
        assert folded is not None
        row = folded
    assert isinstance(row, Complaint)
    return row


def test_a_reopened_complaint_is_due_from_its_reopening_also_when_it_is_assessed_again() -> None:
    april = datetime(2026, 4, 1, 9, tzinfo=UTC)
    reopened = after(
        (MONDAY, RECEIVED), (MONDAY, DECIDED), (MONDAY, CLOSED), (april, REOPENED), (april, ASSESSED)
    )
    assert reopened.due_at == april.replace(hour=13)


def test_a_second_decision_misses_no_deadline_that_the_first_one_kept() -> None:
    twice = after((MONDAY, RECEIVED), (MONDAY.replace(hour=10), DECIDED), (MONDAY.replace(day=9), DECIDED))
    assert not twice.late
    assert twice.decided_at == MONDAY.replace(hour=10)


def test_assessing_after_the_decision_moves_no_deadline() -> None:
    decided = after((MONDAY, RECEIVED), (MONDAY.replace(hour=15), DECIDED))
    assert decided.late
    later = after((MONDAY, RECEIVED), (MONDAY.replace(hour=15), DECIDED), (MONDAY.replace(day=9), ASSESSED))
    assert later.due_at == decided.due_at


def test_an_assessment_is_kept_in_all_its_parts() -> None:
    """Severity, safety, complexity, impact, immediacy (ISO 10002, 7.4)."""
    grave = ComplaintAssessed(
        complaint_id="k", severity=Severity.CRITICAL, safety=True, complexity=2, impact=5, immediate=True
    )
    fresh, row = after((MONDAY, RECEIVED)), after((MONDAY, RECEIVED), (MONDAY, grave))
    assert (fresh.severity, fresh.safety, fresh.complexity, fresh.impact, fresh.immediate) == (None,) * 5
    assert (row.severity, row.safety, row.complexity, row.impact, row.immediate) == (
        "critical",
        True,
        2,
        5,
        True,
    )
