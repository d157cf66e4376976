"""Deadlines of complaints: published as data, in minutes, by severity and by tier."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.complaints import Severity
from domain.deadlines import (
    DEADLINES,
    DEFAULT_DEADLINES,
    Deadline,
    DeadlineNeverUsed,
    DeadlinesAlreadyPublished,
    DeadlinesPublished,
    DeadlineWithoutLimit,
    PublishDeadlines,
)
from domain.errors import InvalidInput
from domain.events import decode
from domain.tiers import Tier
from tests.domain.spec import given

NEW: dict[str, Any] = {
    "deadlines_version": "2026",
    "effective_from": "2026-01-01",
    "default_minutes": 480,
    "rules": [
        {"tier": "platinum", "severity": "critical", "minutes": 15, "around_the_clock": True},
        {"severity": "critical", "minutes": 30},
        {"tier": "platinum", "minutes": 120},
    ],
}
PUBLISHED = DeadlinesPublished(
    deadlines_version="2026",
    effective_from=date(2026, 1, 1),
    default_minutes=480,
    rules=(
        Deadline(tier=Tier.PLATINUM, severity=Severity.CRITICAL, minutes=15, around_the_clock=True),
        Deadline(severity=Severity.CRITICAL, minutes=30),
        Deadline(tier=Tier.PLATINUM, minutes=120),
    ),
)


def test_deadlines_are_published_once_under_their_version() -> None:
    given(DEADLINES).when(PublishDeadlines, **NEW).then(PUBLISHED)
    given(DEADLINES, PUBLISHED).when(PublishDeadlines, **NEW).refused(
        DeadlinesAlreadyPublished, field="deadlines_version"
    )
    given(DEADLINES).when(PublishDeadlines, **NEW | {"deadlines_version": "default"}).refused(
        DeadlinesAlreadyPublished, field="deadlines_version"
    )


@pytest.mark.parametrize(
    ("severity", "tier", "minutes"),
    [
        (Severity.CRITICAL, Tier.PLATINUM, 15),
        (Severity.CRITICAL, Tier.GOLD, 30),
        (Severity.CRITICAL, None, 30),
        (Severity.LOW, Tier.PLATINUM, 120),
        (None, Tier.PLATINUM, 120),
        (Severity.LOW, Tier.LEAD, 480),
        (None, None, 480),
    ],
)
def test_the_first_rule_for_its_severity_and_tier_holds_else_the_default(
    severity: Severity | None, tier: Tier | None, minutes: int
) -> None:
    assert PUBLISHED.deadline(severity, tier).minutes == minutes


def test_only_the_rule_that_says_so_counts_night_and_day() -> None:
    assert PUBLISHED.deadline(Severity.CRITICAL, Tier.PLATINUM).around_the_clock
    assert not PUBLISHED.deadline(Severity.CRITICAL, Tier.GOLD).around_the_clock


def test_half_a_working_day_is_the_default_for_every_severity_and_tier() -> None:
    found = {DEFAULT_DEADLINES.deadline(severity, tier) for severity in (*Severity, None) for tier in Tier}
    assert found == {Deadline(minutes=240)}


def test_a_rule_that_would_never_hold_is_refused_and_named() -> None:
    publishing = given(DEADLINES)
    high, platinum = {"severity": "high", "minutes": 60}, {"tier": "platinum", "minutes": 60}
    both = {**high, **platinum}
    for rules in ([high, high], [platinum, both], [high, both]):
        publishing.when(PublishDeadlines, **NEW | {"rules": rules}).refused(
            DeadlineNeverUsed, field="rules[1]"
        )
    publishing.when(PublishDeadlines, **NEW | {"rules": [high, {"minutes": 60}]}).refused(
        DeadlineWithoutLimit, field="rules[1]"
    )


def test_a_deadline_is_above_zero() -> None:
    publishing = given(DEADLINES)
    publishing.when(PublishDeadlines, **NEW | {"rules": [{"severity": "high", "minutes": 0}]}).refused(
        InvalidInput, field="rules[0].minutes"
    )
    publishing.when(PublishDeadlines, **NEW | {"default_minutes": 0}).refused(
        InvalidInput, field="default_minutes"
    )


def test_the_first_version_had_rules_for_severities_only() -> None:
    stored = (
        b'{"deadlines_version":"2025","effective_from":"2025-01-01","default_minutes":480,'
        b'"by_severity":[{"severity":"critical","minutes":30}]}'
    )
    event = decode("DeadlinesPublished", 1, stored)
    assert isinstance(event, DeadlinesPublished)
    assert event.rules == (Deadline(severity=Severity.CRITICAL, minutes=30),)
