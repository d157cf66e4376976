"""What a contact's rings make of it under the service policy in force."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from domain.events import Recorded
from domain.interactions import Channel, Direction, InteractionRecorded, LoopStage
from domain.policies import Policies
from domain.service import ServicePolicyPublished
from projections.interactions import Interaction
from projections.view import views

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
PATIENT = Policies(
    service_policies=(ServicePolicyPublished(service_version="p", effective_from=date(2026, 1, 1), rings=5),)
)


@pytest.mark.parametrize(
    ("rings", "policies", "too_long"),
    [(None, Policies(), False), (3, Policies(), False), (4, Policies(), True), (4, PATIENT, False)],
)
def test_a_call_is_answered_after_three_rings_or_as_the_policy_says(
    rings: int | None, policies: Policies, too_long: bool
) -> None:
    call = InteractionRecorded(
        interaction_id="i", customer_id="c", channel=Channel.PHONE, direction=Direction.INBOUND,
        stage=LoopStage.AFTER, topic="a question", rings=rings,
    )  # fmt: skip
    declaration = views["interactions"]
    recorded = Recorded(1, "interaction-i", 1, MONDAY, MONDAY, call, "c", "id", "Li Na")
    row = declaration.handlers[InteractionRecorded].after(declaration.blank(("i",)), recorded, policies, None)
    assert isinstance(row, Interaction)
    assert row.rang_too_long is too_long
