"""What a service policy in force makes of a contact: its rings, its clock, pauses and reopening."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from domain.events import Event, Recorded
from domain.interactions import (
    Channel,
    Direction,
    InteractionPaused,
    InteractionRecorded,
    InteractionReopened,
    InteractionResolved,
    InteractionResumed,
    LoopStage,
)
from domain.policies import Policies
from domain.service import ServicePolicyPublished
from domain.tiers import Tier
from projections.interactions import Interaction
from projections.tiers import CustomerValue
from projections.view import views

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNPUBLISHED = Policies()
PATIENT = Policies(
    service_policies=(ServicePolicyPublished(service_version="p", effective_from=date(2026, 1, 1), rings=5),)
)
CALL = InteractionRecorded(
    interaction_id="i", customer_id="c", channel=Channel.PHONE, direction=Direction.INBOUND,
    stage=LoopStage.AFTER, topic="a question",
)  # fmt: skip
PAUSED = InteractionPaused(interaction_id="i", reason="asked for the receipt")
RESUMED = InteractionResumed(interaction_id="i")
RESOLVED = InteractionResolved(interaction_id="i", within_remit=True)
REOPENED = InteractionReopened(interaction_id="i", reason="it came back")


def at(day: int, hour: int, minute: int) -> datetime:
    """In March 2026, of which the sixth is a Friday; open from nine to five."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def contact(
    *happened: tuple[datetime, Event], policies: Policies = UNPUBLISHED, tier: Tier | None = None
) -> Interaction:
    """The row after these events, of a customer in this tier."""
    declaration = views["interactions"]
    row = declaration.blank(("i",))
    value = None
    if tier is not None:
        blank = views["customer_values"].blank(("c",))
        assert isinstance(blank, CustomerValue)
        value = blank.but(tier=tier)
    for version, (moment, event) in enumerate(happened, 1):
        recorded = Recorded(version, "interaction-i", version, moment, moment, event, "c", f"{version}", "Li")
        after = declaration.handlers[type(event)].after(row, recorded, policies, value)
        assert isinstance(after, Interaction)
        row = after
    assert isinstance(row, Interaction)
    return row


@pytest.mark.parametrize(
    ("rings", "policies", "too_long"),
    [(None, Policies(), False), (3, Policies(), False), (4, Policies(), True), (4, PATIENT, False)],
)
def test_a_call_is_answered_after_three_rings_or_as_the_policy_says(
    rings: int | None, policies: Policies, too_long: bool
) -> None:
    row = contact((MONDAY, msgspec.structs.replace(CALL, rings=rings)), policies=policies)
    assert row.rang_too_long is too_long


FRIDAY_EVENING = [(at(6, 16, 55), CALL), (at(6, 16, 58), PAUSED)]
"""Asked five minutes before the close, ten to answer; after three of them we wait for the customer."""


@pytest.mark.parametrize(
    ("tier", "asked", "moved"),
    [
        (Tier.GOLD, at(9, 9, 5), at(9, 9, 37)),
        (Tier.PLATINUM, at(6, 17, 5), at(9, 9, 37)),
    ],
)
def test_a_pause_moves_the_deadline_by_the_time_that_passed_on_its_clock(
    tier: Tier, asked: datetime, moved: datetime
) -> None:
    """Until 9:30 on Monday: two minutes and thirty of ours, or all of the weekend for a key account."""
    assert contact(FRIDAY_EVENING[0], tier=tier).due_at == asked
    resumed = contact(*FRIDAY_EVENING, (at(9, 9, 30), RESUMED), tier=tier)
    assert resumed.due_at == moved
    for late in (False, True):
        answer = (moved + timedelta(minutes=late), RESOLVED)
        row = contact(*FRIDAY_EVENING, (at(9, 9, 30), RESUMED), answer, tier=tier)
        assert (row.answered_late, row.working_minutes) == (late, 10 + late)


@pytest.mark.parametrize(("tier", "due"), [(Tier.GOLD, at(9, 9, 6)), (Tier.PLATINUM, at(6, 17, 6))])
def test_reopening_sets_the_clock_anew(tier: Tier, due: datetime) -> None:
    """Finished an hour late; taken up again at four minutes to five, it has ten minutes from then."""
    late = [(at(6, 10, 0), CALL), (at(6, 11, 10), RESOLVED)]
    assert contact(*late, tier=tier).answered_late
    again = contact(*late, (at(6, 16, 56), REOPENED), tier=tier)
    assert (again.due_at, again.answered_late, again.resolved) == (due, False, False)
    assert (again.reopened, again.working_minutes) == (1, 0)
    finished = contact(*late, (at(6, 16, 56), REOPENED), (due, RESOLVED), tier=tier)
    assert (finished.answered_late, finished.working_minutes) == (False, 10)
