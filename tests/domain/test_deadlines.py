"""Deadlines of complaints: published as data, in working minutes, by severity."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.complaints import Severity
from domain.deadlines import (
    DEADLINES,
    DEFAULT_DEADLINES,
    DeadlinesAlreadyPublished,
    DeadlinesPublished,
    PublishDeadlines,
    SeverityDeadline,
    SeverityTwice,
)
from domain.errors import InvalidInput
from tests.domain.spec import given

NEW: dict[str, Any] = {
    "deadlines_version": "2026",
    "effective_from": "2026-01-01",
    "default_minutes": 480,
    "by_severity": [{"severity": "critical", "minutes": 30}, {"severity": "high", "minutes": 120}],
}
PUBLISHED = DeadlinesPublished(
    deadlines_version="2026",
    effective_from=date(2026, 1, 1),
    default_minutes=480,
    by_severity=(
        SeverityDeadline(severity=Severity.CRITICAL, minutes=30),
        SeverityDeadline(severity=Severity.HIGH, minutes=120),
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
    ("severity", "minutes"), [(Severity.CRITICAL, 30), (Severity.HIGH, 120), (Severity.LOW, 480), (None, 480)]
)
def test_a_severity_that_is_not_named_has_the_default(severity: Severity | None, minutes: int) -> None:
    assert PUBLISHED.minutes(severity) == minutes


def test_half_a_working_day_is_the_default_for_every_severity() -> None:
    assert {DEFAULT_DEADLINES.minutes(severity) for severity in (*Severity, None)} == {240}


def test_each_severity_has_one_deadline_above_zero() -> None:
    high, never = {"severity": "high", "minutes": 60}, {"severity": "high", "minutes": 0}
    publishing = given(DEADLINES)
    publishing.when(PublishDeadlines, **NEW | {"by_severity": [high, high]}).refused(
        SeverityTwice, field="by_severity"
    )
    publishing.when(PublishDeadlines, **NEW | {"by_severity": [never]}).refused(
        InvalidInput, field="by_severity[0].minutes"
    )
    publishing.when(PublishDeadlines, **NEW | {"default_minutes": 0}).refused(
        InvalidInput, field="default_minutes"
    )
