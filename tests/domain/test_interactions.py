"""A contact: whoever took it owns it until it is finished or handed over; the owner is always known."""

from __future__ import annotations

from typing import Any

from domain.errors import InvalidInput
from domain.interactions import (
    INTERACTIONS,
    Channel,
    Direction,
    HandOverInteraction,
    InteractionAlreadyRecorded,
    InteractionHandedOver,
    InteractionRecorded,
    InteractionResolved,
    InteractionResolvedAlready,
    InteractionUnknown,
    LoopStage,
    Mood,
    RecordInteraction,
    ResolveInteraction,
    ResponsibilityTaken,
    ResponsibleAlready,
    ServiceStage,
)
from tests.domain.spec import given

CALL: dict[str, Any] = {
    "interaction_id": "i-1",
    "customer_id": "c-1",
    "channel": "phone",
    "direction": "inbound",
    "stage": "after",
    "topic": "invoice",
}
RECORDED = InteractionRecorded(
    interaction_id="i-1",
    customer_id="c-1",
    channel=Channel.PHONE,
    direction=Direction.INBOUND,
    stage=LoopStage.AFTER,
    topic="invoice",
)
TAKEN = ResponsibilityTaken(interaction_id="i-1", responsible="Li Na")
PASSED_ON = InteractionHandedOver(interaction_id="i-1", giver="Li Na", taker="billing", reason="故障超出权限")
FINISHED = InteractionResolved(interaction_id="i-1", within_remit=True)


def test_whoever_records_a_contact_is_responsible_for_it() -> None:
    given(INTERACTIONS).when(RecordInteraction, **CALL).then(RECORDED, TAKEN)


def test_a_contact_keeps_the_customers_words_mood_and_stage() -> None:
    noted = {"service_stage": "understand", "mood": "angry", "text": "又断网了😡", "duration_seconds": 312}
    given(INTERACTIONS).when(RecordInteraction, **CALL, **noted, order_id="o-1").then(
        InteractionRecorded(
            interaction_id="i-1",
            customer_id="c-1",
            channel=Channel.PHONE,
            direction=Direction.INBOUND,
            stage=LoopStage.AFTER,
            service_stage=ServiceStage.UNDERSTAND,
            mood=Mood.ANGRY,
            topic="invoice",
            text="又断网了😡",
            duration_seconds=312,
            order_id="o-1",
        ),
        TAKEN,
    )


def test_a_contact_is_recorded_once() -> None:
    given(INTERACTIONS, RECORDED, TAKEN).when(RecordInteraction, **CALL).refused(
        InteractionAlreadyRecorded, field="interaction_id"
    )


def test_a_matter_outside_ones_remit_is_handed_over_by_who_has_it() -> None:
    given(INTERACTIONS, RECORDED, TAKEN).when(
        HandOverInteraction, interaction_id="i-1", taker="billing", reason="故障超出权限"
    ).then(PASSED_ON)
    given(INTERACTIONS, RECORDED, TAKEN, PASSED_ON).when(
        HandOverInteraction, interaction_id="i-1", taker="network", reason="not ours"
    ).then(InteractionHandedOver(interaction_id="i-1", giver="billing", taker="network", reason="not ours"))


def test_nobody_hands_over_to_themselves() -> None:
    given(INTERACTIONS, RECORDED, TAKEN, PASSED_ON).when(
        HandOverInteraction, interaction_id="i-1", taker="billing", reason="again"
    ).refused(ResponsibleAlready, field="taker")


def test_a_matter_is_finished_once() -> None:
    resolving = {"interaction_id": "i-1", "within_remit": True}
    given(INTERACTIONS, RECORDED, TAKEN).when(ResolveInteraction, **resolving).then(FINISHED)
    given(INTERACTIONS, RECORDED, TAKEN, FINISHED).when(ResolveInteraction, **resolving).refused(
        InteractionResolvedAlready, field="interaction_id"
    )


def test_what_is_finished_is_not_handed_over() -> None:
    given(INTERACTIONS, RECORDED, TAKEN, FINISHED).when(
        HandOverInteraction, interaction_id="i-1", taker="billing", reason="late"
    ).refused(InteractionResolvedAlready, field="interaction_id")


def test_an_unknown_contact_cannot_be_handed_over_or_finished() -> None:
    given(INTERACTIONS).when(HandOverInteraction, interaction_id="i-9", taker="billing", reason="?").refused(
        InteractionUnknown, field="interaction_id"
    )
    given(INTERACTIONS).when(ResolveInteraction, interaction_id="i-9", within_remit=False).refused(
        InteractionUnknown, field="interaction_id"
    )


def test_channels_and_durations_are_checked() -> None:
    given(INTERACTIONS).when(RecordInteraction, **CALL | {"channel": "fax"}).refused(
        InvalidInput, field="channel"
    )
    given(INTERACTIONS).when(RecordInteraction, **CALL, duration_seconds=-1).refused(
        InvalidInput, field="duration_seconds"
    )
